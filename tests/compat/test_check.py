"""May it start there, may it move there and come back: preconditions among capabilities."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from hypothesis import assume, given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.compat.finding import CheckVerdict, MigrationVerdict
from platform_abi.compat.needs import Scope
from platform_abi.compat.remedy import remedy
from platform_abi.compat.supported import judge
from platform_abi.emit.lockfile import lock_text, read_lock
from platform_abi.host.document import read_report
from platform_abi.model.host import CPU_MODELS, Fact
from platform_abi.testing import BACKENDS, Scenario, host_reports, scenarios
from tests.compat.without_qemu import check, check_migration
from tests.definitions.site import DEFINITIONS
from tests.resolver.shipped import machine_with_nics

FULL = Fact(state="present", source="ioctl")
ABSENT = Fact(state="absent", source="ioctl", detail="EINVAL from TUNSETOFFLOAD 0x61")
NIC: dict[str, Any] = {"devices": ["virtio-net-pci,netdev=n0,id=net0"], "netdevs": ["tap,id=n0"]}
CPU = "Skylake-Server-v4,vendor=GenuineIntel"


def _host(catalogue: pa.Catalogue, *without: str) -> pa.HostReport:
    facts = {**dict.fromkeys(catalogue.capabilities(), FULL), **dict.fromkeys(without, ABSENT)}
    return pa.HostReport(
        facts=facts,
        system="linux",
        arch="x86_64",
        distribution="arch",
        sets={CPU_MODELS: ("Skylake-Server-v4", "qemu64")},
    )


def _abi(catalogue: pa.FileCatalogue, platform: str = "linux-6.9", **said: Any) -> pa.GuestAbi:
    known: dict[str, Any] = {"cpu": CPU, **NIC, **said}
    vm = pa.virtual_machine(catalogue.devices(), "pc-q35-9.1", **known)
    return pa.resolve(catalogue, vm, platform)


def _resolve(scenario: Scenario) -> pa.GuestAbi:
    return pa.resolve(scenario.catalogue, scenario.vm, scenario.platform)


def _here(scenario: Scenario, report: pa.HostReport) -> pa.HostReport:
    """Return *report* of a host of the guest's architecture."""
    return evolve(report, arch=scenario.vm.arch)


def _lacking(verdict: CheckVerdict) -> set[str]:
    return {f.capability for f in verdict.findings if f.code.startswith("capability-")}


# --- laws of a start -----------------------------------------------------------------------------


@given(scenarios(), host_reports())
def test_a_start_is_set_inclusion(scenario: Scenario, report: pa.HostReport) -> None:
    """Blocked exactly where a precondition is not proven, and every such one is named."""
    abi, report = _resolve(scenario), _here(scenario, report)
    verdict = check(scenario.catalogue, abi, report)
    unmet = {p.capability for p in abi.preconditions if report.state(p.capability) != "present"}
    assert bool(unmet) == (verdict.status == "blocked")
    assert unmet == _lacking(verdict)


@given(scenarios(), host_reports(), st.sampled_from(["tun.a", "tun.b", "vhost.a", "kvm.a"]))
def test_adding_a_capability_never_blocks(
    scenario: Scenario, report: pa.HostReport, gained: str
) -> None:
    """A host that has more is never judged worse."""
    abi = _resolve(scenario)
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
        assert set() == _lacking(started)
    if bare and _lacking(started):
        assert verdict.supported != "yes"


@given(scenarios(), host_reports())
def test_unknown_blocks_unless_allowed_and_then_it_is_recorded(
    scenario: Scenario, report: pa.HostReport
) -> None:
    """With allow_unknown only what is provably absent blocks; the verdict records it."""
    abi, report = _resolve(scenario), _here(scenario, report)
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
    abi = _resolve(scenario)
    plain = check(scenario.catalogue, abi, report)
    forced = check(scenario.catalogue, abi, report, force=True)
    assert forced.status == ("warn" if plain.status == "blocked" else plain.status)
    assert plain.findings == forced.findings
    assert forced.forced


