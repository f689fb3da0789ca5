"""What messages mean: features, kernels, platforms and arguments, all by the catalogue."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.diagnosis.diagnosis import Diagnosis, ExplainedMessage, diagnose
from platform_abi.diagnosis.lacking import Lacking
from platform_abi.diagnosis.masks import ALL_BITS
from platform_abi.model.device import DeviceFamily
from platform_abi.model.machine import TypeTable
from tests.diagnosis.test_error_lines import PRINTED, messages, noise

#: The report that everybody has seen: kubevirt, Proxmox, RHEL.
REPORT = "Features 0x1c0010130afffaf unsupported. Allowed features: 0x10179bfffef"
USO = ["virtio-net.guest-uso4", "virtio-net.guest-uso6", "virtio-net.host-uso"]

#: What QEMU prints after a features message: up to 10.1, and 11.1.
OLD = """\
qemu-kvm: Failed to load {short}:virtio
qemu-kvm: error while loading state for instance 0x0 of device '0000:00:05.0/{short}'
qemu-kvm: load of migration failed: Operation not permitted
"""
NEW = (
    "qemu-kvm: load of migration failed: Invalid argument: error while loading state for instance "
    "0x0 of device '0000:00:05.0/{short}': Failed to load element of type virtio for virtio\n"
)

masks = st.integers(0, ALL_BITS)


def _only(found: Diagnosis) -> ExplainedMessage:
    (finding,) = found.findings
    return finding


def _mask(items: Iterable[Lacking]) -> int:
    return sum(1 << item.bit for item in items if item.bit is not None)


def _told(requested: int, allowed: int) -> str:
    return f"Features {requested:#x} unsupported. Allowed features: {allowed:#x}\n"


def _virtio(catalogue: pa.FileCatalogue) -> list[DeviceFamily]:
    return [f for f in catalogue.devices().families if f.bit or f.virtio_id]


# --- laws -----------------------------------------------------------------------------------------


@given(requested=masks, allowed=masks, data=st.data())
def test_no_bit_is_lost(
    catalogue: pa.FileCatalogue, requested: int, allowed: int, data: st.DataObject
) -> None:
    """For every device, what is lacking is exactly what the guest uses and is not offered."""
    device = data.draw(st.sampled_from([f.driver for f in _virtio(catalogue)]))
    found = _only(diagnose(catalogue, _told(requested, allowed), device=device))
    missing = requested & ~allowed

    assert missing == _mask(found.lacking)
    assert len(found.lacking) == missing.bit_count()
    assert (missing != 0) == found.explained
    assert not found.guessed
    assert not missing or found.suspects == ()


@given(st.lists(st.one_of(messages, noise), max_size=8))
def test_noise_changes_no_explanation(catalogue: pa.FileCatalogue, lines: list[str]) -> None:
    """What is no message has no part in what the messages mean."""
    plain = [line for line in lines if line in {text for _, text in PRINTED}]
    found = diagnose(catalogue, "\n".join(lines))
    without = diagnose(catalogue, "\n".join(plain))

    def what(diagnosis: Diagnosis) -> list[tuple[object, ...]]:
        return [(f.text, f.count, f.section, f.lacking, f.helps) for f in diagnosis.findings]

    assert what(without) == what(found)


@given(st.lists(st.one_of(messages, noise), max_size=8))
def test_an_explanation_is_a_function_of_the_text(
    catalogue: pa.FileCatalogue, lines: list[str]
) -> None:
    """The same text means the same, whatever was explained before."""
    text = "\n".join(lines)
    fresh = pa.FileCatalogue(catalogue.roots)
    fresh.memo.update(
        {
            k: v
            for k, v in catalogue.memo.items()
            if isinstance(k, tuple) and k[0] in ("platform", "features")
        }
    )

    assert diagnose(fresh, text) == diagnose(catalogue, text)


@given(st.text(), st.none() | st.text(max_size=20))
def test_only_our_own_errors_come_out(
    catalogue: pa.FileCatalogue, text: str, device: str | None
) -> None:
    """Any text and any driver name: an explanation, or an error of this package."""
    with contextlib.suppress(pa.PlatformAbiError):
        diagnose(catalogue, text, device=device)


@given(st.lists(messages, min_size=1, max_size=5))
def test_a_message_said_twice_is_one_finding(catalogue: pa.FileCatalogue, lines: list[str]) -> None:
    """Retries repeat a log: the same findings, counted."""
    log = "\n".join([*lines, "load of migration failed\n"])
    once, twice = diagnose(catalogue, log), diagnose(catalogue, log * 2)

    assert [f.text for f in once.findings] == [f.text for f in twice.findings]
    assert [2 * f.count for f in once.findings] == [f.count for f in twice.findings]


def test_meanings_name_what_exists(catalogue: pa.FileCatalogue) -> None:
    """What the tables take from the catalogue is in it."""
    families = {family.name for family in catalogue.devices().families}
    features = {f.id for stem in catalogue.feature_stems() for f in catalogue.features(stem)}

    sections = [name for f in catalogue.devices().families for name in f.sections]
    assert len(sections) == len(set(sections))
    assert families.isdisjoint(sections)
    for message in catalogue.messages().messages:
        assert message.family in {"", *families}
        assert {*message.features, *(f for c in message.case for f in c.features or ())} <= features


# --- examples -------------------------------------------------------------------------------------


def test_the_well_known_report(catalogue: pa.FileCatalogue) -> None:
    """UDP segmentation offload: Linux 6.2, QEMU 8.2, avoided by linux-6.1 and three arguments."""
    found = _only(diagnose(catalogue, REPORT))

    assert USO == [item.feature for item in found.lacking]
    assert {"6.2"} == {since for item in found.lacking for since in item.kernels.values()}
    assert ["8.2"] * 3 == [item.generation for item in found.lacking]
    assert (
        *("-global", "virtio-net-device.guest_uso4=off"),
        *("-global", "virtio-net-device.guest_uso6=off"),
        *("-global", "virtio-net-device.host_uso=off"),
    ) == found.arguments
    assert ("linux", "linux-6.1") == found.platforms[0]
    assert ("conservative", "conservative") == found.platforms[-1]
    assert "linux-debian-12" == dict(found.platforms)["debian"]
    assert ("virtio-net", True, "destination") == (found.family, found.guessed, found.side)
    assert found.explained


@pytest.mark.parametrize("after", [OLD, NEW])
def test_the_lines_after_it_name_the_device(catalogue: pa.FileCatalogue, after: str) -> None:
    """With its log, nothing is guessed."""
    found = _only(diagnose(catalogue, REPORT + "\n" + after.format(short="virtio-net")))

    assert ("virtio-net", False) == (found.family, found.guessed)
    assert "0000:00:05.0/virtio-net" == found.section
    assert () == found.otherwise


def test_a_log_that_is_upside_down_names_the_device(catalogue: pa.FileCatalogue) -> None:
    """Log viewers show the newest line first: two failures are still told apart."""
    first = [REPORT, *OLD.format(short="virtio-net").splitlines()]
    second = [_told(0x130000002, 0x179000000), *OLD.format(short="virtio-vhost_vsock").splitlines()]
    found = diagnose(catalogue, "\n".join(reversed([*first, *second])))

    assert ["vhost-vsock", "virtio-net"] == [f.family for f in found.findings]
    assert ["0000:00:05.0/virtio-vhost_vsock", "0000:00:05.0/virtio-net"] == [
        f.section for f in found.findings
    ]


def test_two_failures_in_one_log_are_told_apart(catalogue: pa.FileCatalogue) -> None:
    """Each features message belongs to the device that follows it."""
    log = (
        f"{REPORT}\n{OLD.format(short='virtio-net')}"
        f"{_told(0x130000002, 0x179000000)}{OLD.format(short='virtio-vhost_vsock')}"
    )
    assert ["virtio-net", "vhost-vsock"] == [f.family for f in diagnose(catalogue, log).findings]


def test_a_guess_is_one_and_says_what_else_it_could_be(catalogue: pa.FileCatalogue) -> None:
    """One low bit can be of many devices: the one that hosts decide comes first."""
    found = _only(diagnose(catalogue, _told(0x130000002, 0x179000000)))

    assert ("vhost-vsock", True) == (found.family, found.guessed)
    assert ["vhost-vsock.seqpacket"] == [item.feature for item in found.lacking]
    assert "virtio-scsi" in [reading.family for reading in found.otherwise]
    assert "virtio-net" not in [reading.family for reading in found.otherwise]
    assert ("linux", "linux-5.13") == found.platforms[0]


def test_a_driver_that_is_named_settles_it(catalogue: pa.FileCatalogue) -> None:
    """A name, a driver or a proxy, where no message names the device; a message that does wins."""
    text = _told(0x130000002, 0x179000000)
    for device in ("virtio-scsi", "virtio-scsi-device", "virtio-scsi-pci"):
        found = _only(diagnose(catalogue, text, device=device))
        assert ("virtio-scsi", False, ()) == (found.family, found.guessed, found.otherwise)
        assert ["virtio-scsi-device.hotplug=off"] == [item.argument for item in found.lacking]
    told = text + OLD.format(short="virtio-vhost_vsock")
    assert "vhost-vsock" == _only(diagnose(catalogue, told, device="virtio-scsi")).family


def test_masks_without_the_bits_in_question_explain_nothing(catalogue: pa.FileCatalogue) -> None:
    """QEMU 11.1 leaves them out: that is said, and among what they are."""
    text = (
        "Features 0x00000000000000000000010130bfffa7 unsupported. "
        "Allowed features: 0x00000000000000000000010179bfffe7\n"
    )
    found = _only(diagnose(catalogue, text + NEW.format(short="virtio-net")))

    assert not found.explained
    assert not diagnose(catalogue, text).explained
    assert () == found.lacking
    assert () == found.arguments
    assert "explains nothing" in found.says
    assert set(USO) < {item.feature for item in found.suspects}
    assert any("lockfile" in text for text in found.helps)


def test_bits_beyond_the_first_sixty_four_are_named(catalogue: pa.FileCatalogue) -> None:
    """UDP tunnel offload has bits 65 to 68: Linux 6.17, QEMU 10.2."""
    found = _only(diagnose(catalogue, _told(0x1E01C0010130BFFFA7, 0x1C0010179BFFFE7)))

    assert [65, 66, 67, 68] == [item.bit for item in found.lacking]
    assert {"6.17"} == {since for item in found.lacking for since in item.kernels.values()}
    assert {"10.2"} == {item.generation for item in found.lacking}
    assert ("linux", "linux-6.16") == found.platforms[0]


def test_a_bit_that_no_host_decides_says_so(catalogue: pa.FileCatalogue) -> None:
    """Seen with event_idx=off on one side: no kernel and no platform is blamed."""
    text = _told(0x10130000000, 0x10159000000) + OLD.format(short="virtio-rng")
    found = _only(diagnose(catalogue, text))

    assert ["VIRTIO_RING_F_EVENT_IDX"] == [item.name for item in found.lacking]
    assert () == found.platforms
    assert ("-global", "virtio-rng-device.event_idx=off") == found.arguments
    assert any("no host decides VIRTIO_RING_F_EVENT_IDX" in text for text in found.helps)


def test_a_bit_that_only_a_number_switches_has_no_argument(catalogue: pa.FileCatalogue) -> None:
    """Turning a whole device legacy, or to one queue, is no advice."""
    found = _only(diagnose(catalogue, _told(1 << 32 | 1 << 12, 0), device="virtio-blk-pci"))

    assert ["VIRTIO_BLK_F_MQ", "VIRTIO_F_VERSION_1"] == [item.name for item in found.lacking]
    assert () == found.arguments


def test_a_device_that_nobody_knows_is_not_taken_for_another(catalogue: pa.FileCatalogue) -> None:
    """What all virtio devices have is named, the rest is numbered, and no driver is made up."""
    text = _told(1 << 0 | 1 << 29, 0) + OLD.format(short="virtio-9p")
    found = _only(diagnose(catalogue, text))

    assert ("virtio-9p", False) == (found.family, found.guessed)
    assert [(0, ""), (29, "VIRTIO_RING_F_EVENT_IDX")] == [(i.bit, i.name) for i in found.lacking]
    assert () == found.arguments


def test_the_vnet_header_has_no_argument_but_a_way(catalogue: pa.FileCatalogue) -> None:
    """It travels in the stream: no property is offered, the netdev's own option is."""
    text = "virtio-net: saved image requires vnet_hdr=on\n" + OLD.format(short="virtio-net")
    found = _only(diagnose(catalogue, text))

    assert ["virtio-net.vnet-hdr"] == [item.feature for item in found.lacking]
    assert () == found.arguments
    assert () == found.platforms
    assert any("vnet_hdr=off" in text for text in found.helps)
    assert "0000:00:05.0/virtio-net" == found.section


