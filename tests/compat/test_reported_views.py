"""Two QEMUs of which only reports say what guests find: whether a guest finds the same."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

import pytest
from attrs import evolve

import platform_abi as pa
from platform_abi.compat.migration import check_migration
from platform_abi.model.reported import ReportedQemu
from tests.compat.reported import host, locked, qemu
from tests.definitions.site import DEFINITIONS

BUILD, MACHINE = "qemu-10.0.2", "pc-q35-10.0"


CATALOGUE = pa.FileCatalogue([DEFINITIONS])


def _looked(name: str, view: Mapping[str, str], **said: Any) -> ReportedQemu:
    """Return a QEMU that is no build of the definitions, with what was found by looking."""
    own = qemu(CATALOGUE, BUILD, identity=f"build-id:{name}", views={MACHINE: view})
    return evolve(own, path=f"/usr/bin/{name}", build=f"unknown-{name}", fingerprint=name, **said)


def _views(*sides: Mapping[str, str], alike: bool = True, **said: Any) -> list[pa.Finding]:
    """Return what is found of the views of two QEMUs, which are not known here otherwise."""
    abi = locked(
        CATALOGUE, MACHINE, devices=["virtio-rng-pci,id=rng0", "virtio-blk-pci-transitional,id=d0"]
    )
    before, after = (_looked(f"q{number}", side) for number, side in enumerate(sides))
    if not alike:
        after = evolve(
            after,
            machines=tuple(evolve(m, fingerprint=f"x{m.fingerprint}") for m in after.machines),
        )
    after = evolve(after, **said)
    found = check_migration(CATALOGUE, abi, host(before), host(after)).forward.findings
    return [each for each in found if each.code == "guest-view"]


RNG, BLK, BOARD = "virtio-rng-pci", "virtio-blk-pci", "board 1f.0"
_SAME = {RNG: "a", f"{RNG} behind port": "b", BLK: "c", BOARD: "d", "nvme": "e"}


def test_equal_views_are_one_guest() -> None:
    """Nothing is said, and neither of what one side does not know."""
    assert _views(_SAME, _SAME) == []
    assert _views(_SAME, {"nvme": "e"}) == []


@pytest.mark.parametrize(
    ("changed", "device"), [(RNG, "rng0"), (f"{RNG} behind port", "rng0"), (BOARD, None)]
)
def test_a_device_that_is_shown_otherwise_is_named(changed: str, device: str | None) -> None:
    """Once, and blocked; only where the two agree in every property is it certain."""
    (found,) = _views(_SAME, {**_SAME, changed: "z"})
    assert (found.device, found.severity) == (device, "blocked")
    assert changed in found.message
    assert "is another one" in found.message
    (unsure,) = _views(_SAME, {**_SAME, changed: "z"}, alike=False)
    assert "may be another one" in unsure.message


def test_a_relative_that_is_looked_at_makes_it_unknown() -> None:
    """virtio-blk-pci-transitional is not looked at; it has the device of virtio-blk-pci inside."""
    (found,) = _views(_SAME, {**_SAME, BLK: "z"})
    assert (found.device, found.severity) == ("d0", "blocked")
    assert "may be another one" in found.message


def test_a_device_that_the_virtual_machine_has_not_is_no_matter() -> None:
    """And one QEMU at both ends is one, whatever two looks made of it."""
    assert _views(_SAME, {**_SAME, "nvme": "z"}) == []
    assert _views(_SAME, {**_SAME, RNG: "z"}, identity="build-id:q0") == []


def test_builds_with_recorded_views_are_compared_by_these() -> None:
    """A fingerprint does not know what a property explains; what was recorded does."""
    abi = locked(CATALOGUE, MACHINE, devices=["virtio-rng-pci,id=rng0"])
    ends = [
        host(qemu(CATALOGUE, BUILD, identity=f"build-id:{side}", views={MACHINE: {RNG: side}}))
        for side in "ab"
    ]
    found = check_migration(CATALOGUE, abi, *ends).forward.findings
    assert [each for each in found if each.code == "guest-view"] == []


def _unseen(before: ReportedQemu, after: ReportedQemu, abi: pa.GuestAbi) -> list[str]:
    found = check_migration(CATALOGUE, abi, host(before), host(after)).forward.findings
    return [each.severity for each in found if each.code == "view-unknown"]


def test_who_agrees_in_every_property_may_still_show_another_device() -> None:
    """Two programs of which nobody looked at either are no ok; one program is, wherever it is."""
    abi = locked(CATALOGUE, MACHINE, devices=[f"{RNG},id=rng0"])
    first, second = (evolve(_looked(name, {}), views={}) for name in ("q0", "q1"))
    assert _unseen(first, second, abi) == ["warn"]
    assert _unseen(first, evolve(second, identity=first.identity), abi) == []
    looked, other = (evolve(each, views={MACHINE: _SAME}) for each in (first, second))
    assert _unseen(looked, second, abi) == ["warn"]
    assert _unseen(looked, other, abi) == ["info"]


def test_a_board_that_nobody_recorded_is_no_ok_between_two_builds() -> None:
    """It moves between hosts with one build, whatever it was locked for, and to the one it was."""
    vm = pa.virtual_machine(
        CATALOGUE.devices(), "isapc", accelerator="tcg", build=BUILD, devices=[]
    )
    abi = pa.resolve(CATALOGUE, vm, "conservative")
    ends = [qemu(CATALOGUE, build) for build in (BUILD, "qemu-11.1.3")]
    for before, after in product(ends, repeat=2):
        known = before == after or after.build == BUILD
        assert known is (_unseen(before, after, abi) in ([], ["info"]))
    first, second = (evolve(each, views={"isapc": {RNG: "a"}}) for each in ends)
    assert _unseen(first, second, abi) == ["info"]
