"""What a host decides of a guest on RISC-V: by feature, which fails where its value were wrong."""

from __future__ import annotations

from functools import cache

import pytest
from attrs import evolve

import platform_abi as pa
from platform_abi.model.host import Fact, HostReport
from tests.definitions.site import DEFINITIONS, catalogue

_SHIPPED = catalogue(DEFINITIONS)
_BUILD = "qemu-11.1.3"


@cache
def _abi(
    cpu: str | None = "host",
    machine: str = "virt",
    *,
    accelerator: str = "kvm",
    edition: str = "2026.3",
) -> pa.GuestAbi:
    vm = pa.virtual_machine(
        _SHIPPED.devices(), machine, arch="riscv64", cpu=cpu, accelerator=accelerator,
        build=_BUILD, devices=["virtio-rng-pci"],
    )  # fmt: skip
    return pa.resolve(_SHIPPED, vm, f"linux-6.13@{edition}")


def _needs(abi: pa.GuestAbi) -> set[str]:
    return {p.capability.removeprefix("kvm.riscv.") for p in abi.preconditions}


def _open(abi: pa.GuestAbi) -> set[str]:
    return {entry.what for entry in abi.unpinned}


#: What follows the host whatever is written.
ALWAYS = {
    f"riscv-cpu.{name}"
    for name in ("host-model", "sbi", "sbi-state", "sbi-console", "satp-mode", "timer-frequency")
}
IDS = "riscv-cpu.ids"
SIZES = {f"riscv-cpu.{name}" for name in ("vector-length", "cbom-block-size", "cboz-block-size")}


def test_an_older_edition_says_that_it_does_not_know() -> None:
    """Nothing of it is left out without a word, and no argument of it changes."""
    abi = _abi(edition="2026.2")
    assert not abi.settings
    assert [o.what for o in abi.obstacles] == ["CPU and board of riscv64 with kvm"]
    assert not _abi().obstacles


@pytest.mark.parametrize("cpu", ["host", "max", "rv64", None])
def test_every_model_is_the_hosts(cpu: str | None) -> None:
    """KVM shows the same of all of them."""
    abi = _abi(cpu)
    assert _open(abi) == ALWAYS | SIZES | {IDS}
    assert (_needs(abi), abi.settings) == (set(), ())


def test_an_emulated_cpu_asks_nothing_of_its_host() -> None:
    """Nor does the board under TCG: what a host is, no guest can tell there."""
    for cpu in ("rv64", "rva23s64", "max"):
        abi = _abi(cpu, accelerator="tcg")
        assert (abi.settings, _needs(abi), _open(abi), abi.obstacles) == ((), set(), set(), ())


@pytest.mark.parametrize(
    ("cpu", "closed", "needs"),
    [
        ("host,v=off", {"vector-length"}, set()),
        ("host,v=on", set(), {"isa.v"}),
        ("host,zicbom=off,zicboz=no", {"cbom-block-size", "cboz-block-size"}, set()),
        ("host,zba=on,svpbmt=on", set(), {"isa.zba", "isa.svpbmt"}),
        ("host,m=off", set(), {"no-base"}),
        ("host,d=off", set(), set()),
        ("host,vlen=256", set(), {"other-number"}),
        ("host,cbom_blocksize=64", set(), {"other-number"}),
        ("host,cboz_blocksize=64", set(), {"other-number"}),
        ("host,mvendorid=0x710", set(), {"other-number"}),
        ("max,mvendorid=0,marchid=0,mimpid=0", {"ids"}, set()),
        ("max,mvendorid=0", set(), set()),
    ],
)
def test_what_a_user_says_of_the_cpu(cpu: str, closed: set[str], needs: set[str]) -> None:
    """Off takes it from the host; on asks the host for it, and leaves the rest as it is there."""
    abi = _abi(cpu)
    assert ALWAYS | SIZES | {IDS} == _open(abi) | {f"riscv-cpu.{name}" for name in closed}
    assert not _open(abi) & {f"riscv-cpu.{name}" for name in closed}
    assert _needs(abi) == needs


@pytest.mark.parametrize(
    ("machine", "needs", "left"),
    [
        ("virt", set(), set()),
        ("virt,aia=none", set(), set()),
        ("virt,aia=aplic", set(), set()),
        ("virt,aia=aplic-imsic", {"aia"}, {"riscv-virt.aia-state"}),
        ("virt,aia=aplic-imsic,kernel-irqchip=off", set(), set()),
    ],
)
def test_interrupt_controllers(machine: str, needs: set[str], left: set[str]) -> None:
    """QEMU's own are moved with their state; of those in the kernel it moves nothing."""
    abi = _abi(machine=machine)
    assert (_needs(abi), _open(abi) - ALWAYS - SIZES - {IDS}) == (needs, left)


