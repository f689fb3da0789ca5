"""What a command line becomes on a host: the choice, the refusal, the stored choice."""

from __future__ import annotations

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.compat.met import unmet
from platform_abi.errors import HostError, UnknownNameError, UsageError
from platform_abi.model.host import CPU_MODELS, HostReport
from platform_abi.resolver.resolve import resolve
from tests.compat.strategies import full_report, without
from tests.launch.hosts import NIC, USUAL, Host, launched

_MACHINES = ("pc-q35-7.2", "pc-q35-8.1", "pc-q35-9.1", "pc-i440fx-10.0")
_PLATFORMS = ("linux-5.10", "linux-6.1", "linux-6.9", "linux-6.17", "conservative")
_NETDEVS = ("tap,id=n0", "tap,id=n0,vhost=on", "user,id=n0")


@st.composite
def _lines(draw: st.DrawFn) -> list[str]:
    """Draw a command line without -platform."""
    machine, netdev = draw(st.sampled_from(_MACHINES)), draw(st.sampled_from(_NETDEVS))
    driver = draw(st.sampled_from(["virtio-net-pci", "virtio-net-pci-non-transitional"]))
    own = draw(st.sampled_from(["", ",host_uso=on", ",rss=off", ",mac=52:54:00:12:34:56"]))
    if "uso" in own and machine < "pc-q35-8.2":
        own = ""
    options = [
        ["-machine", machine],
        ["-accel", draw(st.sampled_from(["tcg", "kvm"]))],
        ["-netdev", netdev],
        ["-device", f"{driver},netdev=n0,id=net0{own}"],
        *draw(st.sampled_from([[], [["-cpu", "EPYC-v4"]], [["-device", "virtio-balloon-pci"]]])),
    ]
    return [word for option in draw(st.permutations(options)) for word in option]


def _hosts(catalogue: pa.FileCatalogue) -> st.SearchStrategy[HostReport]:
    """Return hosts that lack, or are not known to have, some of everything."""
    full = full_report(catalogue)
    needed = [n for n in sorted(full.facts) if n.startswith(("tun.", "vhost-net", "kvm."))]
    names = st.lists(st.sampled_from(needed), max_size=6)
    lacking = st.builds(lambda gone: without(full, *gone), names)
    return st.builds(lambda r, gone: without(r, *gone, state="unknown"), lacking, names)


# --- laws ----------------------------------------------------------------------------------------


@settings(max_examples=60)
@given(data=st.data(), line=_lines(), platform=st.sampled_from(_PLATFORMS))
def test_a_stored_choice_gives_the_same_words(
    catalogue: pa.FileCatalogue, data: st.DataObject, line: list[str], platform: str
) -> None:
    """Restarted with its lockfile, named or not, or received, a VM has the arguments it had."""
    report = data.draw(_hosts(catalogue))
    first = launched(catalogue, [*line, "-platform", f"{platform},force=on"], report)
    for again in (
        "lock=vm.lock",
        f"{platform},lock=vm.lock",
        f"{first.abi.platform},lock=vm.lock",
    ):
        option = ["-platform", f"{again},force=on"]
        second = launched(catalogue, [*line, *option], report, first.abi)
        assert (True, False) == (second.kept, second.chosen)
        assert first.words == second.words
        assert first.abi == second.abi
        arriving = launched(catalogue, [*line, *option, "-incoming", "defer"], report, first.abi)
        assert (*first.words, "-incoming", "defer") == arriving.words


@settings(max_examples=60)
@given(data=st.data(), line=_lines())
def test_what_is_chosen_is_never_what_is_refused(
    catalogue: pa.FileCatalogue, data: st.DataObject, line: list[str]
) -> None:
    """Where nobody names a platform, nothing blocks that another one would cure."""
    report = data.draw(_hosts(catalogue))
    line = [word.replace(",host_uso=on", "") for word in line]
    begun = launched(catalogue, line, report)
    assert begun.chosen
    incurable = unmet(catalogue, resolve(catalogue, begun.abi.vm, "conservative"), report)
    lacking = {f.capability for f in begun.verdict.findings if f.severity == "blocked"} - {""}
    assert lacking <= incurable