# --- laws of a migration -------------------------------------------------------------------------


def _moves(verdict: MigrationVerdict) -> bool:
    return verdict.status != "blocked"


def _closed(abi: pa.GuestAbi) -> pa.GuestAbi:
    """Return *abi* without what nobody pinned."""
    return evolve(abi, unpinned=())


@given(scenarios(), host_reports())
def test_migration_is_reflexive(scenario: Scenario, report: pa.HostReport) -> None:
    """With nothing left open, a guest may move to a host that says the same if it may start."""
    abi = _closed(_resolve(scenario))
    starts = check(scenario.catalogue, abi, report).status != "blocked"
    assert starts == _moves(check_migration(scenario.catalogue, abi, report, report))


@given(scenarios(), host_reports(), host_reports(), host_reports())
def test_migration_is_transitive(
    scenario: Scenario, a: pa.HostReport, b: pa.HostReport, c: pa.HostReport
) -> None:
    """Moving from a to b and from b to c means moving from a to c: a preorder for a fixed ABI."""
    abi = _closed(_resolve(scenario))
    full = {p.capability: FULL for p in abi.preconditions}
    one, two, three = (
        evolve(r, arch=scenario.vm.arch, facts={**r.facts, **full}) for r in (a, b, c)
    )
    catalogue = scenario.catalogue
    assume(_moves(check_migration(catalogue, abi, one, two)))
    assume(_moves(check_migration(catalogue, abi, two, three)))
    assert _moves(check_migration(catalogue, abi, one, three))


@given(
    scenarios(),
    host_reports(),
    host_reports(),
    st.sampled_from(["tun.a", "tun.b", "vhost.a", "kvm.a"]),
)
def test_a_host_that_gains_a_capability_is_never_a_worse_destination(
    scenario: Scenario, a: pa.HostReport, b: pa.HostReport, gained: str
) -> None:
    """With nothing left open, more capabilities turn no migration from ok or warn to blocked."""
    abi = _closed(_resolve(scenario))
    better = evolve(b, facts={**b.facts, gained: FULL})
    if _moves(check_migration(scenario.catalogue, abi, a, b)):
        assert _moves(check_migration(scenario.catalogue, abi, a, better))


@given(scenarios(), host_reports(), host_reports())
def test_there_and_back_is_one_question(
    scenario: Scenario, a: pa.HostReport, b: pa.HostReport
) -> None:
    """Swapping the hosts swaps the directions and nothing else."""
    abi = _resolve(scenario)
    there = check_migration(scenario.catalogue, abi, a, b)
    back = check_migration(scenario.catalogue, abi, b, a)
    assert (there.forward, there.back) == (back.back, back.forward)
    assert there.status == back.status


@given(scenarios(), host_reports(), host_reports())
def test_a_migration_needs_a_start_on_both_sides(
    scenario: Scenario, a: pa.HostReport, b: pa.HostReport
) -> None:
    """Whoever may move could also have been started on either host."""
    abi = _resolve(scenario)
    if _moves(check_migration(scenario.catalogue, abi, a, b)):
        for report in (a, b):
            assert check(scenario.catalogue, abi, report).status != "blocked"


# --- examples ------------------------------------------------------------------------------------


def test_a_refusal_names_everything(catalogue: pa.FileCatalogue) -> None:
    """Feature, property, device, capability, evidence, and the newest platform that would work."""
    verdict = check(catalogue, _abi(catalogue), _host(catalogue, "tun.uso"))
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
    verdict = check(catalogue, _abi(catalogue, **nics), _host(catalogue, "tun.uso"))
    assert {"tap0"} == {f.device for f in verdict.findings}


def test_an_alias_of_a_driver_is_the_driver(catalogue: pa.FileCatalogue) -> None:
    """``virtio-net`` is ``virtio-net-pci``: its device is named as well."""
    nic: dict[str, Any] = {"devices": ["virtio-net,netdev=n0,id=net7"], "netdevs": ["tap,id=n0"]}
    verdict = check(catalogue, _abi(catalogue, **nic), _host(catalogue, "tun.uso"))
    assert {"net7"} == {f.device for f in verdict.findings}