def test_cpu_flags_are_one_finding_with_what_is_known_of_each(catalogue: pa.FileCatalogue) -> None:
    """A start prints a line for each flag and vCPU: one finding, with what is known of each."""
    line = "qemu: warning: host doesn't support requested feature: "
    log = (
        f"{line}CPUID.40000001H:EAX.kvm-asyncpf-int [bit 14]\n"
        f"{line}CPUID[eax=07h,ecx=00h].EDX.avx512-fp16 [bit 23]\n"
        f"{line}CPUID.0DH:EAX [bit 9]\n"
        f"{line}CPUID.40000001H:EAX.kvm-asyncpf-int [bit 14]\n"
    )
    found = _only(diagnose(catalogue, log))
    first, second, third = found.lacking

    assert 4 == found.count
    assert ("x86-cpu.kvm-asyncpf-int", {"kvm": "5.8"}) == (first.feature, dict(first.kernels))
    assert ("avx512-fp16", {"kvm": "6.1"}) == (second.name, dict(second.kernels))
    assert Lacking(name="CPUID.0DH:EAX [bit 9]") == third
    assert ("-global", "x86_64-cpu.kvm-asyncpf-int=off") == found.arguments


def test_libvirts_list_is_taken_apart(catalogue: pa.FileCatalogue) -> None:
    """Each missing feature is looked up; what is extra is not missing."""
    text = (
        "guest CPU doesn't match specification: extra features: ht, missing features: waitpkg,pdcm"
    )
    found = _only(diagnose(catalogue, text))

    assert ["waitpkg", "pdcm"] == [item.name for item in found.lacking]