@settings(max_examples=60)
@given(data=st.data(), line=_lines(), platform=st.sampled_from(_PLATFORMS))
def test_asking_only_for_what_is_needed_gives_the_whole_verdict(
    catalogue: pa.FileCatalogue, data: st.DataObject, line: list[str], platform: str
) -> None:
    """The verdict is that of a full report, which is only asked for where it is bad news."""
    report = data.draw(_hosts(catalogue))
    host = Host(report)
    begun = launched(catalogue, [*line, "-platform", platform], host)
    assert pa.check(catalogue, begun.abi, report, of_qemu=()) == begun.verdict
    lacks = any(finding.capability for finding in begun.verdict.findings)
    reports = [what for what in host.asked if what != "version"]  # which is the QEMU's
    assert (["needed", "everything"] if lacks else ["needed"]) == reports


@settings(max_examples=60)
@given(data=st.data(), line=_lines(), platform=st.sampled_from(_PLATFORMS))
def test_force_starts_everything_and_says_what(
    catalogue: pa.FileCatalogue, data: st.DataObject, line: list[str], platform: str
) -> None:
    """With force=on nothing blocks, the words are the same, and all that would have is recorded."""
    report = data.draw(_hosts(catalogue))
    plain = launched(catalogue, [*line, "-platform", platform], report)
    forced = launched(catalogue, [*line, "-platform", f"{platform},force=on"], report)
    blocked = tuple(f for f in plain.verdict.findings if f.severity == "blocked")
    assert () == plain.allowed
    assert blocked == forced.allowed
    assert "blocked" != forced.verdict.status
    assert plain.words == forced.words


# --- examples: the choice ------------------------------------------------------------------------


def test_the_newest_that_fits_this_virtual_machine_is_chosen(catalogue: pa.FileCatalogue) -> None:
    """A host without vhost is no obstacle to a VM that has none, and one with is told so."""
    report = without(full_report(catalogue), "vhost-net")
    begun = launched(catalogue, [*USUAL, *NIC], report)
    assert (True, "linux-6.18@2026.2") == (begun.chosen, begun.abi.platform)
    vhost = [word.replace("tap,id=n0", "tap,id=n0,vhost=on") for word in NIC]
    assert "conservative@2026.2" == launched(catalogue, [*USUAL, *vhost], report).abi.platform
    policy = launched(catalogue, [*USUAL, *NIC], report, policy="conservative")
    assert "conservative@2026.2" == policy.abi.platform
    # What KVM lacks is no obstacle to a guest that is emulated.
    report = without(full_report(catalogue), "kvm.smm")
    assert "conservative@2026.2" == launched(catalogue, [*USUAL, *NIC], report).abi.platform
    emulated = [*USUAL[:2], "-accel", "tcg", *NIC]
    assert "linux-6.18@2026.2" == launched(catalogue, emulated, report).abi.platform


def test_an_unknown_platform_names_the_nearest(catalogue: pa.FileCatalogue) -> None:
    """A slip is answered by the name that was meant, and nobody is asked anything."""
    host = Host(full_report(catalogue))
    with pytest.raises(UnknownNameError, match=r"linux-6\.9") as error:
        launched(catalogue, [*USUAL, *NIC, "-platform", "linux-6.99"], host)
    assert "unknown-platform" == error.value.code
    assert [] == host.asked


def test_an_alias_is_what_the_qemu_takes_it_for(catalogue: pa.FileCatalogue) -> None:
    """``q35`` is the machine type of the binary that will run, and the same as its full name."""
    report = full_report(catalogue)
    for version in ("7.2", "10.0", "11.1"):
        host = Host(report, {"q35": f"pc-q35-{version}", "pc": f"pc-i440fx-{version}"})
        words = ("-accel", "kvm", *NIC, "-platform", "linux-6.1")
        short = launched(catalogue, ["-machine", "q35", *words], host)
        full = launched(catalogue, ["-machine", f"pc-q35-{version}", *words], report)
        assert full.abi == short.abi
    with pytest.raises(UsageError, match="is an alias") as error:
        launched(catalogue, ["-machine", "q35", *words], Host(report))
    assert "machine-alias" == error.value.code


def test_an_alias_of_a_release_that_is_not_here_is_what_it_means(
    catalogue: pa.FileCatalogue,
) -> None:
    """A QEMU between those that are known has machine types that a later one has as well."""
    report = full_report(catalogue)
    words = ("-accel", "kvm", *NIC, "-platform", "linux-6.1")
    host = Host(report, {"q35": "pc-q35-8.2"}, "8.2.2")
    short = launched(catalogue, ["-machine", "q35", *words], host)
    full = launched(catalogue, ["-machine", "pc-q35-8.2", *words], report)
    assert full.abi == short.abi
    # What it means is no matter of its release; that is asked for what it leaves the machine type.
    assert ["known", "aliases", "version", "needed"] == host.asked