def test_what_no_platform_can_cure_says_so(catalogue: pa.FileCatalogue) -> None:
    """Without /dev/vhost-net no platform helps a NIC with vhost=on: none is suggested."""
    nic = {**NIC, "netdevs": ["tap,id=n0,vhost=on"]}
    verdict = check(catalogue, _abi(catalogue, **nic), _host(catalogue, "vhost-net"))
    assert "blocked" == verdict.status
    assert all("works here" not in f.help for f in verdict.findings)
    assert any("CONFIG_VHOST_NET" in f.help for f in verdict.findings)


def test_a_prediction_is_not_believed(catalogue: pa.FileCatalogue) -> None:
    """A capability that only a kernel release predicts is unknown, and the finding says why."""
    host = _host(catalogue)
    inferred = Fact(state="present", source="inferred", detail="Linux 6.9; since Linux 6.2")
    host = evolve(host, facts={**host.facts, "tun.uso": inferred})
    verdict = check(catalogue, _abi(catalogue), host)
    assert "blocked" == verdict.status
    assert {"capability-unknown"} == {f.code for f in verdict.findings}
    assert all("predicted to be present" in f.message for f in verdict.findings)
    assert "warn" == check(catalogue, _abi(catalogue), host, allow_unknown=True).status


def test_the_board_and_the_cpu_are_checked_as_well(catalogue: pa.FileCatalogue) -> None:
    """A KVM without SMM or paravirtual bits is named with the property that asks for it."""
    verdict = check(catalogue, _abi(catalogue), _host(catalogue, "kvm.smm", "kvm.pv.steal-time"))
    assert {"machine.smm", "x86_64-cpu.kvm-steal-time"} == {f.property for f in verdict.findings}
    assert {None} == {f.device for f in verdict.findings}


def test_another_architecture_is_for_the_emulator_only(catalogue: pa.FileCatalogue) -> None:
    """KVM runs no x86 guest on an Arm host, nor on one that does not say what it is; TCG does."""
    arm, silent = (evolve(_host(catalogue), arch=arch) for arch in ("aarch64", ""))
    native, emulated = _abi(catalogue), _abi(catalogue, accelerator="tcg")
    for host in (arm, silent):
        verdict = check(catalogue, native, host)
        assert [("architecture", "blocked")] == [(f.code, f.severity) for f in verdict.findings]
        assert "ok" == check(catalogue, emulated, host).status
    assert "blocked" == check(catalogue, native, arm, allow_unknown=True).status
    assert "warn" == check(catalogue, native, silent, allow_unknown=True).status


def test_a_cpu_model_is_what_a_qemu_says_it_can_run(catalogue: pa.FileCatalogue) -> None:
    """A model that lacks a flag here is refused; without a QEMU's word that is not known."""
    abi, host = _abi(catalogue), _host(catalogue)
    lacking = evolve(host, sets={CPU_MODELS: ("qemu64",)})
    for report, expected in (
        (host, []),
        (lacking, [("cpu-model", "blocked")]),
        (evolve(host, sets={}), [("cpu-unchecked", "warn")]),
    ):
        verdict = check(catalogue, abi, report)
        assert expected == [(f.code, f.severity) for f in verdict.findings]
    assert "ok" == check(catalogue, _abi(catalogue, accelerator="tcg"), lacking).status


def test_what_is_beyond_the_platform_is_said(catalogue: pa.FileCatalogue) -> None:
    """A value that the user insists on is checked on this host, and flagged for all others."""
    nic = {**NIC, "devices": ["virtio-net-pci,netdev=n0,id=net0,host_uso=on"]}
    verdict = check(catalogue, _abi(catalogue, "linux-6.1", **nic), _host(catalogue))
    assert "warn" == verdict.status
    assert ["beyond-platform"] == [f.code for f in verdict.findings]