def test_a_hyperv_flag_has_its_kernel(catalogue: pa.FileCatalogue) -> None:
    """By its property; and one that only needs another flag is no lack of the host's."""
    text = "Hyper-V direct TLB flush (hv-tlbflush-direct) is not supported by kernel"
    found = _only(diagnose(catalogue, text))
    assert ["hyperv.tlbflush-direct"] == [item.feature for item in found.lacking]
    assert {"kvm": "6.2"} == dict(found.lacking[0].kernels)

    order = "Hyper-V synthetic timers (hv-stimer) requires Hyper-V controller (hv-synic)"
    assert () == _only(diagnose(catalogue, order)).lacking


def test_a_failure_without_a_reason_is_not_explained(catalogue: pa.FileCatalogue) -> None:
    """The last lines of a log alone say where, and that more is needed."""
    found = _only(diagnose(catalogue, OLD.format(short="virtio-net")))

    assert not found.explained
    assert ("device-state", "virtio-net") == (found.code, found.family)
    assert not diagnose(catalogue, "").findings
    assert not diagnose(catalogue, "").explained


def test_a_driver_without_bits_is_refused(catalogue: pa.FileCatalogue) -> None:
    """A driver that nobody knows is one error, a device that is not virtio another."""
    with pytest.raises(pa.UnknownNameError) as unknown:
        diagnose(catalogue, REPORT, device="virtio-nett-pci")
    assert "unknown-driver" == unknown.value.code
    assert "virtio-net-pci" in unknown.value.message
    with pytest.raises(pa.UsageError) as unnamed:
        diagnose(catalogue, REPORT, device="nvme")
    assert "no-bits" == unnamed.value.code


