"""What a running QEMU is compared with, and what comes of it: laws over recorded machines."""

from __future__ import annotations

from random import Random
from typing import Final

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.compat.finding import Finding
from platform_abi.model.host import Fact, HostReport
from platform_abi.resolver.fingerprint import machine_content
from platform_abi.verifier.document import verify_document
from platform_abi.verifier.expected import ExpectedObject, expected
from platform_abi.verifier.running import RunningObject, RunningVm
from platform_abi.verifier.verification import Offer, Verification
from platform_abi.verifier.verify import verify
from tests.verifier.recorded_machine import (
    CPU,
    DEVICES,
    bare,
    promised,
    resolved,
    with_properties,
)

#: Builds, machine types of theirs, and platforms.
CHOICES: Final = (
    ("qemu-7.2.22", "pc-q35-7.2", "linux-6.1"),
    ("qemu-7.2.22", "pc-i440fx-4.2", "conservative"),
    ("qemu-10.0.2", "pc-q35-9.1", "linux-6.9"),
    ("qemu-10.0.2", "pc-i440fx-8.2", "linux-rhel-9.5"),
    ("qemu-11.1.3", "pc-q35-11.1", "linux-6.17"),
    ("qemu-11.1.3", "pc-q35-8.1", "windows-2022"),
)


@st.composite
def chosen(draw: st.DrawFn) -> tuple[str, str, str, tuple[str, ...]]:
    """Return a build, a machine type, a platform and devices in some order."""
    build, machine, platform = draw(st.sampled_from(CHOICES))
    devices = draw(st.lists(st.sampled_from(DEVICES), unique=True, min_size=1))
    return build, machine, platform, tuple(devices)


def able(catalogue: pa.FileCatalogue) -> HostReport:
    """Return a report of a host that has everything."""
    fact = Fact(state="present", source="ioctl", detail="here")
    return HostReport(arch="x86_64", facts=dict.fromkeys(catalogue.capabilities(), fact))


def judged(
    catalogue: pa.FileCatalogue, abi: pa.GuestAbi, vm: RunningVm, host: HostReport | None = None
) -> Verification:
    """Return the verdict on a machine whose host can do everything."""
    return verify(catalogue, abi, vm, host=able(catalogue) if host is None else host)


def speaking(found: Verification) -> list[Finding]:
    """Return the findings that say that something is not as it has to be."""
    return [finding for finding in found.findings if finding.severity != "info"]


# --- laws ----------------------------------------------------------------------------------------


@settings(max_examples=40)
@given(choice=chosen())
def test_what_is_as_promised_is_ok(
    catalogue: pa.FileCatalogue, choice: tuple[str, str, str, tuple[str, ...]]
) -> None:
    """A machine with exactly the properties of its lockfile verifies, on every build."""
    build, machine, platform, devices = choice
    abi = resolved(catalogue, machine=machine, platform=platform, build=build, devices=devices)
    vm = promised(catalogue, abi, bare(catalogue, abi, build))
    found = judged(catalogue, abi, vm)
    assert speaking(found) == []
    assert (found.status, found.build) == ("ok", build)
    assert found.compared > 10 * len(devices)


@settings(max_examples=150)
@given(choice=chosen(), data=st.data())
def test_one_change_is_found_and_nothing_else(
    catalogue: pa.FileCatalogue, choice: tuple[str, str, str, tuple[str, ...]], data: st.DataObject
) -> None:
    """Whatever one property changes, exactly that is named; drift if not only the host can tell."""
    build, machine, platform, devices = choice
    abi = resolved(catalogue, machine=machine, platform=platform, build=build, devices=devices)
    vm = promised(catalogue, abi, bare(catalogue, abi, build))
    thing = data.draw(
        st.sampled_from([t for t in expected(catalogue, abi, vm).objects if t.values])
    )
    # What the host calls a backend may be of any name where no lockfile gives it one.
    named_by_host = catalogue.harmless().refers
    comparable = [
        name
        for name, value in thing.values.items()
        if value.left_to is None
        and not (named_by_host(name) and value.layer in ("default", "machine"))
    ]
    name = data.draw(st.sampled_from(comparable))
    before = _properties(vm, thing)[name]
    after = "off" if before == "on" else "on" if before == "off" else "4711"
    found = judged(catalogue, abi, with_properties(vm, {thing.path: {name: after}}))
    told = [f for f in found.findings if f.code == "property"]
    assert [(f.device, f.driver, f.property) for f in told] == [(thing.device, thing.driver, name)]
    assert (told[0].expected, told[0].found) == (before, after)
    assert (told[0].severity == "drift") == (told[0].seen in ("guest", "migration"))
    assert found.status == ("drift" if told[0].severity == "drift" else "ok")


