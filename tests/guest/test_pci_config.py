"""A configuration space in words: whatever two functions differ in is said."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from platform_abi.guest import pci_config

#: Offsets of the list pointers, which say nothing but where the next is.
NEXT = 1


MSIX_RESERVED = 3


@st.composite
def images(draw: st.DrawFn) -> tuple[bytes, dict[int, int]]:
    """Return a configuration space with capabilities that do not overlap, by offset and id."""
    image = bytearray(draw(st.binary(min_size=256, max_size=256)))
    image[0x0E] = draw(st.sampled_from([0x00, 0x80]))
    image[0x06] |= 0x10
    ids = draw(st.lists(st.sampled_from([0x01, 0x03, 0x05, 0x09, 0x0D, 0x11, 0x13, 0x7F])))[:4]
    offsets = {0x40 + 0x20 * index: number for index, number in enumerate(ids)}
    image[0x34] = 0
    before = 0x34
    for offset, number in offsets.items():
        image[before] = offset
        image[offset], image[offset + NEXT] = number, 0
        before = offset + NEXT
        if number == 0x09:
            image[offset + 2] = draw(st.integers(0, 0x20))
    return bytes(image), offsets


@given(image=images(), data=st.data())
def test_nothing_of_a_configuration_space_is_lost(
    image: tuple[bytes, dict[int, int]], data: st.DataObject
) -> None:
    """Two functions that differ in any register beyond the header are not described alike."""
    content, offsets = image
    unsaid = {offset + NEXT for offset in offsets}
    unsaid |= {o + MSIX_RESERVED for o, number in offsets.items() if number == 0x11}
    place = data.draw(st.sampled_from([o for o in range(0x40, 256) if o not in unsaid]))
    changed = bytearray(content)
    changed[place] ^= 1 << data.draw(st.integers(0, 7))
    assert pci_config.facts(content) != pci_config.facts(bytes(changed))


@given(image=images(), data=st.data())
def test_nothing_of_an_identity_is_lost(
    image: tuple[bytes, dict[int, int]], data: st.DataObject
) -> None:
    """Vendor, device, class, revision, subsystem and interrupt pin are each said."""
    content, _ = image
    said = [*range(4), *range(8, 12), *range(0x2C, 0x30), 0x3D]
    changed = bytearray(content)
    changed[data.draw(st.sampled_from(said))] ^= 1 << data.draw(st.integers(0, 7))
    assert pci_config.facts(content) != pci_config.facts(bytes(changed))


@given(st.one_of(st.binary(min_size=256, max_size=256), st.binary(min_size=4096, max_size=4096)))
def test_any_bytes_can_be_described(image: bytes) -> None:
    """Lists that lead in circles or nowhere end; every answer is text."""
    assert all(isinstance(text, str) for text in pci_config.facts(image).values())


def test_capabilities_are_said_by_name_with_what_matters() -> None:
    """MSI-X has its number of vectors; of two of one kind each is said."""
    image = bytearray(256)
    image[0x06] = 0x10
    image[0x34] = 0x98
    image[0x98:0xA4] = bytes([0x11, 0x40, 0x03, 0x00, 1, 0, 0, 0, 1, 8, 0, 0])
    image[0x40:0x44] = bytes([0x0D, 0x50, 0, 0])
    image[0x50:0x54] = bytes([0x0D, 0x00, 0, 7])
    image[0x60] = 0x80
    found = pci_config.facts(bytes(image))
    assert found["capability msix"] == (
        "at 98: 4 vectors, table in bar 1 + 0x0, pending bits in bar 1 + 0x800"
    )
    assert found["capability ssvid"] == "at 40: 0"
    assert found["capability ssvid 2"] == "at 50: 0007"
    assert found["registers"] == "60:80"


@given(body=st.binary(min_size=58, max_size=58), data=st.data())
def test_the_control_of_a_slot_is_nothing_else(body: bytes, data: st.DataObject) -> None:
    """Two Express capabilities are alike without it where they differ in its four bytes only."""
    place = data.draw(st.integers(2, 59))
    image = bytearray(256)
    image[0x06], image[0x34], image[0x40] = 0x10, 0x40, 0x10
    image[0x42 : 0x42 + len(body)] = body
    changed = bytearray(image)
    changed[0x40 + place] ^= 1 << data.draw(st.integers(0, 7))
    told = [
        pci_config.without_express(pci_config.facts(bytes(each)), pci_config.SLOT_STATE)
        for each in (image, changed)
    ]
    assert (told[0] == told[1]) == (0x18 <= place < 0x1C)
