"""What is known not to move between two builds, of a virtual machine that has it."""

from __future__ import annotations

import pytest

import platform_abi as pa
from platform_abi.compat.build import build_findings
from platform_abi.compat.finding import Finding
from platform_abi.compat.streams import stream_findings
from platform_abi.definitions.learned import LearnedDefinitions
from platform_abi.model.stream import Stopped, StoppedBackends, StreamPair, StreamTable, Untried
from tests.conftest import DEFINITIONS
from tests.definitions.test_learned import learned

OLD, NEW, OTHER = "qemu-5.2.0", "qemu-7.2.22", "qemu-10.0.2"


class Moved(pa.FileCatalogue):
    """The definitions, with these moves and no others."""

    pairs: tuple[StreamPair, ...] = ()
    drivers: tuple[str, ...] = ("virtio-balloon-pci", "virtio-rng-pci")

    def streams(self, arch: str) -> StreamTable | None:
        """Return what was found out by these moves."""
        del arch
        return StreamTable(
            pair=self.pairs, drivers=dict.fromkeys(("pc-q35", "pc-i440fx"), self.drivers)
        )


def _catalogue(*pairs: StreamPair) -> Moved:
    catalogue = Moved([DEFINITIONS])
    catalogue.pairs = pairs
    return catalogue


def _stops(source: str, destination: str, driver: str, *tried: str) -> StreamPair:
    """Return a pair with which *driver* stops on pc-q35-5.2, and on none of *tried* besides."""
    stopped = Stopped(driver=driver, machines=("pc-q35-5.2",), reason="its state is another")
    return StreamPair(
        source=source, destination=destination, machines=("pc-q35-5.2", *tried), stopped=(stopped,)
    )


def _findings(
    catalogue: pa.FileCatalogue, machine: str, *ends: str, allow_unknown: bool = False
) -> list[Finding]:
    vm = pa.virtual_machine(
        catalogue.devices(), machine, devices=["virtio-balloon,id=bal0", "virtio-rng-pci,id=rng0"]
    )
    abi = pa.resolve(catalogue, vm, "linux-6.1")
    return [*stream_findings(catalogue, abi, *ends, allow_unknown=allow_unknown)]


def test_a_device_that_stopped_is_named_one_way_only() -> None:
    """By its label and its driver, whatever alias it was given by, with the reason."""
    catalogue = _catalogue(_stops(OLD, NEW, "virtio-balloon-pci"))
    (found,) = _findings(catalogue, "pc-q35-5.2", OLD, NEW)
    assert (found.code, found.severity, found.device) == ("stream-stops", "blocked", "bal0")
    assert "bal0 (virtio-balloon-pci)" in found.message
    assert "its state is another" in found.message
    assert _findings(catalogue, "pc-q35-5.2", NEW, OLD) == []
    assert _findings(catalogue, "pc-q35-5.2", OLD, OTHER) == []


@pytest.mark.parametrize(("allow_unknown", "severity"), [(False, "blocked"), (True, "warn")])
def test_what_stopped_elsewhere_is_unknown_where_nobody_tried(
    allow_unknown: bool, severity: str
) -> None:
    """On another machine type; where it was tried and moved, nothing is said."""
    catalogue = _catalogue(_stops(OLD, NEW, "virtio-balloon-pci", "pc-q35-2.12"))
    (found,) = _findings(catalogue, "pc-q35-4.2", OLD, NEW, allow_unknown=allow_unknown)
    assert found.severity == severity
    assert "nobody tried that on pc-q35-4.2" in found.message
    assert _findings(catalogue, "pc-q35-2.12", OLD, NEW) == []


@pytest.mark.parametrize(
    ("tried", "blocked"),
    [
        ((), True),
        (("pc-q35-3.1",), True),  # on one side, and 5.2, which stopped, on the other
        (("pc-q35-5.1",), True),  # nothing older
        (("pc-q35-4.2", "pc-q35-3.1"), False),
        (("pc-q35-3.1", "pc-q35-5.1"), False),
        (("pc-q35-3.1", "pc-i440fx-5.1"), True),
    ],
)
@pytest.mark.parametrize("driver", ["", "virtio-balloon-pci"])
def test_what_moves_on_the_machine_types_on_both_sides_moves_between_them(
    driver: str, tried: tuple[str, ...], blocked: bool
) -> None:
    """Of one family, the machine itself as well as a device; another family tells nothing."""
    catalogue = _catalogue(_stops(OLD, NEW, driver, *tried))
    assert bool(_findings(catalogue, "pc-q35-4.2", OLD, NEW)) == blocked
    # Of a family on which it never stopped either.
    elsewhere = _catalogue(_stops(OLD, NEW, driver, "pc-i440fx-5.2", "pc-i440fx-3.1"))
    assert _findings(elsewhere, "pc-i440fx-4.2", OLD, NEW) == []


