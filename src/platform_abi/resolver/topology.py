"""vCPUs and memory as QEMU makes them of ``-smp`` and ``-m``: every number that a guest sees."""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import prod

from platform_abi.errors import UsageError
from platform_abi.model.value import frozen

#: The levels of a topology, largest first (qapi/machine-common.json, SMPConfiguration).
LEVELS = ("drawers", "books", "sockets", "dies", "clusters", "modules", "cores", "threads")

#: Every key of ``-smp``.
KEYS = ("cpus", "maxcpus", *LEVELS)

#: RAM is a multiple of this, in bytes (hw/core/machine.c, machine_set_mem).
_ALIGNMENT = 8192

_SIZE = re.compile(
    r"(?P<number>0x[0-9a-f]{1,16}|\d{1,20}(?:\.\d{1,20})?)(?P<suffix>[bkmgtpe]?)",
    re.IGNORECASE | re.ASCII,
)

#: No number of 64 bits has more digits.
_COUNT = re.compile(r"\d{1,20}", re.ASCII)

_SUFFIXES = {"": 0, "b": 0, "k": 10, "m": 20, "g": 30, "t": 40, "p": 50, "e": 60}

#: What a size without a suffix is counted in by -m and -numa mem= (system/vl.c).
MEGABYTES = "m"


@frozen(kw_only=True)
class Memory:
    """RAM in bytes, how far it can grow, and in how many slots."""

    size: int
    slots: int = 0
    maximum: int = 0


def topology(given: Mapping[str, str], *, prefer_sockets: bool) -> dict[str, int]:
    """Return the number of vCPUs and of every level that ``-smp`` with the keys *given* means.

    What is not given is worked out as QEMU does: with *prefer_sockets* sockets before cores, which
    is what machine types before 6.2 do (hw/core/machine-smp.c, machine_parse_smp_config).

    Raises UsageError (``smp-value``) for what is no number above 0.
    """
    numbers = {key: _count(key, text) for key, text in given.items() if key in KEYS}
    levels = {level: numbers.get(level, 0) for level in LEVELS}
    worked_out = ("sockets", "cores", "threads")
    for level in LEVELS:
        if level not in worked_out:
            levels[level] = levels[level] or 1
    cpus, maxcpus = numbers.get("cpus", 0), numbers.get("maxcpus", 0)
    wanted = maxcpus or cpus
    order = ("sockets", "cores") if prefer_sockets else ("cores", "sockets")
    # With no number of vCPUs at all every level that is left out is 1.
    left_out = [level for level in (*order, "threads") if not levels[level]]
    for level in left_out[1:] if wanted else left_out:
        levels[level] = 1
    if wanted and left_out:
        others = prod(levels[level] for level in LEVELS if level != left_out[0])
        levels[left_out[0]] = wanted // others
    maxcpus = wanted or prod(levels.values())
    return {"cpus": cpus or maxcpus, "maxcpus": maxcpus, **levels}


def _count(key: str, text: str) -> int:
    if _COUNT.fullmatch(text) is None or int(text) == 0:
        raise UsageError(
            f"-smp {key}={text[:80]}: expected a number above 0",
            code="smp-value",
            help="leave it out, and QEMU works it out",
        )
    return int(text)


def memory(given: Mapping[str, str], default: int | None) -> Memory | None:
    """Return the RAM that ``-m`` with the keys *given* means; *default* is the board's own.

    None where only the board knows. Raises UsageError (``memory-value``) for what is no size.
    """
    text = given.get("size")
    size = default if text is None else size_of(text, "-m size", unit=MEGABYTES) or default
    if size is None:
        return None
    size = -(-size // _ALIGNMENT) * _ALIGNMENT
    maximum = size_of(given.get("maxmem", "0"), "-m maxmem")
    slots = size_of(given.get("slots", "0"), "-m slots")
    # As much as there is already is no room to grow, and QEMU then says none.
    return Memory(size=size, slots=slots, maximum=max(maximum, size))


def size_of(text: str, place: str, *, unit: str = "") -> int:
    """Return a size in bytes, ``1.5G`` as QEMU reads it; *unit* is the suffix of one without any.

    Raises UsageError (``memory-value``); *place* is what the error calls it.
    """
    match = _SIZE.fullmatch(text)
    if match is None:
        raise UsageError(
            f"{place}={text[:80]}: expected a size",
            code="memory-value",
            help="as in 4G, or 4096 for megabytes",
        )
    shift = _SUFFIXES[(match["suffix"] or unit).lower()]
    number = match["number"].lower()
    if number.startswith("0x"):
        return int(number, 16) << shift
    whole, _, part = number.partition(".")
    # Exactly, as a float would not be.
    return (int(whole + part) << shift) // int("1" + "0" * len(part))
