"""What guests of boards that are no PC find: the ways to their buses, against what is predicted.

One start of each machine type has a virtio device of every kind. What it offers is read twice, as
``guest`` does it and through memory that the device is given, and worked out from its ABI.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

import platform_abi as pa
from platform_abi.guest.driver import DRIVER_OK, bind
from platform_abi.guest.look import guest_view
from platform_abi.guest.pci_function import function_facts, queue_sizes
from platform_abi.guest.pci_hosts import pci_host
from platform_abi.guest.view import BOARD, REFUSED
from platform_abi.guest.virtio_mmio import bind_mmio, mmio_facts
from platform_abi.model.guest import GuestBoard
from platform_abi.qemu.qtest import QUIET, Qtest
from platform_abi.rehearsal.rehearse import rehearse
from platform_abi.verifier.paused import look_at, verify_start
from tests.live.conftest import BUILD_OF
from tests.live.pci_bus import PciBus, Window
from tests.live.test_offered_bits import complete, device_id

pytestmark = pytest.mark.live


@dataclass(frozen=True, kw_only=True)
class Board:
    """A family of machine types, and where the memory of its bus is.

    (QEMU hw/arm/virt.c, VIRT_PCIE_MMIO; hw/riscv/virt.c, the same; include/hw/pci-host/spapr.h,
    SPAPR_PCI_MEM_WIN_BUS_OFFSET and SPAPR_PCI_MEM32_WIN of the first bridge.)
    """

    arch: str
    family: str
    window: Window


BOARDS = [
    Board(arch="aarch64", family="virt", window=Window(bus=0x10000000, processor=0x10000000)),
    Board(arch="riscv64", family="virt", window=Window(bus=0x40000000, processor=0x40000000)),
    Board(
        arch="ppc64", family="pseries", window=Window(bus=0x80000000, processor=0x2000_8000_0000)
    ),
]

DEVICES = (
    "virtio-net-pci,id=net,netdev=n0",
    "virtio-net-pci-non-transitional,id=new,netdev=n1",
    "virtio-blk-pci,id=blk,drive=disk",
    "virtio-rng-pci,id=rng",
    "virtio-balloon-pci,id=balloon",
    "virtio-scsi-pci,id=scsi",
    "virtio-serial-pci,id=serial",
)
_FIRST_SLOT = 4
PLACED = [f"{text},addr={slot:#x}" for slot, text in enumerate(DEVICES, _FIRST_SLOT)]

#: Devices on the board's own bus, where it has one.
ON_BOARD = (
    "virtio-net-device,id=bnet,netdev=n2,bus=virtio-mmio-bus.7",
    "virtio-rng-device,id=brng,bus=virtio-mmio-bus.0",
    "virtio-scsi-device,id=bscsi,bus=virtio-mmio-bus.3",
    "virtio-serial-device,id=bserial,bus=virtio-mmio-bus.5",
)
_DISK = ("-blockdev", "driver=null-co,node-name=disk,read-zeroes=on")
_NETDEVS = ("user,id=n0", "user,id=n1", "user,id=n2")

#: Where in RAM a driver's rings are.
_RINGS = 16 << 20


@dataclass(frozen=True, kw_only=True)
class Lab:
    """A board in one QEMU: its binary, its build, and its machine types, the newest first."""

    catalogue: pa.FileCatalogue
    binary: Path
    board: Board
    build: str
    machines: list[str]

    @property
    def guest_board(self) -> GuestBoard:
        """Return what is known of the board."""
        looked_at = self.catalogue.guest_devices(self.board.arch)
        found = None if looked_at is None else looked_at.board_of(self.machines[0])
        assert found is not None
        return found

    def on_board(self, machine: str) -> tuple[str, ...]:
        """Return the devices on the board's own bus.

        Before 2.7 their places are in no stream, so that none may be there beside one of its kind
        on PCI (hw/core/machine.c, virtio-mmio.format_transport_address).
        """
        on_board = self.guest_board.mmio is not None and machine != "virt-2.6"
        return ON_BOARD if on_board else ()

    def abi(self, machine: str, platform: str, *others: str) -> pa.GuestAbi:
        """Return the ABI of a machine with every device in a place of its own, and *others*."""
        vm = pa.virtual_machine(
            self.catalogue.devices(),
            machine,
            arch=self.board.arch,
            accelerator="tcg",
            # A board without versions is another in every build.
            build=self.build if machine == self.board.family else None,
            devices=[*PLACED, *self.on_board(machine), *others],
            netdevs=_NETDEVS,
        )
        return pa.resolve(self.catalogue, vm, platform)


@pytest.fixture(scope="module", params=["10.0", "11.1"])
def version(request: pytest.FixtureRequest) -> str:
    """Each QEMU in turn."""
    return str(request.param)


@pytest.fixture(scope="module", params=BOARDS, ids=lambda board: f"{board.arch}-{board.family}")
def lab(
    request: pytest.FixtureRequest,
    version: str,
    catalogue: pa.FileCatalogue,
    qemu_binaries: dict[str, Path],
) -> Lab:
    """Return each board in each QEMU."""
    board: Board = request.param
    name = qemu_binaries[version].name.replace("x86_64", board.arch)
    binary = shutil.which(str(qemu_binaries[version].with_name(name)))
    if binary is None:
        if os.environ.get("PLATFORM_ABI_LIVE_REQUIRED") == "1":
            pytest.fail(f"required, but missing: {name}", pytrace=False)
        pytest.skip(f"no {name}; tests/live/install-qemu can get it")
    build = BUILD_OF[version]
    machines = [
        name
        for name in catalogue.build(build, board.arch).machines
        if catalogue.machine(build, name, board.arch).family == board.family
    ]
    return Lab(
        catalogue=catalogue, binary=Path(binary), board=board, build=build, machines=machines
    )


def test_offered_bits_are_the_predicted_ones_on_every_machine_type(lab: Lab) -> None:
    """By either way to read them; and a driver gets all of what it was offered."""
    wrong: list[str] = []
    rings = lab.guest_board.ram + _RINGS
    memory = ("-m", str(lab.guest_board.memory))
    netdevs = [word for text in _NETDEVS for word in ("-netdev", text)]
    for number, machine in enumerate(lab.machines):
        abi = lab.abi(machine, ("linux-6.9", "conservative")[number % 2])
        words = complete(pa.arguments(abi), [*PLACED, *lab.on_board(machine)])
        with Qtest(lab.binary, [*netdevs, *words, *QUIET, *memory, *_DISK], timeout=60) as qtest:
            host = pci_host(qtest, lab.guest_board)
            assert host is not None, machine
            for text in lab.on_board(machine):
                name, slot = device_id(text), int(text.rpartition(".")[2])
                assert lab.guest_board.mmio is not None
                found = mmio_facts(qtest, lab.guest_board.mmio, slot)
                predicted = pa.offered_bits(lab.catalogue, abi, name)
                if found is None or int(found["features"], 16) != predicted:
                    wrong.append(f"{machine} {name}: {found}, not {predicted:#x}")
                drove = bind_mmio(qtest, lab.guest_board.mmio, slot, rings=rings)
                assert found is not None
                if drove is None or not drove.status & DRIVER_OK or 0 in drove.queues:
                    wrong.append(f"{machine} {name}: a driver got {drove}")
                elif queue_sizes(drove.queues) != found["queues"]:
                    wrong.append(f"{machine} {name}: queues of {drove.queues}")
            bus = PciBus(qtest, host, lab.board.window)
            for slot, name in enumerate(map(device_id, PLACED), _FIRST_SLOT):
                space = host.at(0, slot)
                facts = function_facts(host.ports, space)
                read = int(facts.get("features", facts.get("legacy-features", "0")), 16)
                bound = bind(space, rings=rings)
                # Last: once a BAR is where the bus's memory is an alias, as on these boards, QEMU
                # aborts where the window of the configuration space is read again.
                again = bus.offered(slot)
                predicted = pa.offered_bits(lab.catalogue, abi, name)
                if {read, again.features} != {predicted}:
                    wrong.append(
                        f"{machine} {name}: {read:#x}, {again.features:#x}, not {predicted:#x}"
                    )
                got = None if bound is None else (bound.features, bound.queues)
                # Before virtio 1.0, machine types have nothing that this driver knows.
                if got != ((read, again.queue_sizes) if "features" in facts else None):
                    wrong.append(f"{machine} {name}: a driver got {bound}")
    print(f"{lab.build} {lab.board.arch}: {len(lab.machines)} machine types, {len(wrong)} wrong")  # noqa: T201
    assert wrong == []


def test_a_view_has_everything_that_is_looked_at(lab: Lab) -> None:
    """And the board's own functions; the legacy interface answers through ports in memory."""
    machine = lab.machines[0]
    types = lab.catalogue.types(lab.build, lab.board.arch)
    looked_at = lab.catalogue.guest_devices(lab.board.arch)
    view = guest_view(
        str(lab.binary),
        machine,
        arch=lab.board.arch,
        drivers=frozenset(types.parents) - types.abstract,
        looked_at=looked_at,
    )
    seen = {name: facts for name, facts in view.devices.items() if REFUSED not in facts}
    assert len(seen) >= 35
    assert all(facts["identity"] != "ffff:ffff" for facts in seen.values())
    assert any(name.startswith(BOARD) for name in seen) == (lab.guest_board.access == "ecam")
    net = seen["virtio-net-pci"]
    assert net["legacy-queues"] == net["queues"] == "256*2 64"
    assert int(net["features"], 16) & 0xFFFFFFFF & ~int(net["legacy-features"], 16) == 0
    assert net["config"].startswith("525400123456")


def test_a_start_is_looked_at_and_a_move_is_rehearsed(lab: Lab) -> None:
    """Nothing stays unknown for want of a way to the devices, behind a port neither."""
    machine = lab.machines[0]
    port = lab.guest_board.port
    behind = (f"{port},id=rp0,chassis=7", "virtio-rng-pci,id=behind,bus=rp0") if port else ()
    abi = lab.abi(machine, "linux-6.9", *behind)
    binary = str(lab.binary)
    verified = verify_start(lab.catalogue, abi, binary)
    # Of the host, and of what is recorded, nothing was asked.
    assert {each.code for each in verified.findings} <= {
        "precondition-unknown",
        "view-unknown",
    }, verified.findings
    view = look_at(lab.catalogue, abi, binary)
    labels = set(map(device_id, PLACED)) | ({"behind", "rp0"} if port else set())
    labels.update(map(device_id, lab.on_board(machine)))
    assert set(view.devices) == labels
    rehearsed = rehearse(lab.catalogue, abi, binary, binary)
    assert rehearsed.status == "ok", rehearsed.forward.findings
    assert rehearsed.forward.compared >= len(labels)
    assert "driver-not-played" not in {each.code for each in rehearsed.forward.findings}
