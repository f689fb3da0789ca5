"""What guests of a mainframe find behind its channels, against what is predicted.

Its processor carries out the channel programs of ``guest/virtio_ccw``, under TCG.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

import platform_abi as pa
from platform_abi.guest.document import recorded_view
from platform_abi.guest.driver import ACKNOWLEDGE, DRIVER, DRIVER_OK, FEATURES_OK
from platform_abi.guest.look import guest_view
from platform_abi.guest.started import looked_at
from platform_abi.model.guest import GuestDevices
from platform_abi.qemu.qtest import QUIET
from platform_abi.rehearsal.rehearse import rehearse
from platform_abi.verifier.paused import look_at, verify_start
from tests.live.conftest import BUILD_OF
from tests.live.test_offered_bits import complete, device_id

pytestmark = pytest.mark.live

ARCH, FAMILY = "s390x", "s390-ccw-virtio"

#: One is placed by QEMU itself.
PLACED = (
    "virtio-net-ccw,id=net,netdev=n0,devno=fe.0.1000",
    "virtio-blk-ccw,id=blk,drive=disk,devno=fe.0.0007",
    "virtio-rng-ccw,id=rng,devno=fe.0.0fff",
    "virtio-balloon-ccw,id=balloon",
    "virtio-scsi-ccw,id=scsi,devno=fe.0.0100",
    "virtio-serial-ccw,id=serial,devno=fe.0.0101",
)
_DISK = ("-blockdev", "driver=null-co,node-name=disk,read-zeroes=on")
_NETDEV = "user,id=n0"
_RINGS = 16 << 20


@dataclass(frozen=True, kw_only=True)
class Lab:
    """One QEMU for mainframes: its binary, its build, and its machine types, the newest first."""

    catalogue: pa.FileCatalogue
    binary: str
    build: str
    machines: list[str]

    @property
    def looked_at(self) -> GuestDevices:
        """Return what is looked at."""
        found = self.catalogue.guest_devices(ARCH)
        assert found is not None
        return found

    def abi(self, machine: str, platform: str) -> pa.GuestAbi:
        """Return the ABI of a machine with all devices."""
        vm = pa.virtual_machine(
            self.catalogue.devices(),
            machine,
            arch=ARCH,
            accelerator="tcg",
            devices=PLACED,
            netdevs=[_NETDEV],
        )
        return pa.resolve(self.catalogue, vm, platform)


@pytest.fixture(scope="module", params=["10.0", "11.1"])
def lab(
    request: pytest.FixtureRequest, catalogue: pa.FileCatalogue, qemu_binaries: dict[str, Path]
) -> Lab:
    """Return each QEMU in turn."""
    version = str(request.param)
    name = qemu_binaries[version].name.replace("x86_64", ARCH)
    binary = shutil.which(str(qemu_binaries[version].with_name(name)))
    if binary is None:
        if os.environ.get("PLATFORM_ABI_LIVE_REQUIRED") == "1":
            pytest.fail(f"required, but missing: {name}", pytrace=False)
        pytest.skip(f"no {name}; tests/live/install-qemu can get it")
    build = BUILD_OF[version]
    machines = [name for name in catalogue.build(build, ARCH).machines if name.startswith(FAMILY)]
    return Lab(catalogue=catalogue, binary=binary, build=build, machines=machines)


def test_offered_bits_are_the_predicted_ones(lab: Lab) -> None:
    """From the oldest machine type on; and a driver that takes all is taken at its word."""
    wrong: list[str] = []
    board = lab.looked_at.board_of(lab.machines[0])
    assert board is not None
    for number, machine in enumerate(lab.machines[::-4]):
        abi = lab.abi(machine, ("linux-6.9", "conservative")[number % 2])
        words = complete(pa.arguments(abi), [*PLACED])
        arguments = ["-netdev", _NETDEV, *words, *QUIET, *_DISK]
        with looked_at(lab.binary, arguments, board, timeout=60) as (_, bus):
            assert bus is not None
            names = dict(text.split(",devno=") for text in PLACED if ",devno=" in text)
            names = {device_id(text): place for text, place in names.items()}
            (names["balloon"],) = {*bus.names()} - {*names.values()}
            for name, place in names.items():
                found = bus.facts(place)
                assert found is not None
                predicted = pa.offered_bits(lab.catalogue, abi, name)
                if int(found["features"], 16) != predicted:
                    wrong.append(f"{machine} {name}: {found}, not {predicted:#x}")
                drove = bus.bind(place, rings=_RINGS)
                if drove is None or drove.status != ACKNOWLEDGE | DRIVER | DRIVER_OK | FEATURES_OK:
                    wrong.append(f"{machine} {name}: a driver got {drove}")
    assert wrong == []


def test_what_is_recorded_is_what_is_found(lab: Lab) -> None:
    """Of the newest machine type; so a view of another binary can be held to it."""
    machine = lab.machines[0]
    types = lab.catalogue.types(lab.build, ARCH)
    view = guest_view(
        lab.binary,
        machine,
        arch=ARCH,
        drivers=frozenset(types.parents) - types.abstract,
        looked_at=lab.looked_at,
    )
    recorded = recorded_view(lab.catalogue.locate, lab.build, ARCH)
    assert recorded is not None
    assert view.devices == recorded.machines[machine].devices
    assert view.devices["virtio-net-ccw"]["queues"] == "256*2 64"
    assert view.devices["x-terminal3270"] == {"identity": "ccw 3270:00"}


def test_a_start_is_looked_at_and_a_move_is_rehearsed(lab: Lab) -> None:
    """Nothing stays unknown for want of a way to the devices."""
    abi = lab.abi(lab.machines[0], "linux-6.9")
    verified = verify_start(lab.catalogue, abi, lab.binary)
    assert {each.code for each in verified.findings} <= {
        "precondition-unknown",
        "view-unknown",
    }, verified.findings
    labels = set(map(device_id, PLACED))
    assert set(look_at(lab.catalogue, abi, lab.binary).devices) == labels
    rehearsed = rehearse(lab.catalogue, abi, lab.binary, lab.binary)
    assert rehearsed.status == "ok", rehearsed.forward.findings
    assert rehearsed.forward.compared >= len(labels)
    assert "driver-not-played" not in {each.code for each in rehearsed.forward.findings}
