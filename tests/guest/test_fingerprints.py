"""What a report carries of what guests find."""

from __future__ import annotations

from collections.abc import Mapping

import platform_abi as pa
from platform_abi.guest.fingerprints import labels_of, of_board, view_fingerprints
from platform_abi.guest.view import Facts, GuestView

_NVME = "nvme"


def _prints(catalogue: pa.FileCatalogue, devices: Mapping[str, Facts]) -> Mapping[str, str]:
    looked_at = catalogue.guest_devices("x86_64")
    assert looked_at is not None
    view = GuestView(machine="pc-q35-10.0", arch="x86_64", devices=devices)
    return view_fingerprints(view, looked_at)


def test_there_is_one_of_each_device_that_is_of_the_qemu_alone(
    catalogue: pa.FileCatalogue,
) -> None:
    """None of what stands on the host, and none of what a QEMU does not start with."""
    looked_at = catalogue.guest_devices("x86_64")
    assert looked_at is not None
    on_host = next(each for each in looked_at.device if each.node)
    devices = {
        _NVME: {"identity": "1b36:0010"},
        "board 00.0": {"identity": "8086:29c0"},
        f"{on_host.driver} with {on_host.backend}": {"identity": "1af4:1000"},
        "qxl": {"refused": "no such driver"},
    }
    assert [*_prints(catalogue, devices)] == ["board 00.0", _NVME]
    assert [name for name in devices if of_board(name)] == ["board 00.0"]
    assert labels_of(looked_at, [_NVME]) == {_NVME, f"{_NVME} behind port"}


def test_equal_ones_are_one_device_but_for_its_state(catalogue: pa.FileCatalogue) -> None:
    """Another identity is another one; the status of a link (at 0x12 of the capability) is not."""
    link = bytearray(0x34)
    found = set()
    for status in (0, 0x2011):
        link[0x10:0x12] = status.to_bytes(2, "little")
        facts = {"identity": "1b36:0010", "capability express": f"at 54: {link.hex()}"}
        found.add(_prints(catalogue, {_NVME: facts})[_NVME])
    assert len(found) == 1
    assert _prints(catalogue, {_NVME: {"identity": "1b36:0011"}})[_NVME] not in found
