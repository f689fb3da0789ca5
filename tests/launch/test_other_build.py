"""Whether the QEMU to be started is looked at for a lockfile."""

from __future__ import annotations

import pytest
from attrs import evolve

import platform_abi as pa
from platform_abi.launch.other_build import look_of
from platform_abi.model.abi import GuestAbi
from platform_abi.model.guest import MachineView
from platform_abi.resolver.fingerprint import machine_content
from tests.definitions.test_learned import learned

_SEEN = MachineView(qemu="it", looked=True, devices={})


def _look(abi: GuestAbi) -> MachineView:
    del abi
    return _SEEN


def _abi(known: pa.FileCatalogue, build: str) -> GuestAbi:
    vm = pa.virtual_machine(known.devices(), "pc-q35-9.1", accelerator="tcg")
    abi = pa.resolve(known, vm, "conservative")
    content = machine_content(known, abi, build)
    return evolve(abi, content=content)


@pytest.mark.parametrize(
    ("wanted", "asked", "looks"),
    [
        (True, False, True),
        (True, True, True),
        (None, True, True),
        (None, False, False),
        (False, True, False),
    ],
)
def test_a_qemu_that_was_asked_here_is_looked_at_unless_told_not_to(
    catalogue: pa.FileCatalogue, wanted: bool | None, asked: bool, looks: bool
) -> None:
    """What guests find in one that comes with the definitions is recorded, if of any."""
    its = learned("pc-q35-9.1")
    known = catalogue.with_learned(its)
    build = its.build if asked else "qemu-11.1.3"
    found = look_of(known, _abi(known, "qemu-10.0.2"), build, wanted, _look)
    assert (found is not None) is looks
    if found is not None:
        assert found(_abi(known, "qemu-10.0.2")) == _SEEN
    assert look_of(known, _abi(known, "qemu-10.0.2"), build, wanted, None) is None


def test_the_qemu_that_a_lockfile_was_written_in_is_not_looked_at_again(
    catalogue: pa.FileCatalogue,
) -> None:
    """It shows what it showed."""
    its = learned("pc-q35-9.1")
    known = catalogue.with_learned(its)
    assert look_of(known, _abi(known, its.build), its.build, None, _look) is None
    assert look_of(known, _abi(known, its.build), None, None, _look) is None


def test_any_other_qemu_is_looked_at_for_what_was_locked_in_one_that_was_asked(
    catalogue: pa.FileCatalogue,
) -> None:
    """What is recorded of it is of devices with other properties than the virtual machine's."""
    its = learned("pc-q35-9.1")
    known = catalogue.with_learned(its)
    assert look_of(known, _abi(known, its.build), "qemu-11.1.3", None, _look) is not None
    # Wherever it was asked: its lockfile has come from another host.
    assert look_of(catalogue, _abi(known, its.build), "qemu-11.1.3", None, _look) is not None


def test_a_look_that_nobody_asked_for_fails_in_silence(catalogue: pa.FileCatalogue) -> None:
    """The start goes on, and what guests find is unknown; one that was asked for is an error."""

    def failing(abi: GuestAbi) -> MachineView:
        del abi
        raise pa.HostError("it crashed", code="qemu-failed")

    its = learned("pc-q35-9.1")
    known = catalogue.with_learned(its)
    abi = _abi(known, "qemu-10.0.2")
    silent = look_of(known, abi, its.build, None, failing)
    assert silent is not None
    assert silent(abi) is None
    loud = look_of(known, abi, its.build, True, failing)
    assert loud is not None
    with pytest.raises(pa.HostError):
        loud(abi)
