"""In what two devices differ to a guest, and what of a device that is.

A view's fact is the answer to a whole question, such as the sizes of all queues. What differs is
told as narrowly as a person would: one queue's size, one byte of a configuration, one feature bit.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Final, TypeGuard

from platform_abi.emit.arguments import global_argument
from platform_abi.guest.pci_config import LINK_STATE, SIZE, SLOT_STATE, without_express
from platform_abi.guest.view import REFUSED, Facts
from platform_abi.model.abi import Setting
from platform_abi.model.catalogue import Catalogue
from platform_abi.model.device import VirtioBit
from platform_abi.model.digest import canonical_digest
from platform_abi.model.value import frozen

#: Facts that are 128 or 32 bits, each an offer of its own, and what one of them is called.
_MASKS = {"features": "feature", "legacy-features": "legacy feature"}


@frozen(kw_only=True)
class FactDifference:
    """One thing that a guest finds otherwise; None for what is not there.

    *fact* is what a view calls that which differs, *what* the part of it that does: ``queue 0
    size`` of the fact ``queues``. *pin* is the argument of QEMU that gives a guest what was
    *before*, empty where nothing is known that would.
    """

    fact: str
    what: str
    before: str | None
    after: str | None
    pin: str = ""


def fact_differences(
    catalogue: Catalogue, driver: str, before: Facts, after: Facts, *, ignored: int = 0
) -> Iterator[FactDifference]:
    """Yield in what a device of *driver* differs, sorted by fact; nothing where it does not.

    The other way round the same differs, with the sides exchanged. *ignored* are feature bits that
    are none of the comparison. Of a device that one side does not start with, that alone is told.
    """
    refused = [facts.get(REFUSED) for facts in (before, after)]
    if refused != [None, None]:
        if refused[0] != refused[1]:
            there = ["there" if words is None else f"none: {words}" for words in refused]
            yield FactDifference(fact="device", what="device", before=there[0], after=there[1])
        return
    for fact in sorted(before.keys() | after.keys()):
        first, second = before.get(fact), after.get(fact)
        if first == second:
            continue
        if fact in _MASKS and _is_mask(first) and _is_mask(second):
            changed = (int(first, 16) ^ int(second, 16)) & ~ignored
            for number in range(changed.bit_length()):
                if changed >> number & 1:
                    on = bool(int(first, 16) >> number & 1)
                    yield _bit(catalogue, driver, fact, number, on=on)
        else:
            yield from _parts(fact, first, second)


def device_fingerprint(facts: Facts) -> str:
    """Return the digest of all that a guest finds of a device: equal for what is alike."""
    return canonical_digest(dict(facts))


def lasting(facts: Facts) -> Facts:
    """Return *facts* without what is no more than the state of a device at this moment.

    Link and slot of PCI Express say what is plugged in and whether it has been reset, and what they
    say is in a migration stream (hw/pci/pcie.c, pcie_sync_bridge_lnk; hw/pci/pci.c, vmstate). A
    slot with nothing in it is switched off (pcie_cap_slot_reset).
    """
    return without_express(facts, (*LINK_STATE, *SLOT_STATE))


# --- feature bits --------------------------------------------------------------------------------


def _is_mask(text: str | None) -> TypeGuard[str]:
    return text is not None and re.fullmatch("0x[0-9a-f]{1,32}", text) is not None


def _bit(catalogue: Catalogue, driver: str, fact: str, number: int, *, on: bool) -> FactDifference:
    """Return the difference in one feature bit, which was *on* before or was not."""
    name, carrier, bit = _named(catalogue, driver, number)
    before, after = ("on", "off") if on else ("off", "on")
    pin = ""
    if bit is not None and bit.property and not bit.off:
        pin = global_words(carrier, bit.property, before)
    what = f"{_MASKS[fact]} {number} {name}".rstrip()
    return FactDifference(fact=fact, what=what, before=before, after=after, pin=pin)


def _named(catalogue: Catalogue, driver: str, number: int) -> tuple[str, str, VirtioBit | None]:
    """Return what a feature bit is called, the driver that carries it, and its definition."""
    family = catalogue.devices().family_of(driver)
    own = () if family is None else family.bit
    for bit in (*own, *catalogue.devices().common_bits):
        if bit.bit == number:
            return bit.name, driver if family is None else family.driver, bit
    return "", driver, None


def global_words(driver: str, name: str, value: str) -> str:
    """Return the words by which QEMU gives property *name* of every *driver* a *value*."""
    setting = Setting(driver=driver, property=name, value=value, layer="global", source="")
    return f"-global {global_argument(setting)}"


# --- parts of the other facts --------------------------------------------------------------------


def _parts(fact: str, first: str | None, second: str | None) -> Iterator[FactDifference]:
    """Yield in which parts of a fact two texts differ; the whole where no part of it is told."""
    found: list[FactDifference] = []
    tell = next((tell for kind, tell in _KINDS if kind.fullmatch(fact)), None)
    if tell is not None and (fact == _REGISTERS or None not in (first, second)):
        # Of registers nothing is said where all are zero.
        found += tell(fact, first or "", second or "")
    yield from found or [_whole(fact, first, second)]


def _whole(fact: str, first: str | None, second: str | None) -> FactDifference:
    return FactDifference(fact=fact, what=_name(fact), before=first, after=second)


def _name(fact: str) -> str:
    """Return what a person calls a fact as a whole."""
    if fact.startswith("bar"):
        return f"BAR {fact[3:]}"
    return _NAMES.get(fact, fact.replace("extended ", "extended capability ", 1))


_REGISTERS = "registers"

_NAMES: Final = {
    "queues": "queue sizes",
    "legacy-queues": "legacy queue sizes",
    "legacy-features": "legacy interface",
    "features": "virtio 1.x interface",
    "config": "configuration",
    "rom": "option ROM size",
}


def _queues(fact: str, first: str, second: str) -> Iterator[FactDifference]:
    kind = fact.removesuffix("s").replace("-", " ")
    sizes = [_queue_sizes(text) for text in (first, second)]
    counts = [len(side) for side in sizes]
    if 0 in counts:
        return
    if counts[0] != counts[1]:
        before, after = map(str, counts)
        yield FactDifference(fact=fact, what=f"number of {kind}s", before=before, after=after)
    pairs = enumerate(zip(*sizes, strict=False))
    for (before, after), run in groupby(pairs, key=lambda pair: pair[1]):
        places = [place for place, _ in run]
        if before != after:
            one = f"{kind} {places[0]} size"
            what = one if len(places) == 1 else f"size of {kind}s {places[0]} to {places[-1]}"
            yield FactDifference(fact=fact, what=what, before=before, after=after)


def _queue_sizes(text: str) -> list[str]:
    """Return the size of each queue, of which ``256*2 64`` has three; none of another text."""
    if not re.fullmatch(r"\d{1,5}(?:\*\d{1,4})?(?: \d{1,5}(?:\*\d{1,4})?)*", text):
        return []
    runs = (run.partition("*") for run in text.split(" "))
    return [size for size, _, count in runs for _ in range(int(count or 1))]


def _configuration(fact: str, first: str, second: str) -> Iterator[FactDifference]:
    sides = [_bytes(text) for text in (first, second)]
    if b"" in sides:
        return
    lengths = [len(side) for side in sides]
    if lengths[0] != lengths[1]:
        before, after = map(str, lengths)
        yield FactDifference(fact=fact, what="configuration length", before=before, after=after)
    yield from _places(fact, "configuration byte", *sides)


def _bytes(text: str) -> bytes:
    """Return the bytes of a text in hexadecimal; none of another."""
    return bytes.fromhex(text) if re.fullmatch(r"(?:[0-9a-f]{2})+", text) else b""


def _registers(fact: str, first: str, second: str) -> Iterator[FactDifference]:
    sides = [_register_file(text) for text in (first, second)]
    yield from _places(fact, "register", *sides)


def _register_file(text: str) -> bytes:
    """Return all registers of which ``50:10 63:b0`` has those that are not zero."""
    found = bytearray(SIZE)
    for run in re.finditer(r"([0-9a-f]{2}):((?:[0-9a-f]{2})+)", text):
        place, said = int(run[1], 16), bytes.fromhex(run[2])
        found[place : place + len(said)] = said
    return bytes(found[:SIZE])


def _places(fact: str, noun: str, first: bytes, second: bytes) -> Iterator[FactDifference]:
    """Yield the bytes that differ where there are both, those in a row together."""
    pairs = [n for n, pair in enumerate(zip(first, second, strict=False)) if pair[0] != pair[1]]
    for _, run in groupby(enumerate(pairs), key=lambda pair: pair[1] - pair[0]):
        places = [place for _, place in run]
        begin, end = places[0], places[-1]
        yield FactDifference(
            fact=fact,
            what=f"{noun} {begin:#x}" if begin == end else f"{noun}s {begin:#x} to {end:#x}",
            before=first[begin : end + 1].hex(),
            after=second[begin : end + 1].hex(),
        )


def _bar(fact: str, first: str, second: str) -> Iterator[FactDifference]:
    kinds, sizes = zip(*(text.rpartition(", ")[::2] for text in (first, second)), strict=True)
    if kinds[0] == kinds[1] != "":
        yield FactDifference(fact=fact, what=f"{_name(fact)} size", before=sizes[0], after=sizes[1])


def _capability(fact: str, first: str, second: str) -> Iterator[FactDifference]:
    places, bodies = zip(*(text.partition(": ")[::2] for text in (first, second)), strict=True)
    if places[0] == places[1] and re.fullmatch("at [0-9a-f]{2,3}", places[0]):
        what = f"{_name(fact)} at 0x{places[0].removeprefix('at ')}"
        yield FactDifference(fact=fact, what=what, before=bodies[0], after=bodies[1])


_Tell = Callable[[str, str, str], Iterator[FactDifference]]

#: By what a fact is called, how two texts of it are told apart; nothing where they cannot be.
_KINDS: Final[tuple[tuple[re.Pattern[str], _Tell], ...]] = (
    (re.compile("(?:legacy-)?queues"), _queues),
    (re.compile("config"), _configuration),
    (re.compile(_REGISTERS), _registers),
    (re.compile(r"bar\d"), _bar),
    (re.compile("(?:capability|extended) .+"), _capability),
)
