"""What is known not to move between two builds, of a virtual machine that has it."""

from __future__ import annotations

import pytest

import platform_abi as pa
from platform_abi.compat.build import build_findings
from platform_abi.compat.finding import Finding
from platform_abi.compat.streams import stream_findings
from platform_abi.model.stream import Stopped, StreamPair, StreamTable
from tests.conftest import DEFINITIONS

OLD, NEW, OTHER = "qemu-5.2.0", "qemu-7.2.22", "qemu-10.0.2"


class Moved(pa.FileCatalogue):
    """The definitions, with these moves and no others."""

    pairs: tuple[StreamPair, ...] = ()

    def streams(self, arch: str) -> StreamTable | None:
        """Return what was found out by these moves."""
        del arch
        return StreamTable(pair=self.pairs)


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
    assert "nobody tried pc-q35-4.2" in found.message
    assert _findings(catalogue, "pc-q35-2.12", OLD, NEW) == []


def test_a_machine_that_stops_without_any_device_is_said_so() -> None:
    """Once, by the machine type's name."""
    (found,) = _findings(_catalogue(_stops(OLD, NEW, "")), "pc-q35-5.2", OLD, NEW)
    assert found.device is None
    assert found.message.startswith("pc-q35-5.2 does not move from qemu-5.2.0 to qemu-7.2.22")


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
