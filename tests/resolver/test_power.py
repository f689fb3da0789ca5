"""What a host decides of a guest on POWER: by feature, which fails where its value were wrong."""

from __future__ import annotations

from functools import cache

import pytest
from attrs import evolve

import platform_abi as pa
from tests.definitions.site import DEFINITIONS, catalogue

EDITION = "2026.3"
_SHIPPED = catalogue(DEFINITIONS)


@cache
def _abi(
    machine: str = "pseries-11.1",
    cpu: str | None = "host",
    *,
    accelerator: str = "kvm",
    platform: str = "linux-6.13",
    devices: tuple[str, ...] = ("virtio-rng-pci",),
    hardware: tuple[tuple[str, str], ...] = (),
    edition: str = EDITION,
    build: str | None = None,
) -> pa.GuestAbi:
    vm = pa.virtual_machine(
        _SHIPPED.devices(), machine, arch="ppc64", cpu=cpu, accelerator=accelerator,
        devices=devices,
    )  # fmt: skip
    vm = evolve(vm, hardware=hardware, build=build)
    return pa.resolve(_SHIPPED, vm, f"{platform}@{edition}")


def _values(abi: pa.GuestAbi) -> dict[str, str]:
    return {f"{s.driver}.{s.property}": s.value for s in abi.settings}


def _needs(abi: pa.GuestAbi) -> set[str]:
    found = {entry.capability for entry in abi.preconditions}
    return {name.removeprefix("kvm.ppc.").removeprefix("cpu.") for name in found}


def _open(abi: pa.GuestAbi) -> set[str]:
    return {entry.what.removeprefix("spapr.") for entry in abi.unpinned}


BY_DEFAULT = {"cpu-host", "mmu", "timebase"}
OF_ALL = {"hv", "power.vsx", "power.dfp", "fixup-hcall", "resize-hpt", "ail-mode-3", "hash-64k"}
OF_ALL |= {"own-dawr1"}
SINCE_4_0 = {"cfpc-workaround", "sbbc-workaround", "ibs-workaround", "own-large-decr"}
SINCE_5_0 = {"ccf-assist", "fwnmi"}
IN_GENERAL = OF_ALL | SINCE_4_0 | SINCE_5_0


def test_an_older_edition_says_that_it_does_not_know() -> None:
    """Nothing of it is left out without a word, and no argument of it changes."""
    abi = _abi(edition="2026.2")
    assert not abi.settings
    assert [o.what for o in abi.obstacles] == ["CPU and board of ppc64 with kvm"]
    assert not _abi().obstacles


def test_of_other_boards_under_kvm_nobody_has_said_it() -> None:
    """KVM runs them by PR; an emulated one takes nothing of its host."""
    for accelerator in ("kvm", "tcg"):
        abi = _abi("mac99", cpu="970fx_v3.1", accelerator=accelerator, build="qemu-11.1.3")
        assert bool(abi.obstacles) == (accelerator == "kvm")


def test_an_emulated_cpu_asks_nothing_of_its_host() -> None:
    """Nor does the board under TCG."""
    abi = _abi(cpu="power9", accelerator="tcg")
    assert (_values(abi), _needs(abi), _open(abi), abi.obstacles) == ({}, set(), set(), ())


@pytest.mark.parametrize("cpu", ["host", None])
def test_the_cpu_is_the_hosts(cpu: str | None) -> None:
    """Without -cpu it is host under KVM, whatever it is under TCG."""
    assert _open(_abi(cpu=cpu)) == BY_DEFAULT
    assert _needs(_abi(cpu=cpu)) == IN_GENERAL


@pytest.mark.parametrize(
    ("cpu", "need"),
    [("POWER9", "power.is-9"), ("power10", "power.is-10"), ("power9_v2.2", "named-cpu")],
)
def test_a_name_is_that_of_the_hosts_family(cpu: str, need: str) -> None:
    """POWER9 is the host's processor where that is one, and nowhere else."""
    assert _needs(_abi(cpu=cpu)) == IN_GENERAL | {need}