@settings(max_examples=40)
@given(choice=chosen(), data=st.data())
def test_what_was_unplugged_is_missed(
    catalogue: pa.FileCatalogue, choice: tuple[str, str, str, tuple[str, ...]], data: st.DataObject
) -> None:
    """A device with an id that is gone is missed by its id, and no other is found fault with."""
    build, machine, platform, devices = choice
    abi = resolved(catalogue, machine=machine, platform=platform, build=build, devices=devices)
    vm = promised(catalogue, abi, bare(catalogue, abi, build))
    named = [t for t in vm.devices if t.place == "peripheral"]
    if not named:
        return
    gone = data.draw(st.sampled_from(named))
    rest = evolve(vm, devices=tuple(t for t in vm.devices if t is not gone))
    found = speaking(judged(catalogue, abi, rest))
    assert [(f.code, f.device, f.severity) for f in found] == [
        ("device-missing", gone.name, "drift")
    ]


@settings(max_examples=40)
@given(choice=chosen(), order=st.randoms(use_true_random=False))
def test_the_order_of_what_qemu_lists_is_nothing(
    catalogue: pa.FileCatalogue,
    choice: tuple[str, str, str, tuple[str, ...]],
    order: Random,
) -> None:
    """Devices are told by id, or by QEMU's number among their kind, not by their place."""
    build, machine, platform, devices = choice
    abi = resolved(catalogue, machine=machine, platform=platform, build=build, devices=devices)
    vm = promised(catalogue, abi, bare(catalogue, abi, build))
    named = [t for t in vm.devices if t.place == "peripheral"]
    others = [t for t in vm.devices if t.place != "peripheral"]
    order.shuffle(named)
    assert judged(catalogue, abi, evolve(vm, devices=(*others, *named))).status == "ok"


# --- who it is -----------------------------------------------------------------------------------


def test_of_another_machine_only_that_is_said(catalogue: pa.FileCatalogue) -> None:
    """A lockfile of another machine type is drift by that name alone, not by every property."""
    abi = resolved(catalogue)
    other = resolved(catalogue, machine="pc-i440fx-8.2")
    found = judged(catalogue, abi, promised(catalogue, other, bare(catalogue, other)))
    assert [(f.code, f.expected, f.found) for f in found.findings] == [
        ("machine-type", "pc-q35-9.1", "pc-i440fx-8.2")
    ]
    assert (found.status, found.compared) == ("drift", 0)


@pytest.mark.parametrize(
    ("accelerator", "kvm", "drifts"),
    [("tcg", False, False), ("", False, False), ("", True, True), ("kvm", True, True)],
)
def test_the_accelerator_is_compared(
    catalogue: pa.FileCatalogue, accelerator: str, kvm: bool, drifts: bool
) -> None:
    """An older QEMU tells only whether it is KVM, and that much is held to the lockfile."""
    abi = resolved(catalogue)
    vm = promised(catalogue, abi, bare(catalogue, abi))
    found = judged(catalogue, abi, evolve(vm, accelerator=accelerator, kvm=kvm))
    assert ("accelerator" in {f.code for f in found.findings}) == drifts


def test_another_cpu_model_is_drift(catalogue: pa.FileCatalogue) -> None:
    """The model is told by its QOM type, and what follows from it is not compared then."""
    abi = resolved(catalogue, cpu="Haswell")
    vm = promised(catalogue, abi, bare(catalogue, abi))
    other = evolve(vm, cpu=RunningObject(path=CPU, driver="Skylake-Client-x86_64-cpu"))
    found = speaking(judged(catalogue, abi, other))
    assert [(f.code, f.expected, f.found) for f in found] == [
        ("cpu-model", "Haswell-x86_64-cpu", "Skylake-Client-x86_64-cpu")
    ]