def test_a_suffix_of_a_vendors_is_no_part_of_the_machine_type(
    catalogue: pa.FileCatalogue,
) -> None:
    """Proxmox writes one behind every versioned name; its QEMU gets it as it is."""
    words = ("-accel", "kvm", *NIC, "-platform", "linux-6.1")
    begun = launched(
        catalogue, ["-machine", "type=pc-q35-9.2+pve0", *words], full_report(catalogue)
    )
    assert begun.abi.vm.machine == "pc-q35-9.2"
    assert "type=pc-q35-9.2+pve0" in begun.words


# --- examples: boards without a version ----------------------------------------------------------


@pytest.mark.parametrize(
    ("machine", "build", "pinned"),
    [
        ("pc-q35-8.1", "qemu-8.2.2-ubuntu", True),
        ("pc-i440fx-8.1", "qemu-8.2.2-ubuntu", True),
        ("pc-q35-8.0", "qemu-8.2.2-ubuntu", False),
        ("pc-q35-8.1", "qemu-10.0.13", False),
        ("pc-q35-8.1", "qemu-11.1.3", False),
    ],
)
@pytest.mark.parametrize("known", [True, False])
def test_what_the_qemu_leaves_an_older_machine_type_is_pinned(
    catalogue: pa.FileCatalogue, machine: str, build: str, pinned: bool, known: bool
) -> None:
    """The QEMU that is started counts, whether it is known or tells its version and package."""
    qemu = catalogue.build(build, "x86_64")
    host = Host(pa.HostReport(arch="x86_64"))
    host.qemu = (qemu.version, qemu.package)
    host.build = (catalogue, qemu) if known else None
    words = ("-machine", machine, "-accel", "tcg", "-platform", "linux-6.1", *NIC)
    begun = launched(catalogue, words, host)
    assert ("virtio-net-device.host_uso=off" in begun.words) is pinned
    assert (begun.abi.vm.build == build) is pinned


MICROVM = ("-machine", "microvm", "-accel", "tcg", "-nodefaults", "-device", "virtio-net-device")


@pytest.mark.parametrize(
    ("version", "build", "remarked"),
    [
        ("7.2.22", "qemu-7.2.22", False),
        ("9.1.0", "qemu-8.2.2-ubuntu", True),
        ("10.0.2", "qemu-10.0.2", False),
        ("11.1.3", "qemu-11.1.3", False),
    ],
)
def test_a_board_without_a_version_is_that_of_the_qemu_to_be_started(
    catalogue: pa.FileCatalogue, version: str, build: str, remarked: bool
) -> None:
    """Nothing is written that this QEMU does not know; what cannot be known is said."""
    host = Host(full_report(catalogue), version=version)
    begun = launched(catalogue, [*MICROVM, "-platform", "linux-6.9"], host)
    assert begun.abi.vm.build == build
    known = catalogue.types(build, "x86_64")
    for setting in begun.abi.settings:
        if setting.driver in known:
            assert setting.property in known.properties(setting.driver)
    assert remarked == any("has no version" in text for text in begun.remarks)


def test_a_qemu_before_all_that_are_known_is_a_question(catalogue: pa.FileCatalogue) -> None:
    """Nothing is guessed of one whose properties nobody has recorded."""
    host = Host(full_report(catalogue), version="4.2.0")
    with pytest.raises(UsageError, match="has no version") as error:
        launched(catalogue, [*MICROVM, "-platform", "linux-6.9"], host)
    assert ("machine-unversioned", True) == (error.value.code, "import-qemu" in error.value.help)


# --- examples: the refusal -----------------------------------------------------------------------


def test_each_failing_feature_is_named_with_its_evidence_and_what_would_work(
    catalogue: pa.FileCatalogue,
) -> None:
    """Property, device, capability, what the kernel said, and the newest platform that works."""
    report = without(full_report(catalogue), "tun.uso")
    begun = launched(catalogue, [*USUAL, *NIC, "-platform", "linux-6.9"], report)
    assert "blocked" == begun.verdict.status
    blocked = [f for f in begun.verdict.findings if f.severity == "blocked"]
    assert {
        "virtio-net-device.guest_uso4",
        "virtio-net-device.guest_uso6",
        "virtio-net-device.host_uso",
    } == {finding.property for finding in blocked}
    for finding in blocked:
        assert "of net0 needs tun.uso, which is absent here (EINVAL)" in finding.message
        assert "linux-6.1@2026.2" in finding.help