@pytest.mark.parametrize(
    ("level", "need", "without", "left"),
    [
        ("power7", "power.7", {"own-dawr1", "own-large-decr"}, {"timebase"}),
        ("power8", "power.8", {"own-dawr1", "own-large-decr"}, {"timebase"}),
        ("power9", "power.9", {"own-dawr1"}, {"timebase", "mmu"}),
        ("power10", "power.10", set(), {"timebase", "mmu"}),
        ("power11", "power.11", set(), {"timebase", "mmu"}),
    ],
)
def test_a_level_makes_hosts_alike(
    level: str, need: str, without: set[str], left: set[str]
) -> None:
    """A guest is of that level from its start on, and what came after it is off by itself."""
    abi = _abi(f"pseries-11.1,max-cpu-compat={level}")
    assert _needs(abi) == IN_GENERAL - without | {need}
    assert _open(abi) == left


@pytest.mark.parametrize(
    ("machine", "needs", "sbbc"),
    [
        ("pseries-3.0", OF_ALL, None),
        ("pseries-3.1", OF_ALL, None),
        ("pseries-4.0", OF_ALL | SINCE_4_0, "workaround"),
        ("pseries-4.2", OF_ALL | SINCE_4_0, "workaround"),
        ("pseries-5.0", IN_GENERAL, "workaround"),
        ("pseries-11.1", IN_GENERAL, "workaround"),
    ],
)
def test_a_machine_type_asks_for_what_it_has(
    machine: str, needs: set[str], sbbc: str | None
) -> None:
    """As tests/live/test_power.py sees it of QEMU; but for a slip of QEMU's, which is written."""
    assert _needs(_abi(machine)) == needs
    assert _values(_abi(machine)).get("machine.cap-sbbc") == sbbc


@pytest.mark.parametrize(
    ("option", "gone", "come"),
    [
        ("cap-vsx=off", {"power.vsx"}, set()),
        ("cap-dfp=off", {"power.dfp"}, set()),
        ("cap-cfpc=broken", {"cfpc-workaround"}, set()),
        ("cap-cfpc=fixed", {"cfpc-workaround"}, {"cfpc-fixed"}),
        ("cap-cfpc=workaround", set(), set()),
        ("cap-sbbc=broken", {"sbbc-workaround"}, set()),
        ("cap-sbbc=fixed", {"sbbc-workaround"}, {"sbbc-fixed"}),
        ("cap-ibs=broken", {"ibs-workaround"}, set()),
        ("cap-ibs=fixed-ibs", {"ibs-workaround"}, {"ibs-fixed-ibs"}),
        ("cap-ibs=fixed-ccd", {"ibs-workaround"}, {"ibs-fixed-ccd"}),
        ("cap-ibs=fixed-na", {"ibs-workaround"}, {"ibs-fixed-na"}),
        ("cap-ccf-assist=off", {"ccf-assist"}, set()),
        ("cap-fwnmi=no", {"fwnmi"}, set()),
        ("cap-ail-mode-3=off", {"ail-mode-3"}, set()),
        ("cap-large-decr=off", {"own-large-decr"}, set()),
        ("cap-large-decr=on", set(), {"large-decr"}),
        ("cap-dawr1=off", {"own-dawr1"}, set()),
        ("cap-dawr1=on", set(), {"dawr1"}),
        ("cap-htm=on", set(), {"htm"}),
        ("cap-nested-hv=on", set(), {"nested-hv", "power.9"}),
        ("cap-nested-papr=on", set(), {"nested-papr"}),
        ("cap-rpt-invalidate=on", set(), {"rpt-invalidate", "mmu-radix"}),
        ("cap-hpt-max-page-size=4k", {"hash-64k"}, set()),
        ("cap-hpt-max-page-size=64k", set(), set()),
        ("cap-hpt-max-page-size=16M", {"hash-64k"}, {"hash-16m"}),
        ("cap-hpt-max-page-size=16G", {"hash-64k"}, {"hash-16g"}),
        ("ic-mode=xive", set(), {"power.9"}),
        ("ic-mode=dual,kernel-irqchip=on", set(), {"own-irq-xive", "irq-xics"}),
        ("ic-mode=xics,kernel-irqchip=on", set(), {"irq-xics"}),
        ("ic-mode=xive,kernel-irqchip=on", set(), {"own-irq-xive", "power.9"}),
        ("resize-hpt=disabled", {"resize-hpt"}, set()),
        ("resize-hpt=required", set(), set()),
        ("kvm-type=hv", set(), set()),
        ("kvm-type=PR", {"hv", "cfpc-workaround", "ibs-workaround"}, {"pr"}),
    ],
)
def test_what_a_user_writes_is_what_is_asked_for(
    option: str, gone: set[str], come: set[str]
) -> None:
    """Off asks nothing, on asks the host for just that."""
    assert _needs(_abi(f"pseries-11.1,{option}")) == IN_GENERAL - gone | come