def test_a_cpu_is_no_device_of_the_stream(catalogue: pa.FileCatalogue) -> None:
    """A flag that the host's CPU lacks is not put on the device that the next line names."""
    text = (
        "host doesn't support requested feature: CPUID.07H:EBX.avx512f [bit 16]\n"
        "Failed to load virtio-blk:virtio\n"
        "error while loading state for instance 0x0 of device '0000:00:05.0/virtio-blk'\n"
    )
    found = next(f for f in diagnose(catalogue, text).findings if f.code == "cpu-flag")

    assert "" == found.section
    assert "virtio-blk" != found.family


# --- what a message is about ----------------------------------------------------------------------


def _state(section: str) -> str:
    return f"qemu-kvm: error while loading state for instance 0x0 of device '{section}'\n"


def _byte(offset: str, device: str) -> str:
    text = f"Bad config data: i=0x{offset} read: 84 device: 98 cmask: ff\n"
    return text + _state(f"0000:00:03.0/{device}")


@pytest.mark.parametrize(
    ("text", "word", "explained"),
    [
        (_byte("34", "virtio-rng"), "virtio-rng-pci.vectors=0", True),
        (_byte("34", "nvme"), "first PCI capability", True),
        (_byte("21", "virtio-blk"), "disable-modern=on", True),
        (_byte("9b", "virtio-scsi"), "num_queues=", True),
        (_byte("30", "e1000"), "romsize=", True),
        (_byte("e", "x"), "multifunction", True),
        ("Missing section footer for 0000:00:01.3/piix4_pm", "x-not-migrate-acpi-index", True),
        ("Missing section footer for 0000:00:1f.0/ICH9LPC", "maxcpus=", True),
        ("Missing section footer for 0000:00:05.0/virtio-blk", "release candidate", True),
        ("Unknown section or instance 'kvmclock' 0", "ran under KVM", True),
        ("Unknown section or instance 's390_css' 0", "builds differ", True),
        ("Unknown section or instance 'mc146818rtc' 0", "builds or the machine types differ", True),
        (_state("fw_cfg"), "dma_enabled", True),
        (_state("ram"), "another size or name", True),
        (_state("kvm-tpr-opt"), "kvmvapic.bin", False),
        ("Error -22 while loading VM state", "EINVAL", False),
        ("Error -5 while loading VM state", "EIO", False),
        ("failed to set MSR 0x48b to 0x1", "nested VMX", True),
        ("failed to set MSR 0x48C to 0x1", "EPT", True),
        ("failed to set MSR 0xc0000104 to 0x1", "tsc-scale=off", True),
        ("failed to set MSR 0x4b564d03 to 0x1", "kvm-steal-time=off", True),
        ("failed to set MSR 0x40000107 to 0x1", "Hyper-V", True),
        ("failed to set MSR 0xc0010205 to 0x1", "pmu=off", True),
        ("Could not set register op0:3 op1:0 crn:0 crm:7 op2:1 to 1 (is 2)", "ID_AA64MMFR", True),
        (
            "cap-ibs higher level (2) in incoming stream than on destination (0)",
            "2 fixed-ibs",
            True,
        ),
        (
            "cap-htm higher level (1) in incoming stream than on destination (0)",
            "-machine cap-htm=",
            True,
        ),
        (
            "-machine some-board,usb=off: unsupported machine type",
            "no machine type some-board",
            True,
        ),
        ("shutting down, reason=failed", "read the destination's QEMU log", False),
    ],
)
def test_a_message_says_what_its_words_are_about(
    catalogue: pa.FileCatalogue, text: str, word: str, explained: bool
) -> None:
    """Registers, bytes of PCI configuration and built-in state: what each is, and what to write."""
    found = _only(diagnose(catalogue, text))
    told = " ".join([found.says, *found.helps, *(item.argument for item in found.lacking)])

    assert word in told
    assert explained == found.explained
    assert "{" not in told