@pytest.mark.parametrize("said", ["device", "global"])
def test_a_value_of_the_users_is_refused_as_well(catalogue: pa.FileCatalogue, said: str) -> None:
    """What the user wrote and the host cannot honour is refused like what the platform says."""
    report = without(full_report(catalogue), "tun.uso")
    own = {
        "device": [*NIC[:3], f"{NIC[3]},host_uso=on"],
        "global": [*NIC, "-global", "virtio-net-device.host_uso=on"],
    }[said]
    assert (
        "blocked"
        != launched(catalogue, [*USUAL, *NIC, "-platform", "linux-6.1"], report).verdict.status
    )
    begun = launched(catalogue, [*USUAL, *own, "-platform", "linux-6.1"], report)
    assert "blocked" == begun.verdict.status
    assert {"tun.uso"} == {f.capability for f in begun.verdict.findings if f.severity == "blocked"}


def test_what_nobody_could_tell_is_refused_unless_allowed(catalogue: pa.FileCatalogue) -> None:
    """Unknown is not yes; allow-unknown=on lets it pass, and nothing that is absent."""
    unknown = without(full_report(catalogue), "tun.uso", state="unknown")
    absent = without(unknown, "tun.tso4")
    words = [*USUAL, *NIC, "-platform"]
    assert "blocked" == launched(catalogue, [*words, "linux-6.9"], unknown).verdict.status
    allowed = launched(catalogue, [*words, "linux-6.9,allow-unknown=on"], unknown)
    assert "warn" == allowed.verdict.status
    assert {"capability-unknown"} == {finding.code for finding in allowed.allowed}
    worse = launched(catalogue, [*words, "linux-6.9,allow-unknown=on"], absent)
    assert ("blocked", ()) == (worse.verdict.status, worse.allowed)


def test_a_cpu_model_that_does_not_run_here_is_refused(catalogue: pa.FileCatalogue) -> None:
    """The QEMU that will run is the one that was asked which models it can run flag for flag."""
    report = evolve(full_report(catalogue), sets={CPU_MODELS: ("EPYC-v4",)})
    begun = launched(catalogue, [*USUAL, *NIC, "-platform", "linux-6.1"], report)
    assert "blocked" == begun.verdict.status
    assert "cpu-model" in {finding.code for finding in begun.verdict.findings}


# --- examples: the lockfile ----------------------------------------------------------------------


def _locked(catalogue: pa.FileCatalogue, platform: str = "linux-6.1") -> pa.GuestAbi:
    words = [*USUAL, *NIC, "-platform", platform]
    return launched(catalogue, words, full_report(catalogue)).abi


def test_an_incoming_virtual_machine_has_its_platform_already(catalogue: pa.FileCatalogue) -> None:
    """Nothing is chosen here for what comes from another host, or out of a snapshot."""
    host = Host(full_report(catalogue))
    for arriving in (["-incoming", "tcp::4444"], ["-incoming", "defer"], ["-loadvm", "before"]):
        with pytest.raises(UsageError) as error:
            launched(catalogue, [*USUAL, *NIC, *arriving], host)
        assert "incoming-without-platform" == error.value.code
        with pytest.raises(UsageError, match=r"gone\.lock") as error:
            launched(catalogue, [*USUAL, *NIC, *arriving, "-platform", "lock=gone.lock"], host)
        assert "lock-not-found" == error.value.code
        named = launched(catalogue, [*USUAL, *NIC, *arriving, "-platform", "linux-6.1"], host)
        assert "linux-6.1@2026.2" == named.abi.platform
    assert "everything" not in host.asked


@pytest.mark.parametrize(
    "named", ["linux-6.9", "linux-6.1@2026.2,virtio-net.rss=on", "conservative"]
)
def test_a_differing_choice_is_refused_for_what_arrives(
    catalogue: pa.FileCatalogue, named: str
) -> None:
    """A lockfile and another platform contradict each other; the message has both."""
    words = [*USUAL, *NIC, "-incoming", "defer", "-platform", f"{named},lock=vm.lock"]
    with pytest.raises(UsageError, match=r"vm\.lock is for linux-6\.1@2026\.2") as error:
        launched(catalogue, words, full_report(catalogue), _locked(catalogue))
    assert "lock-other-platform" == error.value.code