def test_old_to_new_says_what_the_destination_would_offer_more(
    catalogue: pa.FileCatalogue,
) -> None:
    """Both directions work with the lock's values, and what a fresh start would change is named."""
    abi = _abi(catalogue, "linux-6.1")
    old, new = _host(catalogue, "tun.uso"), _host(catalogue)
    verdict = check_migration(catalogue, abi, old, new)
    assert "ok" == verdict.status
    more = [f for f in verdict.forward.findings if f.code == "offers-more"]
    assert {"virtio-net-device.host_uso", "virtio-net-device.guest_uso4"} <= {
        f.property for f in more
    }
    assert {f.property for f in more} == {
        f.property for f in verdict.back.findings if f.code == "offers-less"
    }


def test_what_the_machine_type_does_not_have_is_not_offered_more(
    catalogue: pa.FileCatalogue,
) -> None:
    """pc-q35-8.1 has no USO on any host: its QEMU would offer nothing more there."""
    vm = pa.virtual_machine(catalogue.devices(), "pc-q35-8.1", cpu=CPU, **NIC)
    abi = pa.resolve(catalogue, vm, "linux-6.1")
    verdict = check_migration(catalogue, abi, _host(catalogue, "tun.uso"), _host(catalogue))
    assert () == verdict.forward.findings


def test_a_destination_without_the_feature_is_refused_before_any_memory_is_copied(
    catalogue: pa.FileCatalogue,
) -> None:
    """The case that platforms are for: blocked there, by name, and fine on the way back."""
    verdict = check_migration(
        catalogue, _abi(catalogue), _host(catalogue), _host(catalogue, "tun.uso")
    )
    assert ("blocked", "blocked", "ok") == (
        *(verdict.status, verdict.forward.status, verdict.back.status),
    )


CPU_SAID: dict[str, Any] = {
    "masks": {"kvm.cpuid.00000007.00.ebx": 0xFF},
    "values": {"cpu.vendor": "GenuineIntel", "cpu.model": "6.85.4", "kvm.msr.0000010a": "0x1"},
    "numbers": {"kvm.phys-bits": 46},
    "sets": {"kvm.msr-features": ("0x10a",)},
}


def test_a_cpu_left_to_the_host_moves_as_far_as_hosts_provably_agree(
    catalogue: pa.FileCatalogue,
) -> None:
    """``-cpu host``: info between equal CPUs, a warning where nobody knows, refused where not."""
    abi = _abi(catalogue, cpu="host")
    here = evolve(_host(catalogue), **CPU_SAID)
    fewer = evolve(here, masks={"kvm.cpuid.00000007.00.ebx": 0x1})
    silent = evolve(here, masks={}, values={})
    for report, expected in ((here, "ok"), (silent, "warn"), (fewer, "blocked")):
        assert expected == check_migration(catalogue, abi, here, report).status
    found = check_migration(catalogue, abi, here, fewer).forward.findings
    assert any("kvm.cpuid.00000007.00.ebx (0xff and 0x1)" in f.message for f in found)


def test_what_breaks_blocks_unless_the_hosts_provably_agree(catalogue: pa.FileCatalogue) -> None:
    """An explicit auto goes where what it rests on is known and equal, and nowhere else."""
    nic = {**NIC, "devices": ["vhost-vsock-pci,seqpacket=auto,guest-cid=3,id=v0"], "netdevs": []}
    abi = _abi(catalogue, **nic)
    full, without = _host(catalogue), _host(catalogue, "vhost-vsock.seqpacket")
    unknown = evolve(
        full, facts={k: f for k, f in full.facts.items() if k != "vhost-vsock.seqpacket"}
    )
    unrelated = _host(catalogue, "macvtap.uso")
    for one, other, expected in (
        (full, full, "ok"),
        (full, unrelated, "ok"),
        (without, without, "ok"),
        (full, without, "blocked"),
        (unknown, unknown, "blocked"),
    ):
        assert expected == check_migration(catalogue, abi, one, other).status


