"""What two QEMUs make of one CPU: emulated flags, and the host's CPU as each knows it."""

from __future__ import annotations

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.compat.cpu_builds import cpu_build_findings
from platform_abi.compat.finding import Finding
from platform_abi.model.host import QEMU_VERSION
from tests.compat.cpu_hosts import CATALOGUE, MODELS, TABLE
from tests.compat.reported import qemu

RELEASES = sorted(TABLE.emulated)


def _found(cpu: str, before: str, after: str, accelerator: str = "tcg") -> list[Finding]:
    vm = pa.virtual_machine(CATALOGUE.devices(), "pc-q35-7.2", cpu=cpu, accelerator=accelerator)
    abi = pa.resolve(CATALOGUE, vm, "linux-6.9")
    here = pa.HostReport(arch="x86_64")
    one, two = (
        evolve(here, values={QEMU_VERSION: f"{version}.1"} if version else {})
        for version in (before, after)
    )
    return [*cpu_build_findings(CATALOGUE, abi, one, two)]


@given(st.sampled_from(MODELS), st.sampled_from(RELEASES), st.sampled_from(RELEASES))
def test_only_what_the_model_has_and_one_release_lacks_is_a_change(
    model: str, before: str, after: str
) -> None:
    """Named, with the -cpu that has it off; nothing within a release, and both ways the same."""
    found = _found(model, before, after)
    differ = TABLE.emulated[before] ^ TABLE.emulated[after]
    has = differ & TABLE.model_flags(model, "tcg")
    assert bool(found) == bool(has)
    for each in found:
        assert ("cpu-build", "blocked") == (each.code, each.severity)
        assert [] == _found(each.help.partition("-cpu ")[2], before, after)
    assert len(found) == len(_found(model, after, before))


@pytest.mark.parametrize(
    ("cpu", "before", "after", "accelerator", "expected"),
    [
        ("host", "10.0", "11.1", "kvm", ["blocked"]),
        ("max", "10.0", "11.1", "kvm", ["blocked"]),
        ("host", "10.0", "10.0", "kvm", []),
        ("host", "", "10.0", "kvm", []),
        ("Skylake-Server-v4", "10.0", "11.1", "kvm", []),
        ("host", "10.0", "11.1", "hvf", ["blocked"]),
        ("max", "7.2", "10.0", "tcg", ["blocked"]),
        ("qemu64", "7.2", "9.9", "tcg", ["blocked"]),
    ],
)
def test_the_hosts_cpu_is_what_a_release_knows_of_it(
    cpu: str, before: str, after: str, accelerator: str, expected: list[str]
) -> None:
    """Host and max are another CPU in another release; a named model under KVM is not."""
    assert expected == [f.severity for f in _found(cpu, before, after, accelerator)]


@given(
    st.sets(st.sampled_from(["aes", "its-no", "fsrc"])),
    st.sets(st.sampled_from(["aes", "its-no", "fsrc"])),
    st.sampled_from(["host", "max"]),
)
def test_what_two_qemus_show_of_the_hosts_cpu_is_compared_flag_for_flag(
    before: set[str], after: set[str], model: str
) -> None:
    """Another release that shows the same is no other CPU; the -cpu that helps, helps."""
    qemus = [
        qemu(CATALOGUE, build, cpus={"host": tuple(sorted(flags))})
        for build, flags in (("qemu-10.0.2", before), ("qemu-11.1.3", after))
    ]

    def found(cpu: str) -> list[Finding]:
        vm = pa.virtual_machine(CATALOGUE.devices(), "pc-q35-7.2", cpu=cpu)
        abi = pa.resolve(CATALOGUE, vm, "linux-6.9")
        here = pa.HostReport(arch="x86_64")
        return [*cpu_build_findings(CATALOGUE, abi, here, here, (qemus[0], qemus[1]))]

    if not before or not after:
        return  # a report that does not say
    assert bool(before ^ after) == bool(found(model))
    for each in found(model):
        assert "blocked" == each.severity
        assert all(flag in each.message for flag in before ^ after)
        if "its-no" in before ^ after:  # which the older one does not know
            assert "no -cpu that both take" in each.help
        else:
            assert [] == found(each.help.partition("-cpu ")[2])


@pytest.mark.parametrize(
    ("machine", "cpu", "differs"),
    [
        # The platform writes it, so no host decides it.
        ("pc-q35-7.2", "host", False),
        # No feature of so old a machine type: the host does, unless the user writes it.
        ("pc-q35-5.1", "host", True),
        ("pc-q35-5.1", "host,kvm-asyncpf-int=off", False),
    ],
)
def test_what_a_platform_writes_of_a_cpu_no_host_decides(
    machine: str, cpu: str, differs: bool
) -> None:
    """Whatever two QEMUs would show of theirs: a flag that is written is taken from no host."""
    first, second = (
        qemu(CATALOGUE, "qemu-10.0.2", cpus={"host": flags})
        for flags in (("aes", "kvm-asyncpf-int"), ("aes",))
    )
    vm = pa.virtual_machine(CATALOGUE.devices(), machine, cpu=cpu)
    abi = pa.resolve(CATALOGUE, vm, "linux-6.9")
    here = pa.HostReport(arch="x86_64")
    found = [*cpu_build_findings(CATALOGUE, abi, here, here, (first, second))]
    assert bool(found) is differs