def test_another_platform_at_a_restart_is_a_new_choice(catalogue: pa.FileCatalogue) -> None:
    """Nothing is in flight then: what is named counts, and is what will be stored."""
    words = [*USUAL, *NIC, "-platform", "linux-6.9,lock=vm.lock"]
    begun = launched(catalogue, words, full_report(catalogue), _locked(catalogue))
    assert ("linux-6.9@2026.2", False) == (begun.abi.platform, begun.kept)
    assert ("vm.lock had linux-6.1@2026.2, and is written anew",) == begun.remarks


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["-machine", "pc-q35-9.0"], "machine type: stored pc-q35-9.1, given pc-q35-9.0"),
        (["-accel", "tcg"], "accelerator: stored kvm, given tcg"),
        (["-cpu", "EPYC-v4"], "CPU model: stored qemu64, given EPYC-v4"),
        (["-cpu", "qemu64,vendor=GenuineIntel"], "-cpu vendor: stored AuthenticAMD, given Genu"),
        (["-machine", "smm=off"], "-machine smm: stored nothing, given off"),
        (["-global", "virtio-net-pci.vectors=0"], "-global virtio-net-pci.vectors: stored nothing"),
        (
            ["-set", "device.net0.mac=52:54:00:00:00:01"],
            "device net0.mac: stored nothing, given 52",
        ),
    ],
)
def test_the_lockfile_of_another_virtual_machine_is_refused(
    catalogue: pa.FileCatalogue, words: list[str], named: str
) -> None:
    """Incoming or restarted, everything that a guest could tell the two by is named."""
    stored = _locked(catalogue)
    usual = [*USUAL] if words[0] not in USUAL or "smm" in words[1] else []
    for at in range(0, 0 if usual else len(USUAL), 2):
        if USUAL[at] != words[0]:
            usual += USUAL[at : at + 2]
    for arriving in ([], ["-incoming", "defer"]):
        line = [*usual, *NIC, *words, *arriving, "-platform", "lock=vm.lock"]
        with pytest.raises(UsageError) as error:
            launched(catalogue, line, full_report(catalogue), stored)
        assert "lock-other-vm" == error.value.code
        assert named in error.value.message
        assert "vm.lock" in error.value.message


@pytest.mark.parametrize(
    ("build", "lacks"),
    [
        ("qemu-5.2.0", {"machine-missing"}),
        ("qemu-7.2.22", {"machine-missing"}),
        ("qemu-10.0.2", {"property-missing"}),
        ("qemu-11.1.3", set()),
    ],
)
def test_what_a_lockfile_names_and_the_qemu_lacks_stops_the_start(
    catalogue: pa.FileCatalogue, build: str, lacks: set[str]
) -> None:
    """By name, before QEMU would end with it; of a QEMU that nobody knows nothing is said."""
    nic = [*NIC[:-1], f"{NIC[-1]},host_tunnel=off"]
    words = [*USUAL, *nic, "-platform", "lock=vm.lock"]
    host = Host(full_report(catalogue))
    stored = launched(catalogue, [*words[:-1], "linux-6.9"], host).abi
    for known in (True, False):
        if known:
            host.build = (catalogue, catalogue.build(build, "x86_64"))
            host.qemu = (host.build[1].version, host.build[1].package)
        else:
            host.build = host.qemu = None
        begun = launched(catalogue, words, host, stored)
        codes = {f.code for f in begun.verdict.findings if f.severity == "blocked"}
        assert (lacks if known else set()) == codes & {"machine-missing", "property-missing"}


def test_an_alias_of_a_driver_is_the_same_device(catalogue: pa.FileCatalogue) -> None:
    """``virtio-net`` is virtio-net-pci here: the lockfile's virtual machine, by another name."""
    words = [word.replace("virtio-net-pci", "virtio-net") for word in NIC]
    line = [*USUAL, *words, "-platform", "lock=vm.lock"]
    assert launched(catalogue, line, full_report(catalogue), _locked(catalogue)).kept


