"""May it start there, may it move there and come back: preconditions among capabilities."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.compat.needs import Scope
from platform_abi.compat.remedy import remedy
from platform_abi.compat.supported import judge
from platform_abi.emit.lock_reading import read_lock
from platform_abi.emit.lockfile import lock_text
from platform_abi.model.host import CPU_MODELS, Fact
from platform_abi.testing import BACKENDS, Scenario, host_reports, scenarios
from tests.compat.scenes import (
    CPU,
    FULL,
    NIC,
    abi_of,
    host_without,
    lacking,
    resolved,
    same_arch,
)
from tests.compat.without_qemu import check, check_migration
from tests.definitions.site import DEFINITIONS

# --- laws of a start -----------------------------------------------------------------------------


@given(scenarios(), host_reports())
def test_a_start_is_set_inclusion(scenario: Scenario, report: pa.HostReport) -> None:
    """Blocked exactly where a precondition is not proven, and every such one is named."""
    abi, report = resolved(scenario), same_arch(scenario, report)
    verdict = check(scenario.catalogue, abi, report)
    unmet = {p.capability for p in abi.preconditions if report.state(p.capability) != "present"}
    assert bool(unmet) == (verdict.status == "blocked")
    assert unmet == lacking(verdict)


@given(scenarios(), host_reports(), st.sampled_from(["tun.a", "tun.b", "vhost.a", "kvm.a"]))
def test_adding_a_capability_never_blocks(
    scenario: Scenario, report: pa.HostReport, gained: str
) -> None:
    """A host that has more is never judged worse."""
    abi = resolved(scenario)
    better = evolve(report, facts={**report.facts, gained: FULL})
    order = ("ok", "warn", "blocked")
    before = check(scenario.catalogue, abi, report)
    after = check(scenario.catalogue, abi, better)
    assert order.index(after.status) <= order.index(before.status)


@given(scenarios(), host_reports())
def test_check_agrees_with_query_platforms(scenario: Scenario, report: pa.HostReport) -> None:
    """A host that supports a platform starts every VM of its scope that asks for no more."""
    plain = evolve(scenario.vm, globals=(), accelerator="kvm", cpu=None)
    bare = tuple(evolve(d, properties=()) for d in plain.devices if d.backend.startswith("tap"))
    abi = pa.resolve(scenario.catalogue, evolve(plain, devices=bare), scenario.platform)
    scope = Scope(backends=BACKENDS[:2])
    verdict = judge(scenario.catalogue, scenario.platform, report, scope)
    started = check(scenario.catalogue, abi, report)
    if verdict.supported == "yes":
        assert set() == lacking(started)
    if bare and lacking(started):
        assert verdict.supported != "yes"


@given(scenarios(), host_reports())
def test_unknown_blocks_unless_allowed_and_then_it_is_recorded(
    scenario: Scenario, report: pa.HostReport
) -> None:
    """With allow_unknown only what is provably absent blocks; the verdict records it."""
    abi, report = resolved(scenario), same_arch(scenario, report)
    verdict = check(scenario.catalogue, abi, report, allow_unknown=True)
    absent = {p.capability for p in abi.preconditions if report.state(p.capability) == "absent"}
    assert bool(absent) == (verdict.status == "blocked")
    assert verdict.allowed_unknown
    assert not check(scenario.catalogue, abi, report).allowed_unknown


@given(scenarios(), host_reports())
def test_force_lets_everything_pass_and_hides_nothing(
    scenario: Scenario, report: pa.HostReport
) -> None:
    """A forced verdict is never blocked, has the same findings, and says that it was forced."""
    abi = resolved(scenario)
    plain = check(scenario.catalogue, abi, report)
    forced = check(scenario.catalogue, abi, report, force=True)
    assert forced.status == ("warn" if plain.status == "blocked" else plain.status)
    assert plain.findings == forced.findings
    assert forced.forced


# --- examples ------------------------------------------------------------------------------------


def test_a_refusal_names_everything(catalogue: pa.FileCatalogue) -> None:
    """Feature, property, device, capability, evidence, and the newest platform that would work."""
    verdict = check(catalogue, abi_of(catalogue), host_without(catalogue, "tun.uso"))
    assert "blocked" == verdict.status
    found = {f.feature: f for f in verdict.findings}
    assert {"virtio-net.host-uso", "virtio-net.guest-uso4", "virtio-net.guest-uso6"} == set(found)
    one = found["virtio-net.host-uso"]
    assert ("capability-missing", "virtio-net-device.host_uso", "on", "net0", "tap") == (
        *(one.code, one.property, one.value, one.device, one.backend),
    )
    assert one.message == (
        "virtio-net-device.host_uso=on of net0 needs tun.uso, which is absent here "
        "(EINVAL from TUNSETOFFLOAD 0x61)"
    )
    assert "since Linux 6.2" in one.help
    off = "virtio-net.guest-uso4=off,virtio-net.guest-uso6=off,virtio-net.host-uso=off"
    assert one.help.endswith(f"works here: linux-6.9@2026.2,{off} or linux-6.1@2026.2")


def test_only_the_devices_concerned_are_named(catalogue: pa.FileCatalogue) -> None:
    """A NIC behind user-mode networking does not need what its neighbour behind a tap needs."""
    nics: dict[str, Any] = {
        "devices": ["virtio-net-pci,netdev=n0,id=tap0", "virtio-net-pci,netdev=n1,id=user0"],
        "netdevs": ["tap,id=n0", "user,id=n1"],
    }
    verdict = check(catalogue, abi_of(catalogue, **nics), host_without(catalogue, "tun.uso"))
    assert {"tap0"} == {f.device for f in verdict.findings}


def test_an_alias_of_a_driver_is_the_driver(catalogue: pa.FileCatalogue) -> None:
    """``virtio-net`` is ``virtio-net-pci``: its device is named as well."""
    nic: dict[str, Any] = {"devices": ["virtio-net,netdev=n0,id=net7"], "netdevs": ["tap,id=n0"]}
    verdict = check(catalogue, abi_of(catalogue, **nic), host_without(catalogue, "tun.uso"))
    assert {"net7"} == {f.device for f in verdict.findings}


def test_what_no_platform_can_cure_says_so(catalogue: pa.FileCatalogue) -> None:
    """Without /dev/vhost-net no platform helps a NIC with vhost=on: none is suggested."""
    nic = {**NIC, "netdevs": ["tap,id=n0,vhost=on"]}
    verdict = check(catalogue, abi_of(catalogue, **nic), host_without(catalogue, "vhost-net"))
    assert "blocked" == verdict.status
    assert all("works here" not in f.help for f in verdict.findings)
    assert any("CONFIG_VHOST_NET" in f.help for f in verdict.findings)


def test_a_prediction_is_not_believed(catalogue: pa.FileCatalogue) -> None:
    """A capability that only a kernel release predicts is unknown, and the finding says why."""
    host = host_without(catalogue)
    inferred = Fact(state="present", source="inferred", detail="Linux 6.9; since Linux 6.2")
    host = evolve(host, facts={**host.facts, "tun.uso": inferred})
    verdict = check(catalogue, abi_of(catalogue), host)
    assert "blocked" == verdict.status
    assert {"capability-unknown"} == {f.code for f in verdict.findings}
    assert all("predicted to be present" in f.message for f in verdict.findings)
    assert "warn" == check(catalogue, abi_of(catalogue), host, allow_unknown=True).status


def test_the_board_and_the_cpu_are_checked_as_well(catalogue: pa.FileCatalogue) -> None:
    """A KVM without SMM or paravirtual bits is named with the property that asks for it."""
    verdict = check(
        catalogue, abi_of(catalogue), host_without(catalogue, "kvm.smm", "kvm.pv.steal-time")
    )
    assert {"machine.smm", "x86_64-cpu.kvm-steal-time"} == {f.property for f in verdict.findings}
    assert {None} == {f.device for f in verdict.findings}


def test_another_architecture_is_for_the_emulator_only(catalogue: pa.FileCatalogue) -> None:
    """KVM runs no x86 guest on an Arm host, nor on one that does not say what it is; TCG does."""
    arm, silent = (evolve(host_without(catalogue), arch=arch) for arch in ("aarch64", ""))
    native, emulated = abi_of(catalogue), abi_of(catalogue, accelerator="tcg")
    for host in (arm, silent):
        verdict = check(catalogue, native, host)
        assert [("architecture", "blocked")] == [(f.code, f.severity) for f in verdict.findings]
        assert "ok" == check(catalogue, emulated, host).status
    assert "blocked" == check(catalogue, native, arm, allow_unknown=True).status
    assert "warn" == check(catalogue, native, silent, allow_unknown=True).status


def test_a_cpu_model_is_what_a_qemu_says_it_can_run(catalogue: pa.FileCatalogue) -> None:
    """A model that lacks a flag here is refused; without a QEMU's word that is not known."""
    abi, host = abi_of(catalogue), host_without(catalogue)
    lacking = evolve(host, sets={CPU_MODELS: ("qemu64",)})
    for report, expected in (
        (host, []),
        (lacking, [("cpu-model", "blocked")]),
        (evolve(host, sets={}), [("cpu-unchecked", "warn")]),
    ):
        verdict = check(catalogue, abi, report)
        assert expected == [(f.code, f.severity) for f in verdict.findings]
    assert "ok" == check(catalogue, abi_of(catalogue, accelerator="tcg"), lacking).status