def test_a_flag_that_a_register_belongs_to_is_among_the_suspects(
    catalogue: pa.FileCatalogue,
) -> None:
    """Which of the flags it was, the value alone does not say."""
    found = _only(diagnose(catalogue, "failed to set MSR 0x48f to 0x1"))

    assert {"vmx", "vmx-exit-load-pat"} <= {item.name for item in found.suspects}
    assert () == found.lacking


def test_every_refused_value_of_kvms_own_registers_has_its_argument(
    catalogue: pa.FileCatalogue,
) -> None:
    """Asynchronous page faults are turned off by their properties."""
    found = _only(diagnose(catalogue, "failed to set MSR 0x4b564d02 to 0x5"))

    assert "x86_64-cpu.kvm-asyncpf=off" in found.arguments


@pytest.mark.parametrize("here", [2_600_000, 2_600_600, 2_599_400])
def test_a_tsc_within_the_tolerance_is_no_cause(catalogue: pa.FileCatalogue, here: int) -> None:
    """Alone it explains nothing; beside a cause it comes last, and is of no device."""
    warning = f"warning: TSC frequency mismatch between VM (2600000 kHz) and host ({here} kHz)\n"
    assert not diagnose(catalogue, warning).explained
    log = warning + 'Unknown ramblock "x", cannot accept migration\n' + _state("0000:00:05.0/nvme")
    first, last = diagnose(catalogue, log).findings

    assert ("memory-block", "tsc-frequency") == (first.code, last.code)
    assert ("warning", "", "") == (last.severity, last.section, last.family)
    assert not last.explained


