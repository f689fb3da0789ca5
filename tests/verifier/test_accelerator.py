"""What a QEMU shows of its accelerator's options is compared; what it does not is unknown."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from attrs import evolve

import platform_abi as pa
from platform_abi.verifier.running import RunningObject
from platform_abi.verifier.verify import verify
from tests.verifier.recorded_machine import bare, resolved

#: What has been seen of pc, q35 and microvm, of QEMU 5.2 to 11.1: in the first vCPU, and beside it.
_MADE = {
    "on": ("kvm-apic", "kvm-pit"),
    "split": ("kvm-apic", "isa-pit"),
    "off": ("apic", "isa-pit"),
    "untold": ("kvm-apic", ""),
}


def _said(
    catalogue: pa.FileCatalogue,
    given: Mapping[str, str] | None,
    made: str,
    *,
    machine: str = "pc-q35-9.1",
    accelerator: str = "kvm",
    asked: bool = True,
) -> list[tuple[str, str, str | None, str | None]]:
    abi = resolved(catalogue, machine=machine, accelerator=accelerator, devices=(), cpu="qemu64")
    facts = None if given is None else tuple(sorted({"smp.cpus": "1", **given}.items()))
    abi = evolve(abi, vm=evolve(abi.vm, hardware=facts))
    part, beside = _MADE[made]
    there = bare(catalogue, abi)
    timer = RunningObject(path="/machine/unattached/device[9]", driver=beside)
    vm = evolve(
        there,
        devices=(*there.devices, *([timer] if beside else [])),
        cpu_parts=(part,),
        hardware={"smp.cpus": "1"} if asked else {},
    )
    findings = verify(catalogue, abi, vm).findings
    return [
        (f.severity, f.property, f.expected, f.found)
        for f in findings
        if f.code.startswith("accelerator-option")
    ]


@pytest.mark.parametrize("wanted", ["on", "split", "off"])
@pytest.mark.parametrize("made", ["on", "split", "off"])
def test_who_has_the_interrupt_controllers_shows(
    catalogue: pa.FileCatalogue, wanted: str, made: str
) -> None:
    """By those that there are: drift exactly where they are another's."""
    drift = [] if wanted == made else [("drift", "kernel-irqchip", wanted, made)]
    assert drift == _said(catalogue, {"accel.kernel-irqchip": wanted}, made)


@pytest.mark.parametrize(
    ("machine", "usual"), [("pc-q35-9.1", "on"), ("pc-i440fx-7.2", "on"), ("pc-q35-4.0", "split")]
)
@pytest.mark.parametrize("made", ["on", "split"])
def test_what_nobody_wrote_is_as_the_machine_type_has_it(
    catalogue: pa.FileCatalogue, machine: str, usual: str, made: str
) -> None:
    """A lockfile that says nothing of it was not silent about another value."""
    drift = [] if usual == made else [("drift", "kernel-irqchip", usual, made)]
    assert drift == _said(catalogue, {}, made, machine=machine)


@pytest.mark.parametrize(
    ("given", "made"),
    [({"accel.honor-guest-pat": "on"}, "on"), ({"accel.kernel-irqchip": "split"}, "untold")],
)
def test_what_does_not_show_is_unknown(
    catalogue: pa.FileCatalogue, given: dict[str, str], made: str
) -> None:
    """No property of a running QEMU tells it, so nobody says that it is so."""
    ((severity, name, wanted, found),) = _said(catalogue, given, made)
    assert ("unknown", *given.values(), None) == (severity, wanted, found)
    assert f"accel.{name}" in given


def test_nothing_is_said_where_nothing_was_promised_or_asked(catalogue: pa.FileCatalogue) -> None:
    """By a lockfile from before, of a QEMU without the options, under another accelerator."""
    given = {"accel.kernel-irqchip": "on", "accel.honor-guest-pat": "on"}
    assert [] == _said(catalogue, None, "split")
    assert [] == _said(catalogue, given, "split", asked=False)
    assert [] == _said(catalogue, {}, "off", accelerator="tcg")