@pytest.mark.parametrize(("accelerator", "severity"), [("kvm", "drift"), ("tcg", "info")])
def test_flags_that_the_model_has_and_the_guest_has_not(
    catalogue: pa.FileCatalogue, accelerator: str, severity: str
) -> None:
    """KVM leaves out what a host lacks, which is drift; TCG has the same flags everywhere."""
    abi = resolved(catalogue, cpu="Haswell,vendor=GenuineIntel", accelerator=accelerator)
    vm = evolve(promised(catalogue, abi, bare(catalogue, abi)), missing_flags=("rtm", "hle"))
    told = [f for f in judged(catalogue, abi, vm).findings if f.code == "cpu-flags"]
    assert [(f.severity, f.property) for f in told] == [(severity, "rtm,hle")]


def test_a_cpu_flag_is_named(catalogue: pa.FileCatalogue) -> None:
    """A paravirtual flag that the lockfile pins and the CPU has otherwise is drift by its name."""
    abi = resolved(catalogue, cpu="Haswell,vendor=GenuineIntel", accelerator="kvm")
    vm = promised(catalogue, abi, bare(catalogue, abi))
    found = speaking(judged(catalogue, abi, with_properties(vm, {CPU: {"kvm-pv-eoi": "off"}})))
    assert [(f.code, f.property, f.feature, f.device) for f in found] == [
        ("property", "kvm-pv-eoi", "x86-cpu.kvm-pv-eoi", None)
    ]


def test_what_the_user_says_of_the_cpu_is_compared(catalogue: pa.FileCatalogue) -> None:
    """A property of -cpu is part of the ABI, though no feature is about it."""
    abi = resolved(catalogue, cpu="Haswell,min-level=0xd")
    vm = promised(catalogue, abi, bare(catalogue, abi))
    assert judged(catalogue, abi, vm).status == "ok"
    found = speaking(judged(catalogue, abi, with_properties(vm, {CPU: {"min-level": "11"}})))
    assert [(f.property, f.expected, f.found) for f in found] == [("min-level", "13", "11")]


def test_what_the_cpu_tells_needs_no_host(catalogue: pa.FileCatalogue) -> None:
    """A flag that reads on is there: QEMU reads back what KVM granted, unlike a feature bit."""
    abi = resolved(catalogue, devices=(), cpu="Haswell,vendor=GenuineIntel", accelerator="kvm")
    vm = promised(catalogue, abi, bare(catalogue, abi))
    assert verify(catalogue, abi, vm, host=HostReport()).status == "ok"


def test_an_option_of_the_board_is_compared(catalogue: pa.FileCatalogue) -> None:
    """What the platform sets by -machine is a property of the board."""
    abi = resolved(catalogue, accelerator="kvm", cpu="Haswell,vendor=GenuineIntel")
    vm = promised(catalogue, abi, bare(catalogue, abi))
    found = speaking(judged(catalogue, abi, with_properties(vm, {"/machine": {"smm": "off"}})))
    assert [(f.driver, f.property, f.expected, f.found) for f in found] == [
        ("machine", "smm", "on", "off")
    ]


# --- devices -------------------------------------------------------------------------------------


def _plugged(driver: str, name: str = "hot0") -> RunningObject:
    return RunningObject(path=f"/machine/peripheral/{name}", driver=driver)


def test_a_device_that_was_plugged_in_has_the_lockfiles_values_too(
    catalogue: pa.FileCatalogue,
) -> None:
    """What a lockfile sets on every device of a kind holds for one that came later."""
    abi = resolved(catalogue, devices=("virtio-net-pci,netdev=n0,id=net0",))
    vm = bare(catalogue, abi)
    vm = promised(catalogue, abi, evolve(vm, devices=(*vm.devices, _plugged("virtio-net-pci"))))
    assert judged(catalogue, abi, vm).status == "ok"
    values = {"/machine/peripheral/hot0": {"guest_uso4": "off"}}
    found = speaking(judged(catalogue, abi, with_properties(vm, values)))
    assert [(f.code, f.device, f.property) for f in found] == [("property", "hot0", "guest_uso4")]
    assert found[0].help == "plug it in with guest_uso4=on"


@pytest.mark.parametrize(
    ("driver", "status"), [("virtio-net-pci", "unknown"), ("pcie-root-port", "ok")]
)
def test_a_device_that_nothing_pins_is_unknown(
    catalogue: pa.FileCatalogue, driver: str, status: str
) -> None:
    """A kind that the lockfile says nothing of matters where a host decides something of it."""
    abi = resolved(catalogue, devices=("virtio-rng-pci,id=rng0",))
    vm = bare(catalogue, abi)
    vm = promised(catalogue, abi, evolve(vm, devices=(*vm.devices, _plugged(driver))))
    found = judged(catalogue, abi, vm)
    assert found.status == status
    assert [f.code for f in found.findings] == ["device-unlisted"]


