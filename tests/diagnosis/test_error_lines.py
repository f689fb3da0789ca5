"""Messages of QEMU are found in any text, and nothing else is."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.diagnosis import error_lines
from platform_abi.diagnosis.error_lines import Line, by_trigger
from platform_abi.diagnosis.expressions import expression
from tests.conftest import DEFINITIONS

TABLE = pa.FileCatalogue([DEFINITIONS]).messages()
KNOWN = by_trigger(TABLE)

#: One message for every code, as QEMU 5.2 to 11.1 and libvirt print them: seen on QEMU 7.2, 10.0
#: and 11.1, or taken from public reports and from the format strings of those binaries.
PRINTED = [
    ("virtio-features", "Features 0x1c0010130afffaf unsupported. Allowed features: 0x10179bfffef"),
    (
        "virtio-features",
        (
            "Features 0x00000000000000000000010130bfffa7 unsupported. "
            "Allowed features: 0x00000000000000000000010179bfffe7"
        ),
    ),
    ("vnet-header", "virtio-net: saved image requires vnet_hdr=on"),
    ("ufo-state", "virtio-net: saved image requires TUN_F_UFO support"),
    ("queue-pairs", "virtio-net: curr_queue_pairs 4 > max_queue_pairs 1"),
    ("queue-pairs", "virtio-net: curr_queues 4 > max_queues 1"),
    ("rss-table", "virtio-net: saved image has invalid RSS indirections_len: 3"),
    ("queue-size", "VQ 0 vring.num 512 exceeds allocated max 256"),
    ("queue-state", "VQ 2 address 0x0 inconsistent with Host index 0x1f"),
    (
        "queue-state",
        "VQ 0 size 0x100 Guest index 0x29f8 inconsistent with Host index 0x2a06: delta 0xfff2",
    ),
    ("queue-state", "VQ 0 size 0x80 < last_avail_idx 0x9 - used_idx 0x0"),
    ("queue-count", "Invalid number of virtqueues: 0x5000"),
    ("queue-size-property", "invalid queue-size property (3), must be a power of 2 (max 1024)"),
    ("queue-size-property", "vhost-vdpa-device: invalid queue_size: 3 (max:256)"),
    ("queue-size-property", "Invalid rx_queue_size (= 100), must be a power of 2 between 256 and"),
    ("queue-size-property", "Invalid tx_queue_size (= 100), must be a power of 2 between 256 and"),
    ("unknown-section", "Unknown savevm section or instance 'slirp' 0. Make sure that"),
    ("unknown-section", "Unknown section or instance '0000:00:06.0/virtio-rng' 0. Make sure that"),
    ("section-number", "Unknown savevm section 45"),
    ("section-number", "Unknown section 45"),
    ("section-number", "Unknown savevm section type 69"),
    ("section-number", "Unknown section type 69"),
    ("section-version", "savevm: unsupported version 4 for 'ram' v3"),
    ("section-length", "Missing section footer for 0000:00:05.0/virtio-net"),
    ("memory-block", 'Unknown ramblock "0000:00:02.0/vga.rom", cannot accept migration'),
    (
        "rom-size",
        "Size mismatch: 0000:00:05.0/virtio-net-pci.rom: 0x80000 != 0x40000: Invalid argument",
    ),
    (
        "rom-size",
        "Length mismatch: 0000:00:03.0/virtio-net-pci.rom: 0x20000 in != 0x40000: Invalid argument",
    ),
    ("memory-size", "Size mismatch: pc.ram: 0x4000000 != 0x8000000: Invalid argument"),
    ("memory-size", "Length mismatch: pc.ram: 0x4000000 in != 0x8000000: Invalid argument"),
    (
        "pci-config",
        (
            "get_pci_config_device: Bad config data: i=0x9a read: 5 device: 3 cmask: ff wmask: 0 "
            "w1cmask:0"
        ),
    ),
    ("machine-mismatch", "Machine type received is 'pc-q35-6.2' and local is 'pc-q35-8.2'"),
    ("machine-unknown", 'unsupported machine type: "pc-q35-rhel9.6.0"'),
    ("machine-unknown", "unsupported machine type\nsomething else"),
    ("migration-blocked", "State blocked by non-migratable device '0000:00:06.0/nvme'"),
    ("flag-blocked", "State blocked by non-migratable CPU device (invtsc flag)"),
    ("riscv-extension", "KVM does not support disabling extension zba"),
    ("riscv-extension-stays", "warning: KVM cannot disable extension zba"),
    ("riscv-timer", "Dst Hosts timer frequency != Src Hosts"),
    ("loongarch-feature", "'lasx' feature not supported by KVM on host"),
    (
        "arm-register-emulated",
        (
            "handle_cpreg_only_in_incoming_stream: system register 0x1013c030 in the "
            "incoming stream but unknown on the destination: fail migration"
        ),
    ),
    ("arm-registers", "Failed to load cpu:cpreg_vmstate_array_len"),
    ("arm-registers", "failed to load cpu:cpreg_vmstate_array_len"),
    (
        "arm-registers",
        "Failed to load element of type int32 le for cpreg_vmstate_array_len",
    ),
    (
        "arm-register",
        "kvm_arm_cpu_post_load Unexpected register in input stream: 0 0x603000000013c103 op0:3",
    ),
    (
        "cpu-flag",
        (
            "warning: host doesn't support requested feature: "
            "CPUID.40000001H:EAX.kvm-asyncpf-int [bit 14]"
        ),
    ),
    (
        "cpu-flag",
        (
            "warning: host doesn't support requested feature: "
            "CPUID[eax=07h,ecx=00h].EBX.avx512f [bit 16]"
        ),
    ),
    ("cpu-flag", "warning: TCG doesn't support requested feature: CPUID.01H:ECX.sse4.1 [bit 19]"),
    ("cpu-flag", "warning: host doesn't support requested feature: CPUID.0DH:EAX [bit 9]"),
    ("cpu-flag", "warning: host doesn't support requested feature: MSR(10AH).rdctl-no [bit 0]"),
    ("cpu-enforced", "Host doesn't support requested features"),
    ("hyperv-flag", "Hyper-V AVIC/APICv support (hv-avic/hv-apicv) is not supported by kernel"),
    ("hyperv-flag", "Hyper-V VP_INDEX MSR (hv-vpindex) is not supported by kernel"),
    (
        "hyperv-order",
        (
            "Hyper-V synthetic timers (hv-stimer) requires Hyper-V synthetic interrupt controller "
            "(hv-synic)"
        ),
    ),
    ("hyperv-vpindex", "kernel doesn't allow setting HyperV VP_INDEX"),
    ("model-register", "error: failed to set MSR 0x48f to 0x7fffff00036dfb"),
    (
        "tsc-frequency",
        (
            "warning: TSC frequency mismatch between VM (1000000 kHz) and host (2596122 kHz), and "
            "TSC scaling unavailable"
        ),
    ),
    (
        "tsc-frequency-property",
        "Mismatch between user-specified TSC frequency and migrated TSC frequency",
    ),
    (
        "cpu-specification",
        "operation failed: guest CPU doesn't match specification: missing features: waitpkg,pdcm",
    ),
    (
        "cpu-specification",
        "guest CPU doesn't match specification: extra features: ht, missing features: pcid",
    ),
    ("device-state", "error while loading state for instance 0x0 of device 'cpu'"),
    ("device-state", "error while loading state section id 3(ram)"),
    ("device-field", "Failed to load virtio-vhost_vsock:virtio"),
    ("migration-failed", "load of migration failed: Operation not permitted"),
    ("migration-disabled", "Migration disabled: vhost lacks VHOST_F_LOG_ALL feature."),
    ("migration-disabled", "Migration is disabled for VFIO device"),
    ("migration-disabled", "Migration is not supported for this backend"),
    ("migration-disabled", "vfio: Migration is currently not supported with vIOMMU enabled"),
    ("migration-disabled", "VFIO migration is not supported in kernel"),
    (
        "migration-disabled",
        "disallowing migration blocker (migration/snapshot in progress) for: a device",
    ),
    (
        "image-format-blocked",
        "The vmdk format used by node '#block1' does not support live migration",
    ),
    ("vdpa-control-queue", "net vdpa cannot migrate with CVQ feature"),
    ("machine-unknown", "-machine pc-i440fx-2.0,usb=off: unsupported machine type"),
    ("machine-unknown", "-machine usb=off: unsupported machine type"),
    ("machine-unknown", "-machine pc-i440fx-2.0: unsupported machine type"),
    ("assertion", "../block/io.c:17: bdrv_x: Assertion `x > 0' failed."),
    ("feature-control", "error: Failed to set feature control MSR"),
    (
        "arm-id-register",
        "Could not set register op0:3 op1:0 crn:0 crm:4 op2:0 to 11 (is 12)",
    ),
    ("registers-refused", "Failed to put registers after reset: Invalid argument"),
    (
        "arm-registers",
        "x in the incoming stream but unknown on the destination: fail migration",
    ),
    (
        "cpu-flag",
        "warning: host doesn't support requested feature: MSR(10Ah).rdctl-no [bit 0]",
    ),
    (
        "cpu-model-features",
        (
            "Some features requested in the CPU model are not available in the current "
            "configuration: ais"
        ),
    ),
    (
        "cpu-model-features",
        "Some features requested in the CPU model are not available in the configuration: ais te",
    ),
    ("cpu-model-newer", "Selected CPU GA level is too new. Maximum supported model"),
    ("cpu-model-newer", "Selected CPU generation is too new. Maximum supported model"),
    (
        "pseries-capability",
        "cap-cfpc higher level (2) in incoming stream than on destination (1)",
    ),
    ("pseries-capability-host", "Try appending -machine cap-htm=off"),
    (
        "reenlightenment-frequency",
        "Guest enabled re-enlightenment notifications, 'tsc-frequency=' has to be specified",
    ),
    ("load-error", "Error -22 while loading VM state"),
    ("section-footer", "Section footer error, section_id: 41"),
    ("stream-ended", "Not a migration stream"),
    ("stream-version", "Unsupported migration stream version"),
    ("stream-version", "SaveVM v2 format is obsolete and don't work anymore"),
    ("host-cpu", "Host CPU does not provide required features: avx2, bmi2"),
    ("host-cpu-refused", "the CPU is incompatible with host CPU"),
    ("host-cpu-refused", "guest and host CPU are not compatible"),
    ("cpu-model-unknown", "Unknown CPU model Some-v9"),
    ("cpu-model-unknown", "unable to find CPU model 'Some-v9'"),
    ("cpu-model-unknown", "CPU model 'Some-v9' not supported by hypervisor"),
    ("abi-stability", "Target domain vCPU max 4 does not match source 8"),
    ("unsafe-migration", "Unsafe migration: Migration may lead to data corruption"),
    ("devices-assigned", "domain has assigned non-USB host devices"),
    ("devices-assigned", "cannot migrate a domain with <hostdev mode='subsystem' type='pci'>"),
    ("qemu-command", "unable to execute QEMU command 'migrate': something else"),
    ("manager-failed", "internal error: QEMU unexpectedly closed the monitor"),
    ("manager-failed", "process exited while connecting to monitor"),
    ("manager-failed", "shutting down, reason=failed"),
    ("manager-failed", "shutting down, reason=crashed"),
    ("manager-failed", "migration status error: failed"),
    ("manager-failed", "ERROR: online migrate failure - aborting"),
    ("manager-failed", "ERROR: migration finished with problems (duration 00:00:46)"),
    ("manager-failed", "TASK ERROR: migration problems"),
    ("manager-failed", "Failed to wait for migration to finish"),
    ("manager-failed", "Monitor is disconnected"),
    ("manager-failed", "Live migration failed"),
    ("manager-failed", "migration job: unexpectedly failed"),
]

#: What means nothing, and what nobody knows: a line by itself.
LINES = [
    ("assertion-of-registers", "kvm.c:1: x: Assertion `ret == cpu->kvm_msr_buf->nmsrs' failed."),
    ("no-reason", "char device redirected to /dev/pts/1 (label charserial0)"),
    ("no-reason", "terminating on signal 15 from pid 1"),
    ("no-reason", "Use -machine help to list supported machines"),
    ("no-reason", "Unknown firmware file in legacy mode: etc/msr_feature_control"),
    ("no-reason", "qemu: warning: something"),
    ("no-reason", "qemu-kvm: warning: something"),
    ("no-reason", "kvm: warning: something"),
    ("unknown-line", "qemu: something"),
    ("unknown-line", "qemu-system-x86_64: something"),
    ("unknown-line", "kvm: something"),
    ("unknown-line", "error: operation failed: something"),
    ("unknown-line", "error: internal error: something"),
]

#: What logs put before a message.
PREFIXES = (
    "",
    "qemu-system-x86_64: ",
    "2026-01-01T00:00:00.000000Z qemu-kvm: ",
    "kvm: ",
    "Jan 01 00:00:00 host libvirtd[17]: internal error: QEMU: ",
    '{"component":"virt-launcher","level":"info","msg":"qemu-kvm: ',
)


def read_lines(text: str | Iterable[str]) -> tuple[Line, ...]:
    """Return every message of the shipped definitions in *text*."""
    return tuple(error_lines.read_lines(KNOWN, text))


def _same(found: tuple[Line, ...]) -> list[tuple[str, dict[str, str]]]:
    return [(line.code, dict(line.fields)) for line in found]


@pytest.mark.parametrize(("code", "text"), PRINTED)
@pytest.mark.parametrize("prefix", PREFIXES)
def test_a_message_is_found_behind_every_prefix(code: str, text: str, prefix: str) -> None:
    """What QEMU prints is recognised, on its line, whatever a log puts before it."""
    found = read_lines(f"nothing\n{prefix}{text}\nnothing\n")

    assert [code] == [line.code for line in found]
    assert 2 == found[0].number
    assert _same(read_lines(text)) == _same(found)


@pytest.mark.parametrize(("code", "text"), LINES)
def test_a_line_that_says_nothing_is_one_and_hides_none(code: str, text: str) -> None:
    """It is read as what it is; a message that is known, on its line, is told instead."""
    assert [code] == [line.code for line in read_lines(f"nothing\n{text}\nnothing\n")]
    if text.endswith("something"):
        told = text.replace("something", 'Unknown ramblock "x", cannot accept migration')
        assert ["memory-block"] == [line.code for line in read_lines(told)]


def test_every_text_has_an_example_and_every_example_is_of_its_message() -> None:
    """No text of the definitions is untested."""
    both = [*PRINTED, *LINES]
    matched = [
        text
        for message in TABLE.messages
        for text in message.text
        if any(message.code == code and expression(text.text).search(said) for code, said in both)
    ]

    assert [text for message in TABLE.messages for text in message.text] == matched
    assert {message.code for message in TABLE.messages} == {code for code, _ in both}


messages = st.sampled_from([text for _, text in PRINTED])
noise = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\n"), max_size=60
).filter(lambda text: not read_lines(text))


@given(st.lists(st.one_of(messages, noise), max_size=12))
def test_noise_changes_nothing(lines: list[str]) -> None:
    """Lines that are no messages are passed over: the same is found without them, in that order."""
    only = [line for line in lines if read_lines(line)]
    found, plain = read_lines("\n".join(lines)), read_lines("\n".join(only))

    assert _same(plain) == _same(found)
    assert [line.text for line in plain] == [line.text for line in found]


@given(st.lists(messages, min_size=1, max_size=6), st.lists(noise, max_size=6))
def test_where_noise_stands_does_not_matter(lines: list[str], more: list[str]) -> None:
    """Noise before, behind or around the messages is the same noise."""
    before = read_lines("\n".join([*more, *lines]))
    behind = read_lines("\n".join([*lines, *more]))

    assert _same(before) == _same(behind)


@given(st.one_of(st.text(), st.binary().map(lambda data: data.decode("utf-8", "replace"))))
def test_any_text_is_read(text: str) -> None:
    """Arbitrary text is never an error, and line numbers are those of the text."""
    for line in read_lines(text):
        assert 1 <= line.number <= text.count("\n") + 1


def test_a_chain_on_one_line_is_all_of_its_messages() -> None:
    """QEMU 11.1 puts the chain of errors on one line: each message of it is found."""
    found = read_lines(
        "qemu: load of migration failed: Invalid argument: error while loading state for instance "
        "0x0 of device '0000:00:05.0/virtio-net': Failed to load element of type virtio for virtio"
    )

    assert ["migration-failed", "device-state"] == [line.code for line in found]
    assert "0000:00:05.0/virtio-net" == found[1].fields["section"]


def test_a_line_that_a_mail_program_broke_is_one_message() -> None:
    """Reports come by mail: lines are wrapped there, and quoted."""
    found = read_lines("> qemu: Features 0x10130afffa7\n> unsupported. Allowed features: 0x17")

    assert [("virtio-features", {"requested": "10130afffa7", "allowed": "17"})] == _same(found)


def test_a_longer_mask_than_virtio_has_is_none() -> None:
    """A number of more than 128 bits is not cut down to a mask that nobody printed."""
    wide = "f" * 33
    assert () == read_lines(f"Features 0x{wide} unsupported. Allowed features: 0x1")
    assert () == read_lines(f"Features 0x1 unsupported. Allowed features: 0x{wide}")


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("Features 0x" + "0" * 3_000_000, 0),
        ("Features 0x1 " * 300_000, 0),
        ("Size mismatch: " * 200_000, 0),
        ("Size mismatch: " + "a:" * 1_500_000, 0),
        ("Hyper-V (" * 300_000, 0),
        ("guest CPU doesn't match specification: missing features: " * 50_000, 50_000),
        ("\0\xff" * 1_500_000, 0),
        ("a" * 3_000_000, 0),
        ("\n" * 3_000_000 + "load of migration failed", 1),
        ("load of migration failed\n" * 120_000, 120_000),
    ],
    ids=lambda value: str(value)[:20],
)
def test_megabytes_are_read(text: str, count: int) -> None:
    """A text of a few megabytes, however made, is read to its end: nothing here backtracks."""
    found = read_lines(text)

    assert count == len(found)
    assert all(len(line.text) <= 300 for line in found)