def test_pr_is_no_place_to_move_from() -> None:
    """What it can do follows processor and module."""
    assert _open(_abi("pseries-11.1,kvm-type=PR")) == {*BY_DEFAULT, "kvm-pr"}
    auto = _abi("pseries-11.1,kvm-type=auto")
    assert "machine.kvm-type=auto" in _open(auto)
    assert "hv" not in _needs(auto)


@pytest.mark.parametrize(
    ("platform", "value"), [("linux-4.18", "enabled"), ("conservative", "disabled")]
)
def test_resizing_is_written(platform: str, value: str) -> None:
    """QEMU turns it off without a word where KVM has it not; HV has it since 4.11."""
    values = _values(_abi(platform=platform))
    assert values["machine.resize-hpt"] == value
    assert values["machine.kvm-type"] == "HV"
    assert ("resize-hpt" in _needs(_abi(platform=platform))) == (value == "enabled")


@pytest.mark.parametrize("threads", ["1", "2", "4", "8"])
def test_threads_of_a_core(threads: str) -> None:
    """One is had everywhere, whatever vsmt is; more KVM has to be able to do."""
    needs = _needs(_abi(hardware=(("smp.threads", threads),))) - IN_GENERAL
    assert needs == ({f"smt-{threads}"} if threads != "1" else set())


@pytest.mark.parametrize(("pages", "asked"), [("65536", False), ("16777216", False), ("", True)])
def test_memory_of_huge_pages_needs_none_of_the_hosts(pages: str, asked: bool) -> None:
    """A host with pages of 4 KiB has hashed guests where it backs them with huge ones."""
    behind = f"memory-backend-file,page-size={pages}" if pages else "memory-backend-ram"
    abi = _abi(hardware=(("memory.backend", "m"), ("object.m", behind)))
    assert ("hash-64k" in _needs(abi)) == asked


@pytest.mark.parametrize(("machine", "value"), [("pseries-3.1", "none"), ("pseries-4.0", None)])
@pytest.mark.parametrize("accelerator", ["kvm", "tcg"])
def test_the_hosts_name_is_in_no_guest(machine: str, value: str | None, accelerator: str) -> None:
    """Machine types up to 3.1 would show it."""
    values = _values(_abi(machine, None, accelerator=accelerator))
    assert values.get("machine.host-model") == values.get("machine.host-serial") == value


def test_a_secure_guest_stays_where_it_is() -> None:
    """QEMU blocks its migration, and only an ultravisor has one."""
    abi = _abi("pseries-11.1,confidential-guest-support=pef0")
    assert _open(abi) == {*BY_DEFAULT, "secure-guest"}
    assert "secure-guest" in _needs(abi)


@pytest.mark.parametrize(
    ("device", "asked"),
    [("use-kvm=on", True), ("use-kvm=on,rng=r0", False), ("rng=r0", False)],
)
def test_random_numbers_of_the_processor(device: str, asked: bool) -> None:
    """A backend does where KVM has none."""
    abi = _abi(devices=(f"spapr-rng,id=r,{device}",))
    assert ("hwrng" in _needs(abi)) == asked