def test_another_device_under_the_same_id_is_told_once(catalogue: pa.FileCatalogue) -> None:
    """That it is another driver is said, and not that each of its properties differs."""
    abi = resolved(catalogue, devices=("virtio-rng-pci,id=a", "e1000e,netdev=n2,id=b"))
    vm = promised(catalogue, abi, bare(catalogue, abi))
    swapped = tuple(evolve(t, driver="e1000e") if t.name == "a" else t for t in vm.devices)
    found = speaking(judged(catalogue, abi, evolve(vm, devices=swapped)))
    assert [(f.code, f.device, f.found) for f in found] == [("device-driver", "a", "e1000e")]


def test_devices_of_nic_are_found_among_the_boards_own(catalogue: pa.FileCatalogue) -> None:
    """What -nic brings has neither an id nor a place among the devices that were given."""
    abi = resolved(catalogue, devices=("virtio-net-pci,netdev=n1",))
    vm = bare(catalogue, abi)
    nic = RunningObject(path="/machine/unattached/device[24]", driver="virtio-net-pci")
    vm = promised(catalogue, abi, evolve(vm, devices=(nic,)))
    assert judged(catalogue, abi, vm).status == "ok"


def test_devices_without_an_id_are_told_by_their_order(catalogue: pa.FileCatalogue) -> None:
    """Of two alike, the first of the lockfile is the one that QEMU numbered first."""
    abi = resolved(catalogue, devices=("virtio-rng-pci", "virtio-rng-pci,max-bytes=512"))
    names = ("device[2]", "device[10]")
    things = [
        RunningObject(path=f"/machine/peripheral-anon/{name}", driver="virtio-rng-pci")
        for name in names
    ]
    located = expected(catalogue, abi, evolve(bare(catalogue, abi), devices=tuple(things))).located
    assert {label: thing.name for label, thing in located.found.items()} == {
        "device[0]": "device[2]",
        "device[1]": "device[10]",
    }


def test_a_nic_that_was_plugged_in_is_held_to_the_host_as_well(
    catalogue: pa.FileCatalogue,
) -> None:
    """A lockfile without a NIC pins what NICs will have; once one comes the host has to."""
    abi = resolved(catalogue, devices=())
    vm = bare(catalogue, abi)
    absent = Fact(state="absent", source="ioctl", detail="EINVAL")
    report = able(catalogue)
    lacking = evolve(report, facts={**report.facts, "tun.vnet-hdr": absent})
    assert judged(catalogue, abi, promised(catalogue, abi, vm), lacking).status == "ok"
    vm = promised(catalogue, abi, evolve(vm, devices=(_plugged("virtio-net-pci"),)))
    found = speaking(judged(catalogue, abi, vm, lacking))
    assert {(f.code, f.device) for f in found} == {("offer-missing", "hot0")}


def test_an_explicit_global_holds_for_what_the_board_brings(catalogue: pa.FileCatalogue) -> None:
    """The user's -global is part of the ABI, and reaches the board's own devices."""
    abi = resolved(catalogue, devices=(), globals_=("ICH9-LPC.disable_s3=on",))
    lpc = RunningObject(path="/machine/unattached/device[3]", driver="ICH9-LPC")
    vm = promised(catalogue, abi, evolve(bare(catalogue, abi), devices=(lpc,)))
    values = {lpc.path: {"disable_s3": "0"}}
    found = speaking(judged(catalogue, abi, with_properties(vm, values)))
    assert [(f.device, f.property, f.found) for f in found] == [("device[3]", "disable_s3", "0")]


def test_what_cannot_be_read_is_unknown(catalogue: pa.FileCatalogue) -> None:
    """A property of a device that QEMU does not tell is no drift, and not ok either."""
    abi = resolved(catalogue, devices=("virtio-rng-pci,id=rng0",))
    vm = promised(catalogue, abi, bare(catalogue, abi))
    (thing,) = vm.devices
    less = {name: value for name, value in thing.properties.items() if name != "max-bytes"}
    vm = evolve(vm, devices=(evolve(thing, properties=less, unreadable=("max-bytes",)),))
    found = judged(catalogue, abi, vm)
    assert [(f.code, f.property) for f in found.findings] == [("property-unreadable", "max-bytes")]
    assert found.status == "unknown"