def test_what_is_beyond_the_platform_is_said(catalogue: pa.FileCatalogue) -> None:
    """A value that the user insists on is checked on this host, and flagged for all others."""
    nic = {**NIC, "devices": ["virtio-net-pci,netdev=n0,id=net0,host_uso=on"]}
    verdict = check(catalogue, abi_of(catalogue, "linux-6.1", **nic), host_without(catalogue))
    assert "warn" == verdict.status
    assert ["beyond-platform"] == [f.code for f in verdict.findings]


def test_a_remedy_is_the_nearest_choice_that_works(catalogue: pa.FileCatalogue) -> None:
    """Few exceptions are offered as such; many are another platform; the last is conservative."""
    abi = abi_of(catalogue)
    gone = ("tun.csum", "tun.tso4", "tun.tso6", "tun.tso-ecn", "tun.uso")
    found = remedy(catalogue, abi, host_without(catalogue, *gone))
    assert ("conservative@2026.2",) == found.choices
    one = remedy(catalogue, abi, host_without(catalogue, "kvm.smm"))
    assert ("linux-6.9@2026.2,pc.smm=off", "conservative@2026.2") == one.choices
    assert frozenset() == one.incurable
    vhost = remedy(
        catalogue,
        abi_of(catalogue, netdevs=["tap,id=n0,vhost=on"]),
        host_without(catalogue, "vhost-net"),
    )
    assert ((), frozenset({"vhost-net"})) == (vhost.choices, vhost.incurable)