def test_hosts_of_one_cpu_vendor_agree_on_it(catalogue: pa.FileCatalogue) -> None:
    """What the reports show to be shared is no reason to warn; what they show to differ refuses."""
    abi = _abi(catalogue, cpu="Skylake-Server-v4")
    intel = evolve(_host(catalogue), values={"cpu.vendor": "GenuineIntel"})
    amd = evolve(intel, values={"cpu.vendor": "AuthenticAMD"})
    newer = evolve(intel, release="6.9.4")
    assert "ok" == check_migration(catalogue, abi, intel, newer).status
    assert "blocked" == check_migration(catalogue, abi, intel, amd).status
    assert "warn" == check_migration(catalogue, abi, intel, evolve(newer, values={})).status


def test_a_remedy_is_the_nearest_choice_that_works(catalogue: pa.FileCatalogue) -> None:
    """Few exceptions are offered as such; many are another platform; the last is conservative."""
    abi = _abi(catalogue)
    gone = ("tun.csum", "tun.tso4", "tun.tso6", "tun.tso-ecn", "tun.uso")
    found = remedy(catalogue, abi, _host(catalogue, *gone))
    assert ("conservative@2026.2",) == found.choices
    one = remedy(catalogue, abi, _host(catalogue, "kvm.smm"))
    assert ("linux-6.9@2026.2,pc.smm=off", "conservative@2026.2") == one.choices
    assert frozenset() == one.incurable
    vhost = remedy(
        catalogue, _abi(catalogue, netdevs=["tap,id=n0,vhost=on"]), _host(catalogue, "vhost-net")
    )
    assert ((), frozenset({"vhost-net"})) == (vhost.choices, vhost.incurable)


def test_advice_fits_what_was_found(catalogue: pa.FileCatalogue) -> None:
    """Who could not be asked is to be asked better; what is absent is to be had elsewhere."""
    absent = check(catalogue, _abi(catalogue), _host(catalogue, "tun.uso")).findings[0]
    host = _host(catalogue)
    facts = {name: fact for name, fact in host.facts.items() if name != "tun.uso"}
    unknown = check(catalogue, _abi(catalogue), evolve(host, facts=facts)).findings[0]
    assert "probe the host" not in absent.help
    assert "probe the host" in unknown.help


def test_a_mask_is_named_in_every_verdict(catalogue: pa.FileCatalogue, tmp_path: Path) -> None:
    """What the site withdrew is said of old lockfiles that have it, and of new ones that do not."""
    before = _abi(catalogue)
    (tmp_path / "masks").mkdir()
    (tmp_path / "masks/uso.toml").write_text(
        'schema = 1\n[[mask]]\nplatform = "*"\nfeature = "virtio-net.host-uso"\n'
        'reason = "drops packets"\ndate = 2026-11-23\n'
    )
    masked = pa.FileCatalogue([DEFINITIONS, tmp_path])
    old = check(masked, before, _host(catalogue))
    new = check(masked, _abi(masked), _host(catalogue))
    assert [("masked-feature", "warn")] == [(f.code, f.severity) for f in old.findings]
    assert [("masked-feature", "info")] == [(f.code, f.severity) for f in new.findings]
    assert "drops packets" in old.findings[0].message
    without = check(masked, _abi(masked), _host(catalogue, "tun.uso"))
    assert {"virtio-net.guest-uso4", "virtio-net.guest-uso6"} == {
        f.feature for f in without.findings if f.capability
    }