# --- builds --------------------------------------------------------------------------------------


def test_of_an_unknown_release_the_build_cannot_speak(catalogue: pa.FileCatalogue) -> None:
    """Where no definitions are of its release, what only a build says is unknown, not drift."""
    abi = resolved(
        catalogue, devices=("virtio-rng-pci,id=rng0", "virtio-net-pci,netdev=n0,id=net0")
    )
    vm = evolve(promised(catalogue, abi, bare(catalogue, abi)), version="9.2.1")
    found = judged(catalogue, abi, vm)
    assert [(f.code, f.severity) for f in found.findings if f.severity != "info"] == [
        ("build-undefined", "unknown")
    ]
    values = {
        "/machine/peripheral/rng0": {"max-bytes": "1"},
        "/machine/peripheral/net0": {"host_uso": "off"},
    }
    told = speaking(judged(catalogue, abi, with_properties(vm, values)))
    assert {(f.property, f.severity) for f in told if f.property} == {
        ("max-bytes", "unknown"),
        ("host_uso", "drift"),
    }


def test_a_machine_type_that_no_definitions_have_is_unknown(catalogue: pa.FileCatalogue) -> None:
    """Nothing is concluded of a machine type that nobody described."""
    abi = resolved(catalogue)
    abi = evolve(abi, vm=evolve(abi.vm, machine="pc-q35-99.0"))
    vm = evolve(
        bare(catalogue, resolved(catalogue)),
        machine=RunningObject(path="/machine", driver="pc-q35-99.0-machine"),
        version="99.0.0",
    )
    found = verify(catalogue, abi, vm, host=able(catalogue))
    assert found.status == "unknown"
    assert found.build is None


def test_another_content_under_the_same_name_is_drift(catalogue: pa.FileCatalogue) -> None:
    """A build whose machine type is not the locked one is told by the lockfile's fingerprints."""
    abi = resolved(catalogue, devices=("virtio-rng-pci,id=rng0",))
    vm = promised(catalogue, abi, bare(catalogue, abi))
    content = machine_content(catalogue, abi)
    assert judged(catalogue, evolve(abi, content=content), vm).status == "ok"
    other = tuple((d, "sha256:0" if d == "virtio-rng-pci" else f) for d, f in content.drivers)
    found = judged(catalogue, evolve(abi, content=evolve(content, drivers=other)), vm)
    assert [(f.code, f.severity) for f in speaking(found)] == [
        ("machine-content-unknown", "unknown")
    ]


# --- what is offered -----------------------------------------------------------------------------


def test_a_property_that_is_on_is_a_request(catalogue: pa.FileCatalogue) -> None:
    """Where the host lacks what a feature needs, its bit is not offered, whatever is read back."""
    abi = resolved(catalogue, devices=("virtio-net-pci,netdev=n0,id=net0",))
    vm = promised(catalogue, abi, bare(catalogue, abi))
    report = able(catalogue)
    absent = Fact(state="absent", source="ioctl", detail="EINVAL")
    lacking = evolve(report, facts={**report.facts, "tun.uso": absent})
    found = speaking(judged(catalogue, abi, vm, lacking))
    assert {(f.code, f.severity, f.device) for f in found} == {("offer-missing", "drift", "net0")}
    assert {f.property for f in found} == {"host_uso", "guest_uso4", "guest_uso6"}


def test_of_a_host_that_nobody_asked_it_is_unknown(catalogue: pa.FileCatalogue) -> None:
    """Whether a bit is offered cannot be told without the host, and is not guessed."""
    abi = resolved(catalogue, devices=("virtio-net-pci,netdev=n0,id=net0",))
    vm = promised(catalogue, abi, bare(catalogue, abi))
    found = verify(catalogue, abi, vm)
    assert found.status == "unknown"
    assert {f.code for f in speaking(found)} == {"offer-unknown", "precondition-unknown"}


def test_what_is_gone_needs_no_host(catalogue: pa.FileCatalogue) -> None:
    """Of a device that is not there only that is said, whatever its host lacks."""
    abi = resolved(catalogue, devices=("virtio-net-pci,netdev=n0,id=net0",))
    vm = evolve(promised(catalogue, abi, bare(catalogue, abi)), devices=())
    found = verify(catalogue, abi, vm)
    assert [f.code for f in found.findings] == ["device-missing"]


