"""Whether one host's KVM takes the registers that another one's shows its guests."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from platform_abi.model.platform import version_key

if TYPE_CHECKING:
    from platform_abi.model.feature import Registers
    from platform_abi.model.host import HostReport

#: How reports write what is in a register.
_WORD = re.compile("0x[0-9a-f]{1,32}")

#: What a field of four bits holds that stands for less than 0, or for something of its own: no
#: order tells what it is to other values (Arm ARM, principles of the ID scheme).
_NO_NUMBER = 0xF


def taken(
    registers: Registers,
    first: HostReport,
    second: HostReport,
    *,
    qemu: str | None = None,
    returns: bool = False,
    off: Collection[str] = (),
) -> tuple[bool, tuple[str, ...]]:
    """Return whether it is known that the KVM of *second* takes the registers of *first*.

    Beside that, which it provably does not take, with both values.
    *qemu* is the version of the QEMU that receives them; None where nobody knows it. A guest that
    *returns* to where it was started has the values of that host, which it takes back. *off* are
    properties of the CPU that the user turns off.
    """
    sent, known = (report.sets.get(registers.listed) for report in (first, second))
    if sent is None or known is None:
        return False, ()
    if registers.mutual:
        return _alike(registers, first, second, {registers.switches.get(name, "") for name in off})
    both = set(sent) & set(known)
    told = [
        {name for name in both if f"{registers.values}{name}" in report.values}
        for report in (first, second)
    ]
    lacking = set(sent) - set(known) - _tolerated(registers, first, sent, qemu)
    differ = [f"{name} (there and not there)" for name in sorted(lacking)]
    if not returns:
        differ += _refused(registers, first, second, both)
    return bool(told[0]) and told[0] == told[1], tuple(differ)


def _alike(
    registers: Registers, first: HostReport, second: HostReport, off: Collection[str]
) -> tuple[bool, tuple[str, ...]]:
    """Return whether each host says what its registers hold, and which of these are not alike."""
    both = [report.sets[registers.listed] for report in (first, second)]
    names = {name for listed in both for name in listed if _any(registers.only, name)}
    one, two = ({n: _held(registers, r, n, off) for n in names} for r in (first, second))
    differ = tuple(
        f"{registers.values}{name} ({one[name]} and {two[name]})"
        for name in sorted(names)
        if one[name] and two[name] and one[name] != two[name]
    )
    return all(one.values()) and all(two.values()), differ


def _held(registers: Registers, report: HostReport, name: str, off: Collection[str]) -> str:
    """Return what a guest finds in register *name* on the host of *report*; nothing if unknown."""
    if name not in report.sets[registers.listed]:
        return "0x0"
    if name in off and f"{registers.writable}{name}" in report.values:
        return "0x0"
    return report.values.get(f"{registers.values}{name}", "")


def _tolerated(
    registers: Registers, first: HostReport, sent: Collection[str], qemu: str | None
) -> set[str]:
    """Return which registers that were *sent* the receiving QEMU can do without."""
    since = registers.tolerant_since
    if qemu is None or not since or version_key(_release(qemu)) < version_key(since):
        return set()
    zero = {
        name
        for name in sent
        if name in registers.tolerated_zero
        and first.values.get(f"{registers.values}{name}") == "0x0"
    }
    return {name for name in sent if name in registers.tolerated} | zero


def _release(version: str) -> str:
    """Return the release that QEMU's *version* begins with: ``11.0.50`` of ``11.0.50 (v11)``."""
    match = re.match(r"[0-9]+(\.[0-9]+){0,2}", version)
    return match[0] if match else "0"


def _refused(
    registers: Registers, first: HostReport, second: HostReport, both: Collection[str]
) -> Iterator[str]:
    """Yield the registers of *both* whose value the KVM of *second* does not take, or may not."""
    for name in sorted(both):
        one, two = (r.values.get(f"{registers.values}{name}") for r in (first, second))
        if one is None or two is None or one == two:
            continue
        mask = second.values.get(f"{registers.writable}{name}", "0x0")
        words = (one, two, mask)
        if all(map(_WORD.fullmatch, words)) and _takes(
            registers, name, *(int(w, 16) for w in words)
        ):
            continue
        yield f"{registers.values}{name} ({one} and {two})"


def _takes(registers: Registers, name: str, sent: int, own: int, writable: int) -> bool:
    """Return whether a KVM with the value *own* of register *name* takes *sent* instead."""
    if _any(registers.numbers, name):
        return sent <= own
    if _any(registers.bits, name):
        return sent & ~own == 0
    if not _any(registers.fields, name) or (sent ^ own) & ~writable:
        return False
    return all(_lower(sent >> at & 0xF, own >> at & 0xF) for at in range(0, 64, 4))


def _lower(sent: int, own: int) -> bool:
    return sent == own or (sent < own and own != _NO_NUMBER)


def _any(patterns: Sequence[str], name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