def _acme(version: str) -> LearnedDefinitions:
    return learned(
        "pc-q35-5.2", version=version, identity=f"build-id:{version.encode().hex():0>40}"
    )


@pytest.mark.parametrize(
    ("versions", "stops", "severity"),
    [
        (("5.2.0", "7.2.9"), True, "blocked"),
        (("5.2.9", "7.2.22"), True, "blocked"),
        (("6.2.0", "7.2.22"), True, None),  # of a release that nobody tried
        (("5.2.0", "7.2.9"), False, None),
    ],
)
def test_a_build_that_nobody_tried_is_supposed_to_be_as_those_of_its_release(
    versions: tuple[str, str], stops: bool, severity: str | None
) -> None:
    """What stops there is unknown here; that it is, and of which builds it is known, is said."""
    driver = "virtio-balloon-pci" if stops else "virtio-mem-pci"
    plain = _catalogue(_stops(OLD, NEW, driver))
    source, destination = map(_acme, versions)
    known = plain.with_learned(source).with_learned(destination)
    ends = source.build, destination.build
    found = _findings(known, "pc-q35-5.2", *ends)
    assert [each.severity for each in found] == ([] if severity is None else [severity])
    for each in found:
        assert "may not move" in each.message
        assert f"{OLD} was tried, and not {source.build}" in each.message
    allowed = _findings(known, "pc-q35-5.2", *ends, allow_unknown=True)
    assert all(each.severity == "warn" for each in allowed)


def test_what_only_some_builds_of_a_release_do_is_not_supposed_of_others() -> None:
    """10.0.13 has a way of its own with queues."""
    plain = _catalogue(
        _stops("qemu-10.0.13", "qemu-11.1.3", "virtio-rng-pci"),
        _stops("qemu-10.0.2", "qemu-11.1.3", "virtio-balloon-pci"),
    )
    source = _acme("10.0.5")
    assert _findings(plain.with_learned(source), "pc-q35-5.2", source.build, "qemu-11.1.3") == []


def test_a_machine_that_stops_without_any_device_is_said_so() -> None:
    """Once, by the machine type's name."""
    (found,) = _findings(_catalogue(_stops(OLD, NEW, "")), "pc-q35-5.2", OLD, NEW)
    assert found.device is None
    assert found.message.startswith("pc-q35-5.2 does not move from qemu-5.2.0 to qemu-7.2.22")


def test_a_machine_that_stops_with_one_accelerator_moves_with_another() -> None:
    """What stops is of the accelerator then, as the registers of an emulated CPU are."""
    stopped = Stopped(driver="", machines=("pc-q35-5.2",), reason="r", accelerator="tcg")
    machines = ("pc-q35-5.2",)
    pair = StreamPair(source=OLD, destination=NEW, machines=machines, stopped=(stopped,))
    catalogue = _catalogue(pair)
    for accelerator, expected in (("tcg", 1), ("kvm", 0)):
        vm = pa.virtual_machine(catalogue.devices(), "pc-q35-5.2", accelerator=accelerator)
        abi = pa.resolve(catalogue, vm, "linux-6.1")
        assert len([*stream_findings(catalogue, abi, OLD, NEW)]) == expected


@pytest.mark.parametrize(("netdevs", "expected"), [(1, []), (2, ["net1"]), (3, ["net2"])])
def test_backends_that_have_a_part_of_the_stream_are_counted(
    netdevs: int, expected: list[str]
) -> None:
    """Fewer of the kind, or others, move."""
    several = StoppedBackends(backend="user", devices=2, reason="they are one to it")
    pair = StreamPair(source=OLD, destination=NEW, backends=(several,))
    catalogue = _catalogue(pair)
    vm = pa.virtual_machine(
        catalogue.devices(),
        "pc-q35-5.2",
        devices=[f"virtio-net-pci,netdev=n{i},id=net{i}" for i in range(netdevs)]
        + ["virtio-net-pci,netdev=t,id=other"],
        netdevs=[*(f"user,id=n{i}" for i in range(netdevs)), "tap,id=t"],
    )
    abi = pa.resolve(catalogue, vm, "linux-6.1")
    found = [*stream_findings(catalogue, abi, OLD, NEW)]
    assert [each.device for each in found] == expected
    assert all("user" in each.message and "one to it" in each.message for each in found)