def test_what_is_off_anyway_is_told_once(catalogue: pa.FileCatalogue) -> None:
    """A property that is off is drift by itself; that its host could not have it adds nothing."""
    abi = resolved(catalogue, devices=("virtio-net-pci,netdev=n0,id=net0",))
    vm = promised(catalogue, abi, bare(catalogue, abi))
    off = dict.fromkeys(("host_uso", "guest_uso4", "guest_uso6"), "off")
    vm = with_properties(vm, {"/machine/peripheral/net0": off})
    report = able(catalogue)
    absent = Fact(state="absent", source="ioctl", detail="EINVAL")
    lacking = evolve(report, facts={**report.facts, "tun.uso": absent})
    found = speaking(judged(catalogue, abi, vm, lacking))
    assert {f.code for f in found} == {"property"}


@given(bit=st.integers(0, 127))
def test_every_bit_that_differs_is_named(catalogue: pa.FileCatalogue, bit: int) -> None:
    """A bit that is offered and has to be off, or the other way round, is drift by its name."""
    abi = resolved(catalogue, devices=("virtio-net-pci,netdev=n0,id=net0",))
    vm = promised(catalogue, abi, bare(catalogue, abi))
    for offered, has_to in ((1 << bit, 0), (0, 1 << bit)):
        offer = Offer(offered=offered, promised=has_to, names={bit: ("NAME", "prop", "feature")})
        found = verify(catalogue, abi, vm, host=able(catalogue), offers={"net0": offer})
        assert [(f.code, f.property, f.expected, f.found) for f in speaking(found)] == [
            ("offered-bit", "prop", str(int(has_to > 0)), str(int(offered > 0)))
        ]


def test_what_was_read_needs_no_host(catalogue: pa.FileCatalogue) -> None:
    """Bits that somebody read settle what they are about; the stream's own state they do not."""
    abi = resolved(catalogue, devices=("virtio-net-pci,netdev=n0,id=net0",))
    vm = promised(catalogue, abi, bare(catalogue, abi))
    found = verify(catalogue, abi, vm, offers={"net0": Offer(offered=5, promised=5)})
    assert all(not f.property for f in speaking(found))


def test_a_device_that_cannot_be_had_is_unknown(catalogue: pa.FileCatalogue) -> None:
    """What a throw-away instance had to leave out is told with the reason, and is no drift."""
    abi = resolved(catalogue, devices=("virtio-rng-pci,id=a", "virtio-rng-pci,id=b"))
    vm = promised(catalogue, abi, bare(catalogue, abi))
    less = evolve(vm, devices=vm.devices[:1])
    left_out = {"b": "no such thing"}
    found = verify(catalogue, abi, less, host=able(catalogue), left_out=left_out)
    assert [(f.code, f.device) for f in found.findings] == [("device-left-out", "b")]
    assert "no such thing" in found.findings[0].message
    assert found.status == "unknown"


def test_a_device_that_was_left_out_is_mistaken_for_no_other(catalogue: pa.FileCatalogue) -> None:
    """Where the first of two without an id could not be had, what is there is the second."""
    abi = resolved(catalogue, devices=("virtio-rng-pci", "virtio-rng-pci,max-bytes=512"))
    whole = promised(catalogue, abi, bare(catalogue, abi))
    second = evolve(whole, devices=whole.devices[1:])
    found = verify(catalogue, abi, second, host=able(catalogue), left_out={"device[0]": "no"})
    assert [(f.code, f.device) for f in found.findings] == [("device-left-out", "device[0]")]


def test_the_document_says_what_the_value_says(catalogue: pa.FileCatalogue) -> None:
    """Every finding is in the JSON document, with null for what does not apply."""
    abi = resolved(catalogue)
    vm = promised(catalogue, abi, bare(catalogue, abi))
    values = {"/machine/peripheral/net0": {"host_uso": "off"}}
    found = judged(catalogue, abi, with_properties(vm, values))
    document = verify_document(found)
    assert document["status"] == "drift"
    assert document["findings"][0] == {
        "code": "property",
        "severity": "drift",
        "message": found.findings[0].message,
        "help": found.findings[0].help,
        "device": "net0",
        "driver": "virtio-net-pci",
        "property": "host_uso",
        "expected": "on",
        "found": "off",
        "feature": "virtio-net.host-uso",
        "seen": "guest",
    }


def _properties(vm: RunningVm, thing: ExpectedObject) -> dict[str, str]:
    return next(dict(t.properties) for t in vm.objects() if t.path == thing.path)