def test_another_spelling_of_the_cpu_is_the_same_virtual_machine(
    catalogue: pa.FileCatalogue,
) -> None:
    """A manager may spell out what a model has anyway: the QEMU is asked whether it is the same."""
    words = [word.replace("qemu64,", "qemu64,+lahf-lm,") for word in USUAL]
    for option in (["-incoming", "defer"], []):
        line = [*words, *NIC, *option, "-platform", "lock=vm.lock"]
        host = Host(full_report(catalogue))
        begun = launched(catalogue, line, host, _locked(catalogue))
        assert (True, "cpu") == (begun.kept, host.asked[0])
    # It is no excuse for another difference, and nobody is asked then.
    host = Host(full_report(catalogue))
    with pytest.raises(UsageError) as error:
        launched(catalogue, [*line, "-global", "e1000.x=1"], host, _locked(catalogue))
    assert ("lock-other-vm", []) == (error.value.code, host.asked)
    assert "-cpu lahf-lm: stored nothing, given on" in error.value.message


def test_a_host_that_cannot_be_asked_stops_everything(catalogue: pa.FileCatalogue) -> None:
    """An error of the host's is the caller's to see: no guess stands in for it."""

    class _Mute(Host):
        def needed(self, abi: pa.GuestAbi) -> HostReport:
            del abi
            raise HostError("mute", code="qemu-failed")

    with pytest.raises(HostError, match="mute"):
        launched(catalogue, [*USUAL, *NIC, "-platform", "linux-6.1"], _Mute(full_report(catalogue)))


# --- netdevs -------------------------------------------------------------------------------------

_TAP = "tap,id=n0"


def _tap(netdev: str, *more: str, machine: str = "pc-q35-9.1") -> list[str]:
    nic = ["-device", "virtio-net-pci,netdev=n0,id=net0"]
    return ["-machine", machine, *USUAL[2:], "-netdev", netdev, *nic, *more]


@pytest.mark.parametrize("netdev", [_TAP, f"{_TAP},vnet_hdr=off", f"{_TAP},ifname=other"])
@pytest.mark.parametrize("more", [(), ("-incoming", "defer")])
def test_a_stored_netdev_is_the_same_whoever_writes_what_the_platform_sets(
    catalogue: pa.FileCatalogue, netdev: str, more: tuple[str, ...]
) -> None:
    """The launcher at the source, or whoever copied its command line: both mean one guest."""
    report = full_report(catalogue)
    first = launched(catalogue, _tap(_TAP, "-platform", "conservative"), report)
    assert f"{_TAP},vnet_hdr=off" in first.words

    again = launched(catalogue, _tap(netdev, *more, "-platform", "lock=vm.lock"), report, first.abi)
    assert again.kept
    assert f"{netdev.removesuffix(',vnet_hdr=off')},vnet_hdr=off" in again.words
    assert "ok" == again.verdict.status


@pytest.mark.parametrize("netdev", [f"{_TAP},vnet_hdr=on", f"{_TAP},fd=3", f"{_TAP},vhost=on"])
def test_a_netdev_that_contradicts_what_is_stored_is_another_virtual_machine(
    catalogue: pa.FileCatalogue, netdev: str
) -> None:
    """An explicit value wins, and what it makes of the stream does not fit: it is said at once."""
    report = full_report(catalogue)
    first = launched(catalogue, _tap(_TAP, "-platform", "conservative"), report)
    words = _tap(netdev, "-incoming", "defer", "-platform", "lock=vm.lock")

    with pytest.raises(UsageError) as caught:
        launched(catalogue, words, report, first.abi)
    assert "lock-other-vm" == caught.value.code
    assert "behind tap-no-vnet-hdr, given virtio-net-pci behind tap" in caught.value.message


def test_a_nic_that_was_plugged_in_has_the_netdev_that_it_was_plugged_in_with(
    catalogue: pa.FileCatalogue,
) -> None:
    """What netdev_add was told the incoming command line says; nothing is written on it anew."""
    report = full_report(catalogue)
    first = launched(
        catalogue, _tap(_TAP, "-platform", "conservative", machine="pc-i440fx-9.1"), report
    )
    for said in ("", ",vnet_hdr=off"):
        more = ["-netdev", f"tap,id=n1{said}", "-device", "virtio-net-pci,netdev=n1,id=net1"]
        words = _tap(
            *(_TAP, *more, "-incoming", "defer", "-platform", "lock=vm.lock"),
            machine="pc-i440fx-9.1",
        )
        again = launched(catalogue, words, report, first.abi)
        assert f"tap,id=n1{said}" in again.words
        assert (not said) == ("tun.vnet-hdr" in {p.capability for p in again.abi.preconditions})