def test_advice_fits_what_was_found(catalogue: pa.FileCatalogue) -> None:
    """Who could not be asked is to be asked better; what is absent is to be had elsewhere."""
    absent = check(catalogue, abi_of(catalogue), host_without(catalogue, "tun.uso")).findings[0]
    host = host_without(catalogue)
    facts = {name: fact for name, fact in host.facts.items() if name != "tun.uso"}
    unknown = check(catalogue, abi_of(catalogue), evolve(host, facts=facts)).findings[0]
    assert "probe the host" not in absent.help
    assert "probe the host" in unknown.help


def test_a_mask_is_named_in_every_verdict(catalogue: pa.FileCatalogue, tmp_path: Path) -> None:
    """What the site withdrew is said of old lockfiles that have it, and of new ones that do not."""
    before = abi_of(catalogue)
    (tmp_path / "masks").mkdir()
    (tmp_path / "masks/uso.toml").write_text(
        'schema = 1\n[[mask]]\nplatform = "*"\nfeature = "virtio-net.host-uso"\n'
        'reason = "drops packets"\ndate = 2026-11-23\n'
    )
    masked = pa.FileCatalogue([DEFINITIONS, tmp_path])
    old = check(masked, before, host_without(catalogue))
    new = check(masked, abi_of(masked), host_without(catalogue))
    assert [("masked-feature", "warn")] == [(f.code, f.severity) for f in old.findings]
    assert [("masked-feature", "info")] == [(f.code, f.severity) for f in new.findings]
    assert "drops packets" in old.findings[0].message
    without = check(masked, abi_of(masked), host_without(catalogue, "tun.uso"))
    assert {"virtio-net.guest-uso4", "virtio-net.guest-uso6"} == {
        f.feature for f in without.findings if f.capability
    }


def test_a_lockfile_of_other_definitions_is_judged_all_the_same(
    catalogue: pa.FileCatalogue,
) -> None:
    """Features, machine types and platforms that are not known here still have preconditions."""
    abi = abi_of(catalogue)
    strange = evolve(
        abi,
        vm=evolve(abi.vm, machine="pc-q35-99.0"),
        platform="linux-99.0@2031.1",
        preconditions=(pa.Precondition(capability="tun.warp", because=("virtio-net.warp",)),),
    )
    text = lock_text(strange, definitions="sha256:0")
    verdict = check(catalogue, read_lock(text, "vm.lock"), host_without(catalogue))
    assert [("capability-unknown", "virtio-net.warp", "tun.warp")] == [
        (f.code, f.feature, f.capability) for f in verdict.findings
    ]
    assert (
        check_migration(catalogue, strange, host_without(catalogue), host_without(catalogue)).status
        == "blocked"
    )


def test_flags_that_were_switched_off_may_be_those_that_the_host_lacks(
    catalogue: pa.FileCatalogue,
) -> None:
    """A model that the host cannot run whole is no reason to refuse what is left of it."""
    host = evolve(host_without(catalogue), sets={CPU_MODELS: ("qemu64",)})
    for cpu, code in ((CPU, "cpu-model"), (f"{CPU},pni=off", "cpu-unchecked")):
        codes = {f.code for f in check(catalogue, abi_of(catalogue, cpu=cpu), host).findings}
        assert {code} == codes & {"cpu-model", "cpu-unchecked"}


def test_what_else_was_found_of_a_host_counts(catalogue: pa.FileCatalogue) -> None:
    """A further finding that blocks, blocks; of a destination it blocks the way there only."""
    abi, host = abi_of(catalogue), host_without(catalogue)
    bad = pa.Finding(code="machine-content", severity="blocked", message="other content")
    assert "blocked" != check(catalogue, abi, host).status
    assert "blocked" == check(catalogue, abi, host, further=[bad]).status
    both = check_migration(catalogue, abi, host, host, further=[bad])
    assert (True, False) == (bad in both.forward.findings, bad in both.back.findings)