# --- two hosts ------------------------------------------------------------------------------------

_V, _ZBA, _STA = "803000000700000f", "8030000007000011", "803000000800000a"
_PRESENT, _ABSENT = Fact(state="present", source="ioctl"), Fact(state="absent", source="ioctl")


def _host(name: str, *without: str, writable: tuple[str, ...] = (_V,)) -> HostReport:
    """Return a host *without* what some registers are about, which are there and hold 0."""
    registers = {_V: 1, _ZBA: 1, _STA: 1} | dict.fromkeys(without, 0)
    values = {f"kvm.riscv.register.{key}": f"{word:#x}" for key, word in registers.items()}
    numbers = ("cbom-block-size", "cboz-block-size", "mvendorid", "marchid", "mimpid", "satp-mode")
    return HostReport(
        name=name,
        system="linux",
        arch="riscv64",
        facts={"kvm.riscv.sbi-console": _PRESENT},
        numbers={f"kvm.riscv.{key}": 64 for key in (*numbers, "timer-frequency", "vector-bits")},
        sets={"kvm.riscv.registers": tuple(sorted(registers))},
        values=values | {f"kvm.riscv.writable.{key}": "0x1" for key in writable},
    )


def _verdict(one: HostReport, two: HostReport, cpu: str = "host") -> pa.MigrationVerdict:
    return pa.check_migration(_SHIPPED, _abi(cpu), one, two, of_qemus=((), ()))


def test_alike_hosts_leave_only_what_no_stream_carries() -> None:
    """A guest's steal time stands still wherever it goes, and that is said."""
    findings = _verdict(_host("a"), _host("b")).forward.findings
    said = {f.feature: f.severity for f in findings if f.code == "unpinned"}
    assert said.pop("riscv-cpu.sbi-state") == "warn"
    assert set(said.values()) == {"info"}


@pytest.mark.parametrize("register", [_V, _ZBA, _STA])
def test_an_extension_of_one_host_is_a_difference_either_way(register: str) -> None:
    """The stream carries no list: there the guest has more, and back it has less."""
    other = _host("b", register)
    for verdict in (_verdict(_host("a"), other), _verdict(other, _host("a"))):
        (finding,) = [f for f in verdict.forward.findings if f.severity == "blocked"]
        assert f"kvm.riscv.register.{register}" in finding.message


def test_what_kvm_hides_does_not_count_and_what_it_cannot_hide_does() -> None:
    """QEMU only warns that an extension cannot be turned off."""
    other = _host("b", _V)
    one, two = (evolve(r, numbers={**r.numbers, "kvm.riscv.vector-bits": n})
                for r, n in ((_host("a"), 128), (other, 0)))  # fmt: skip
    assert _verdict(one, two).status == "blocked"
    assert _verdict(one, two, "host,v=off").status == "warn"
    stubborn = evolve(one, values={k: v for k, v in one.values.items() if "writable" not in k})
    assert _verdict(stubborn, two, "host,v=off").status == "blocked"
    without = _host("b", _ZBA)
    assert _verdict(_host("a"), without, "host,zba=off").status == "blocked"


@pytest.mark.parametrize(
    "number",
    ["mvendorid", "satp-mode", "timer-frequency", "vector-bits", "cbom-block-size",
     "cboz-block-size"],
)  # fmt: skip
def test_a_number_that_differs_keeps_a_guest_where_it_is(number: str) -> None:
    """And one that a report does not have is not known to be alike."""
    other = _host("b")
    differs = evolve(other, numbers={**other.numbers, f"kvm.riscv.{number}": 65})
    assert _verdict(_host("a"), differs).status == "blocked"


def test_a_size_that_a_user_gives_is_the_hosts_or_refused() -> None:
    """KVM takes no other."""
    for cpu, status in (("host,cbom_blocksize=64", "warn"), ("host,cbom_blocksize=32", "blocked")):
        verdict = pa.check(_SHIPPED, _abi(cpu), _host("a"), of_qemu=())
        assert (verdict.status == "blocked") == (status == "blocked"), cpu
    absent = evolve(_host("a"), facts={"kvm.riscv.isa.zba": _ABSENT})
    assert pa.check(_SHIPPED, _abi("host,zba=on"), absent, of_qemu=()).status == "blocked"


def test_a_property_of_the_cpu_is_written_as_it_is_called() -> None:
    """Only x86 reads a dash for an underscore: here QEMU ends with a property that is not found."""
    for accelerator in ("kvm", "tcg"):
        abi = _abi("rv64,cbom_blocksize=64,short-isa-string=on", accelerator=accelerator)
        assert "rv64,cbom_blocksize=64,short-isa-string=on" in pa.arguments(abi)
