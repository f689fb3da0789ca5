"""What a host decides of a guest on LoongArch, by feature, each with its value."""

from __future__ import annotations

from functools import cache

import pytest
from attrs import evolve

import platform_abi as pa
from platform_abi.model.host import Fact, HostReport
from tests.definitions.site import DEFINITIONS, catalogue

_SHIPPED = catalogue(DEFINITIONS)


@cache
def _abi(
    cpu: str = "la464",
    machine: str = "virt-11.1",
    *,
    accelerator: str = "kvm",
    platform: str = "linux-6.13",
    edition: str = "2026.3",
) -> pa.GuestAbi:
    vm = pa.virtual_machine(
        _SHIPPED.devices(), machine, arch="loongarch64", cpu=cpu, accelerator=accelerator,
        devices=["virtio-rng-pci"],
    )  # fmt: skip
    name, comma, overrides = platform.partition(",")
    return pa.resolve(_SHIPPED, vm, f"{name}@{edition}{comma}{overrides}")


def _values(abi: pa.GuestAbi) -> dict[str, str]:
    return {s.property: s.value for s in abi.settings}


def _needs(abi: pa.GuestAbi) -> set[str]:
    return {p.capability.removeprefix("kvm.loongarch.") for p in abi.preconditions}


_OPEN = {"loongarch-cpu.host-model", "loongarch-cpu.counter-frequency", "loongarch-cpu.pv-preempt"}
_OFF = dict.fromkeys(
    ("lsx", "lasx", "lbt", "pmu", "ptw", "msgint", "kvm-pv-ipi", "kvm-steal-time", "dmsi"), "off"
)


def test_an_older_edition_says_that_it_does_not_know() -> None:
    """Nothing of it is left out without a word, and no argument of it changes."""
    abi = _abi(edition="2026.2")
    assert not abi.settings
    assert [o.what for o in abi.obstacles] == ["CPU and board of loongarch64 with kvm"]
    assert not _abi().obstacles


@pytest.mark.parametrize(
    ("platform", "on"),
    [
        ("conservative", set()),
        ("linux-6.11", set()),
        ("linux-6.12", {"lsx", "lasx", "lbt", "pmu", "kvm-pv-ipi", "kvm-steal-time"}),
    ],
)
def test_what_a_kernel_has_is_on_and_all_else_off(platform: str, on: set[str]) -> None:
    """Each is written, and what is on is asked of the host."""
    abi = _abi(platform=platform)
    expected = _OFF | dict.fromkeys(on, "on")
    if "lsx" not in on:  # it takes the wider vectors with it
        del expected["lasx"]
    assert _values(abi) == expected
    assert _needs(abi) == {name.removeprefix("kvm-") for name in on}
    left = _OPEN if "kvm-steal-time" in on else _OPEN - {"loongarch-cpu.pv-preempt"}
    assert {entry.what for entry in abi.unpinned} == left


def test_newer_processors_are_asked_for_by_name() -> None:
    """No release of a kernel predicts what a processor has."""
    chosen = "linux-7.1,loongarch-cpu.ptw=on,loongarch-cpu.msgint=on,loongarch-virt.dmsi=on"
    abi = _abi("max", platform=chosen)
    values = _values(abi)
    assert (values["ptw"], values["msgint"], values["dmsi"]) == ("on", "on", "on")
    assert {"ptw", "msgint", "dmsintc"} <= _needs(abi)


def test_what_a_user_turns_off_is_not_asked_for() -> None:
    """QEMU has no vectors of 256 bits without those of 128, and refuses to be asked for them."""
    abi = _abi("la464,lsx=off,kvm-steal-time=off")
    assert not {"lsx", "lasx", "kvm-steal-time"} & {k for k, v in _values(abi).items() if v == "on"}
    assert not {"lsx", "lasx", "steal-time"} & _needs(abi)
    assert "loongarch-cpu.pv-preempt" not in {entry.what for entry in abi.unpinned}


def test_an_emulated_cpu_asks_nothing_of_its_host() -> None:
    """Nor does the board under TCG: what a host is, no guest can tell there."""
    abi = _abi(accelerator="tcg")
    assert (abi.settings, _needs(abi), abi.unpinned, abi.obstacles) == ((), set(), (), ())


def test_interrupt_controllers_of_the_kernel_are_needed_where_they_are_asked_for() -> None:
    """QEMU has its own else, of the same state."""
    assert not {"ipi", "eiointc", "pch-pic"} & _needs(_abi())
    assert {"ipi", "eiointc", "pch-pic"} <= _needs(_abi(machine="virt-11.1,kernel-irqchip=on"))


def _host(name: str, word: str = "0x60c3cf") -> HostReport:
    known = _SHIPPED.capabilities()
    facts = {
        key: Fact(state="present", source="ioctl") for key in known if key.startswith("kvm.loong")
    }
    return HostReport(
        name=name,
        system="linux",
        arch="loongarch64",
        facts=facts,
        values={f"kvm.loongarch.cpucfg.{n}": word for n in (2, 3, 6)},
    )


def test_hosts_that_allow_the_same_are_alike_but_for_a_frequency_that_nobody_reads() -> None:
    """That is said, and stops nobody who knows his hosts."""
    verdict = pa.check_migration(_SHIPPED, _abi(), _host("a"), _host("b"), of_qemus=((), ()))
    assert verdict.status == "warn"
    said = {f.feature: f.severity for f in verdict.forward.findings if f.code == "unpinned"}
    assert said.pop("loongarch-cpu.counter-frequency") == "warn"
    assert set(said.values()) == {"info"}


def test_another_mask_of_cpucfg_is_another_processor() -> None:
    """And a host without vectors does not start a guest that has them."""
    other = _host("b", "0x60c30f")
    assert pa.check_migration(_SHIPPED, _abi(), _host("a"), other, of_qemus=((), ())).status == (
        "blocked"
    )
    absent = Fact(state="absent", source="ioctl")
    lacking = evolve(other, facts={**other.facts, "kvm.loongarch.lasx": absent})
    assert pa.check(_SHIPPED, _abi(), lacking, of_qemu=()).status == "blocked"
