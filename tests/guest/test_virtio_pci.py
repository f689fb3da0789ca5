"""A virtio device's own configuration: all of it, and nothing behind its end."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from platform_abi.guest import virtio_pci


class _VirtioWindow:
    """A window to a device's *config*, as QEMU has it (hw/virtio/virtio-config-io.c).

    An access that reaches behind the end is answered by ones.
    """

    def __init__(self, config: bytes) -> None:
        self._config = config
        self._registers = {8: 0, 12: 0}

    def image(self) -> bytes:
        return b""

    def read(self, offset: int) -> int:
        assert offset == 16
        address, width = self._registers[8], self._registers[12]
        part = self._config[address : address + width]
        value = part if len(part) == width else b"\xff" * width
        return int.from_bytes(value, "little")

    def write(self, offset: int, value: int) -> None:
        self._registers[offset] = value


CONFIGS = st.one_of(
    st.binary(max_size=64),
    st.lists(st.sampled_from([b"\xff" * 4, b"\0" * 4, b"\1"]), max_size=64).map(b"".join),
)


@given(CONFIGS)
def test_nothing_of_a_configuration_is_lost_but_ones_at_its_end(config: bytes) -> None:
    """Ones in between are values, zeros at the end as well, and it may end within a word."""
    window = virtio_pci.Window(_VirtioWindow(config), 0)
    assert virtio_pci.device_config(window, 0, 256) == config.rstrip(b"\xff")


@given(CONFIGS, st.integers(0, 64).map(lambda words: 4 * words))
def test_a_configuration_is_read_as_far_as_its_structure_reaches(config: bytes, end: int) -> None:
    """What a device has behind that is another structure."""
    window = virtio_pci.Window(_VirtioWindow(config), 0)
    assert virtio_pci.device_config(window, 0, end) == config[:end].rstrip(b"\xff")