#: The stop of one virtio driver, and of another that is made of the same base type.
_RELATIVES = [
    # given, what stopped, what moved, how it counts
    ("virtio-blk-pci-transitional", ["virtio-blk-pci"], [], "blocked"),
    ("virtio-blk", ["virtio-blk-pci-non-transitional"], [], "blocked"),
    (
        "virtio-blk-pci-transitional",
        ["virtio-blk-pci"],
        ["virtio-blk-pci-non-transitional"],
        "warn",
    ),
    ("virtio-blk-pci-transitional", [], ["virtio-blk-pci"], None),
    ("virtio-blk-device", ["virtio-blk-pci"], [], "warn"),
    ("virtio-vga", ["virtio-gpu-pci"], [], "blocked"),
    ("virtio-mouse-pci", ["virtio-keyboard-pci"], [], "warn"),
    ("virtio-mouse-pci", [], ["virtio-keyboard-pci"], None),
    ("dc390", ["am53c974"], [], "warn"),
    ("e1000-82545em", ["e1000"], [], "warn"),
    ("nvme", ["am53c974", "virtio-net-pci"], [], None),
]


@pytest.mark.parametrize(("driver", "stopping", "moving", "severity"), _RELATIVES)
def test_a_driver_that_nobody_moved_is_known_by_its_relatives(
    driver: str, stopping: list[str], moving: list[str], severity: str | None
) -> None:
    """The same device inside is the same state; a base type in common makes it unknown.

    One that was moved itself is known by that alone.
    """
    machine = "pc-q35-5.2"
    stops = [Stopped(driver=name, machines=(machine,), reason="r") for name in stopping]
    pair = StreamPair(source=OLD, destination=NEW, machines=(machine,), stopped=tuple(stops))
    catalogue = _catalogue(pair)
    catalogue.drivers = (*stopping, *moving)
    vm = pa.virtual_machine(catalogue.devices(), machine, devices=[f"{driver},id=it"])
    abi = pa.resolve(catalogue, vm, "linux-6.1")
    found = [*stream_findings(catalogue, abi, OLD, NEW, allow_unknown=True)]
    assert [each.severity for each in found] == ([] if severity is None else [severity])
    assert all(each.device == "it" and stopping[0] in each.message for each in found)
    catalogue.drivers = (*catalogue.drivers, catalogue.types(OLD, "x86_64").canonical(driver))
    assert [*stream_findings(catalogue, abi, OLD, NEW)] == []


def test_a_driver_that_did_not_fit_one_machine_is_not_known_to_move_on_it() -> None:
    """It stopped where it was; of the other machine type its relatives are the witnesses."""
    machines = ("pc-q35-5.2", "pc-i440fx-5.2")
    pair = StreamPair(
        source=OLD,
        destination=NEW,
        machines=machines,
        stopped=(
            Stopped(driver="virtio-vga", machines=machines[:1], reason="r"),
            Stopped(driver="virtio-gpu-pci", machines=machines, reason="r"),
        ),
        untried=(Untried(machines=machines[1:], drivers=("virtio-vga",)),),
    )
    catalogue = _catalogue(pair)
    catalogue.drivers = ("virtio-vga", "virtio-gpu-pci")
    for machine in machines:
        vm = pa.virtual_machine(catalogue.devices(), machine, devices=["virtio-vga,id=it"])
        abi = pa.resolve(catalogue, vm, "linux-6.1")
        (found,) = stream_findings(catalogue, abi, OLD, NEW)
        assert (found.device, found.severity) == ("it", "blocked")


def test_the_shipped_moves_are_in_the_verdict_on_a_build(catalogue: pa.FileCatalogue) -> None:
    """Only of a guest that runs in another: one that starts has no stream."""
    vm = pa.virtual_machine(
        catalogue.devices(), "pc-q35-5.2", devices=["virtio-balloon-pci,id=bal0"]
    )
    abi = pa.resolve(catalogue, vm, "linux-6.1")

    def codes(since: str | None) -> set[str]:
        found = build_findings(catalogue, abi, NEW, since=since)
        return {each.device or "" for each in found if each.code == "stream-stops"}

    assert codes(OLD) == {"bal0"}
    assert codes(None) == codes(NEW) == set()