def test_a_lockfile_of_other_definitions_is_judged_all_the_same(
    catalogue: pa.FileCatalogue,
) -> None:
    """Features, machine types and platforms that are not known here still have preconditions."""
    abi = _abi(catalogue)
    strange = evolve(
        abi,
        vm=evolve(abi.vm, machine="pc-q35-99.0"),
        platform="linux-99.0@2031.1",
        preconditions=(pa.Precondition(capability="tun.warp", because=("virtio-net.warp",)),),
    )
    text = lock_text(strange, definitions="sha256:0")
    verdict = check(catalogue, read_lock(text, "vm.lock"), _host(catalogue))
    assert [("capability-unknown", "virtio-net.warp", "tun.warp")] == [
        (f.code, f.feature, f.capability) for f in verdict.findings
    ]
    assert (
        check_migration(catalogue, strange, _host(catalogue), _host(catalogue)).status == "blocked"
    )


def test_flags_that_were_switched_off_may_be_those_that_the_host_lacks(
    catalogue: pa.FileCatalogue,
) -> None:
    """A model that the host cannot run whole is no reason to refuse what is left of it."""
    host = evolve(_host(catalogue), sets={CPU_MODELS: ("qemu64",)})
    for cpu, code in ((CPU, "cpu-model"), (f"{CPU},pni=off", "cpu-unchecked")):
        codes = {f.code for f in check(catalogue, _abi(catalogue, cpu=cpu), host).findings}
        assert {code} == codes & {"cpu-model", "cpu-unchecked"}


def test_what_else_was_found_of_a_host_counts(catalogue: pa.FileCatalogue) -> None:
    """A further finding that blocks, blocks; of a destination it blocks the way there only."""
    abi, host = _abi(catalogue), _host(catalogue)
    bad = pa.Finding(code="machine-content", severity="blocked", message="other content")
    assert "blocked" != check(catalogue, abi, host).status
    assert "blocked" == check(catalogue, abi, host, further=[bad]).status
    both = check_migration(catalogue, abi, host, host, further=[bad])
    assert (True, False) == (bad in both.forward.findings, bad in both.back.findings)


# --- a host whose taps have no vnet header -------------------------------------------------------


def _captured(name: str) -> pa.HostReport:
    path = Path(__file__).parent.parent / "captures" / f"{name}.json"
    return read_report(path.read_bytes(), name)


@pytest.mark.parametrize("platform", ["windows-2022", "windows-2025", "conservative"])
@pytest.mark.parametrize("netdev", ["tap,ifname=t", "user"])
def test_a_virtual_machine_moves_from_linux_to_windows_and_back(
    catalogue: pa.FileCatalogue, platform: str, netdev: str
) -> None:
    """The platform asks nothing of a tap, on either: what travels in the stream is the same."""
    linux, windows = _captured("this-host"), _captured("constructed-windows-qemu")
    vm = machine_with_nics(catalogue, "pc-q35-9.1", netdev, accelerator="tcg", cpu="qemu64")
    abi = pa.resolve(catalogue, vm, platform)
    for report in (linux, windows):
        assert "ok" == check(catalogue, abi, report).status
    assert "ok" == check_migration(catalogue, abi, linux, windows).status


@pytest.mark.parametrize(
    ("platform", "netdev"),
    [("linux-4.18", "tap"), ("windows-2022", "tap,vnet_hdr=on"), ("windows-2022", "tap,fd=3")],
)
def test_a_vnet_header_stays_on_hosts_that_have_it(
    catalogue: pa.FileCatalogue, platform: str, netdev: str
) -> None:
    """Blocked by name, provably, and not for want of a probe; what would work is named if it is."""
    linux, windows = _captured("this-host"), _captured("constructed-windows-qemu")
    vm = machine_with_nics(catalogue, "pc-q35-9.1", netdev, accelerator="tcg", cpu="qemu64")
    abi = pa.resolve(catalogue, vm, platform)
    verdict = check_migration(catalogue, abi, linux, windows)
    assert ("blocked", "warn" if "windows" in platform else "ok") == (
        verdict.forward.status,
        verdict.back.status,
    )
    found = [f for f in verdict.forward.findings if f.capability == "tun.vnet-hdr"]
    assert {"capability-missing"} == {f.code for f in found}
    assert ("windows-2025" in found[0].help) == (netdev == "tap")