def test_a_warning_never_outranks_an_error(catalogue: pa.FileCatalogue) -> None:
    """A warning that explains itself does not explain what failed; with enforce it is an error."""
    flag = "host doesn't support requested feature: CPUID.07H:EBX.avx512f [bit 16]\n"
    failed = diagnose(catalogue, flag + "load of migration failed: Invalid argument\n")
    assert ["migration-failed", "cpu-flag"] == [f.code for f in failed.findings]
    assert not failed.explained
    assert diagnose(catalogue, flag).explained

    enforced = diagnose(catalogue, flag + "Host doesn't support requested features\n")
    assert [("cpu-flag", "error"), ("cpu-enforced", "error")] == [
        (f.code, f.severity) for f in enforced.findings
    ]


def test_a_line_that_nobody_knows_is_shown_next_to_a_failure(catalogue: pa.FileCatalogue) -> None:
    """It is probably why, which explains nothing for certain; alone it is nothing."""
    line = "qemu-kvm: some device: what nobody has seen\n"
    found = diagnose(catalogue, line + _state("0000:00:05.0/nvme"))

    assert ["unknown-line", "device-state"] == [f.code for f in found.findings]
    assert "what nobody has seen" in found.findings[0].text
    assert not found.explained
    assert () == diagnose(catalogue, line).findings


def test_very_many_different_messages_are_counted(catalogue: pa.FileCatalogue) -> None:
    """What is held does not grow with a log: a thousand are explained, and the rest is counted."""
    lines = (f'Unknown ramblock "block-{number}"\n' for number in range(1200))
    found = diagnose(catalogue, lines)

    assert (1000, 200) == (len(found.findings), found.more)


def _of_virtio(family: DeviceFamily, types: TypeTable) -> bool:
    return "virtio-device" in types.ancestry(family.driver)


def test_help_about_queues_is_of_properties_that_the_device_has(
    catalogue: pa.FileCatalogue,
) -> None:
    """Of every virtio family: all its properties that set a queue's size, and no other's."""
    types = catalogue.types("qemu-11.1.3", "x86_64")
    families = [each for each in catalogue.devices().families if _of_virtio(each, types)]
    own = {
        family.name: {p for p in types.properties(family.driver) if re.search("queue.?size$", p)}
        for family in families
    }
    every = set[str]().union(*own.values())
    assert len(every) == 4
    for family in families:
        for section in family.sections or (family.name,):
            text = "VQ 0 vring.num 1024 exceeds allocated max 8\n" + _state(
                f"0000:00:01.0/{section}"
            )
            first, *_ = diagnose(catalogue, text).findings
            assert first.code == "queue-size"
            words = {*re.findall(r"[a-z_-]+", first.helps[0])}
            if "names the device" not in first.helps[0]:
                assert words & every == own[family.name], family.name
            else:
                assert not own[family.name], family.name
