"""The configuration space of a PCI function, put into words.

Everything that is in it before a driver or a firmware has written to it is said once: identity,
capabilities, and the registers between them as bytes. Pure. Names and offsets are those of the PCI
Local Bus Specification 3.0, chapter 6, and PCI Express 5.0, chapter 7.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping

#: How much of configuration space any function has, and an express one where it can be reached.
SIZE = 256
EXTENDED_SIZE = 4096

_HEADER = 0x40
_STATUS_CAPABILITIES = 0x10
_BRIDGE = 1
VIRTIO_VENDOR = 0x1AF4
_VENDOR_SPECIFIC = 0x09
_MSI = 0x05
_MSIX = 0x11

#: Capabilities by id: what they are called, and their length where it is always the same.
_CAPABILITIES = {
    0x01: ("pm", 8),
    0x03: ("vpd", 8),
    0x04: ("slot-id", 4),
    _MSI: ("msi", 0),
    0x07: ("pci-x", 8),
    _VENDOR_SPECIFIC: ("vendor", 0),
    0x0C: ("shpc", 8),
    0x0D: ("ssvid", 8),
    0x10: ("express", 0x3C),
    _MSIX: ("msix", 12),
    0x12: ("sata", 8),
    0x13: ("af", 6),
}

#: Where registers of an Express capability are behind its two bytes of header (PCI Express 5.0,
#: 7.5.3): slot control and status; link status, and the second one.
SLOT_STATE = (0x18 - 2, 0x1A - 2)
LINK_STATE = (0x12 - 2, 0x32 - 2)

#: Extended capabilities by id.
_EXTENDED = {
    0x01: "aer",
    0x03: "serial-number",
    0x0B: "vendor-extended",
    0x0D: "acs",
    0x0E: "ari",
    0x0F: "ats",
    0x10: "sr-iov",
    0x13: "pri",
    0x1B: "pasid",
    0x1D: "dpc",
}

#: What a virtio structure is of, by cfg_type (VIRTIO 1.3, 4.1.4).
_VIRTIO_STRUCTURES = {
    1: "common",
    2: "notify",
    3: "isr",
    4: "device",
    5: "access",
    8: "shared-memory",
}
_VIRTIO_LENGTH = 16


def facts(image: bytes) -> dict[str, str]:
    """Return what *image*, 256 or 4096 bytes of configuration space, says.

    BARs and the ROM are no part of that: what they decode shows when they are written to.
    """
    kind = image[0x0E] & 0x7F
    found = {
        "identity": f"{_word(image, 0):04x}:{_word(image, 2):04x}",
        "class": f"{image[0x0B]:02x}{image[0x0A]:02x}{image[0x09]:02x}",
        "revision": f"{image[0x08]:02x}",
        "header": f"{image[0x0E]:02x}",
        "interrupt-pin": str(image[0x3D]),
    }
    if kind != _BRIDGE:
        found["subsystem"] = f"{_word(image, 0x2C):04x}:{_word(image, 0x2E):04x}"
    covered = bytearray(image[:SIZE])
    covered[:_HEADER] = bytes(_HEADER)
    _say(found, "capability", _capabilities(image, covered))
    if registers := _runs(bytes(covered)):
        found["registers"] = registers
    if len(image) == EXTENDED_SIZE:
        _say(found, "extended", _extended(image))
    return found


def without_express(facts: Mapping[str, str], registers: Iterable[int]) -> Mapping[str, str]:
    """Return *facts* with zeros for *registers* of two bytes in the Express capability, if any.

    What a slot is told is for software to write, and what it and a link say once a device is there
    follows from that and from nothing that was promised.
    """
    place, _, text = facts.get(_EXPRESS, "").partition(": ")
    if not text or _HEX.fullmatch(text) is None:
        return facts
    body = bytearray.fromhex(text if len(text) % 2 == 0 else f"{text}0")
    for register in registers:
        body[register : register + 2] = bytes(len(body[register : register + 2]))
    return {**facts, _EXPRESS: f"{place}: {_bytes(bytes(body))}"}


#: What ``facts`` calls an Express capability, and how it writes the bytes of one.
_EXPRESS = "capability express"
_HEX = re.compile("[0-9a-f]+")


def capability_offsets(image: bytes) -> Iterator[int]:
    """Yield where the capabilities of a function are, in the order of its list."""
    if not image[0x06] & _STATUS_CAPABILITIES:
        return
    seen: set[int] = set()
    offset = image[0x34] & 0xFC
    while offset >= _HEADER and offset not in seen:
        seen.add(offset)
        yield offset
        offset = image[offset + 1] & 0xFC


def virtio_structure(image: bytes, kind: str) -> tuple[int, int] | None:
    """Return where the capability of a virtio structure is, and the structure in its BAR.

    None where the function has no such structure.
    """
    if _word(image, 0) != VIRTIO_VENDOR:
        return None
    for offset in capability_offsets(image):
        if image[offset] == _VENDOR_SPECIFIC and _structure(image, offset) == kind:
            return offset, int.from_bytes(image[offset + 8 : offset + 12], "little")
    return None


def _say(found: dict[str, str], kind: str, said: Iterator[tuple[str, str]]) -> None:
    """Put into *found* what was *said*; of several of one name each has a number."""
    for name, text in said:
        key, count = f"{kind} {name}", 1
        while key in found:
            count += 1
            key = f"{kind} {name} {count}"
        found[key] = text


def _capabilities(image: bytes, covered: bytearray) -> Iterator[tuple[str, str]]:
    """Yield each capability, in the order of the list; *covered* loses what they cover."""
    for offset in capability_offsets(image):
        number = image[offset]
        name, length = _CAPABILITIES.get(number, (f"{number:02x}", 4))
        if number == _VENDOR_SPECIFIC:
            length = max(image[offset + 2], 4)
            if _word(image, 0) == VIRTIO_VENDOR:
                name = f"virtio-{_structure(image, offset)}"
                length = max(length, _VIRTIO_LENGTH)
        elif number == _MSI:
            length = _msi_length(image[offset + 2])
        body = image[offset + 2 : min(offset + length, SIZE)]
        covered[offset : offset + length] = bytes(min(length, SIZE - offset))
        put = _WORDS.get(number, _bytes)
        yield name, f"at {offset:02x}: {put(body)}"


def _structure(image: bytes, offset: int) -> str:
    kind = image[offset + 3]
    return _VIRTIO_STRUCTURES.get(kind, str(kind))


def _msi_length(control: int) -> int:
    """Return the length of an MSI capability: wider for 64-bit addresses, and with a mask."""
    return 10 + 4 * bool(control & 0x80) + 10 * (control >> 8 & 1)


def _msix(body: bytes) -> str:
    table, pending = (int.from_bytes(body[i : i + 4], "little") for i in (2, 6))
    vectors = (int.from_bytes(body[:2], "little") & 0x7FF) + 1
    places = (f"bar {word & 7} + {word & ~7:#x}" for word in (table, pending))
    return "{} vectors, table in {}, pending bits in {}".format(vectors, *places)


def _bytes(body: bytes) -> str:
    """Return bytes in hexadecimal, zeros at the end left out."""
    return body.rstrip(b"\0").hex() or "0"


_WORDS: dict[int, Callable[[bytes], str]] = {_MSIX: _msix}


def _extended(image: bytes) -> Iterator[tuple[str, str]]:
    """Yield each extended capability, in the order of the list."""
    offsets: list[int] = []
    offset = SIZE
    while SIZE <= offset < EXTENDED_SIZE and offset not in offsets:
        if int.from_bytes(image[offset : offset + 4], "little") in (0, 0xFFFFFFFF):
            break
        offsets.append(offset)
        offset = _word(image, offset + 2) >> 4 & 0xFFC
    for offset in offsets:
        end = min((o for o in offsets if o > offset), default=EXTENDED_SIZE)
        number, version = _word(image, offset), image[offset + 2] & 0xF
        name = _EXTENDED.get(number, f"{number:04x}")
        yield name, f"at {offset:03x}: v{version} {_bytes(image[offset + 4 : end])}"


def _runs(registers: bytes) -> str:
    """Return the bytes that are not zero, each run after its offset."""
    found, start = [], None
    for offset in range(len(registers) + 1):
        set_here = offset < len(registers) and registers[offset] != 0
        if set_here and start is None:
            start = offset
        elif not set_here and start is not None:
            found.append(f"{start:02x}:{registers[start:offset].hex()}")
            start = None
    return " ".join(found)


def _word(image: bytes, offset: int) -> int:
    return int.from_bytes(image[offset : offset + 2], "little")
