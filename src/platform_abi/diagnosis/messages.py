"""The messages of QEMU and libvirt about failed migrations and starts: a table of patterns.

Each row of ``PATTERNS`` is one message, as a file of QEMU has it. QEMU 11.1 puts a chain of errors
on one line, cause last; 10.0 gives each a line of its own, cause first.
"""

from __future__ import annotations

from typing import Literal

from platform_abi.model.value import frozen

#: What a message says: why it failed; in whose state; or only that it is over.
#: *apart* is a cause that comes from the start or from the CPU, and from no device's section.
Role = Literal["cause", "apart", "place", "end"]


@frozen(kw_only=True)
class Pattern:
    """One message: the words that it begins with, and a regular expression for all of it.

    Every expression is linear in what it reads: no repetition stands inside another.
    """

    code: str
    begins: str
    regex: str
    #: Where QEMU or libvirt has it; QEMU 5.2 to 11.1 unless it says otherwise.
    source: str
    role: Role = "cause"


_HEX = "[0-9a-fA-F]{1,32}"
_WORD = r"[^\s'\"\\]{1,200}"
#: Mail programs break lines, and some put a mark before what they quote.
_GAP = r"[\s>]{1,8}"

PATTERNS: tuple[Pattern, ...] = (
    # --- virtio ---------------------------------------------------------------------------------
    Pattern(
        code="virtio-features",
        begins="Features",
        regex=rf"Features{_GAP}0x(?P<requested>{_HEX}){_GAP}unsupported\.{_GAP}"
        rf"Allowed{_GAP}features:{_GAP}0x(?P<allowed>{_HEX})\b",
        source="hw/virtio/virtio.c, virtio_load; 11.1: 128 bits, and those in question are missing",
    ),
    Pattern(
        code="vnet-header",
        begins="virtio-net: saved image requires vnet_hdr=on",
        regex="virtio-net: saved image requires vnet_hdr=on",
        source="hw/net/virtio-net.c, virtio_net_vnet_post_load",
    ),
    Pattern(
        code="ufo-state",
        begins="virtio-net: saved image requires TUN_F_UFO support",
        regex="virtio-net: saved image requires TUN_F_UFO support",
        source="hw/net/virtio-net.c, virtio_net_ufo_post_load",
    ),
    Pattern(
        code="queue-pairs",
        begins="virtio-net: curr_queue",
        regex=r"virtio-net: curr_queues?(?:_pairs)? (?P<source>[0-9a-f]{1,8}) > "
        r"max_queues?(?:_pairs)? (?P<here>[0-9a-f]{1,8})",
        source="hw/net/virtio-net.c, virtio_net_tx_waiting_pre_load; curr_queues before 7.0",
    ),
    Pattern(
        code="rss-table",
        begins="virtio-net: saved image has invalid RSS indirections_len",
        regex=r"virtio-net: saved image has invalid RSS indirections_len: (?P<source>\d{1,10})",
        source="hw/net/virtio-net.c (11.1)",
    ),
    Pattern(
        code="queue-size",
        begins="VQ ",
        regex=r"VQ (?P<queue>\d{1,5}) vring\.num (?P<source>\d{1,10}) exceeds allocated max "
        r"(?P<here>\d{1,10})",
        source="hw/virtio/virtio.c, virtio_load (11.1)",
    ),
    Pattern(
        code="queue-state",
        begins="VQ ",
        regex=r"VQ (?P<queue>\d{1,5}) (?:address 0x0 inconsistent with Host index"
        r"|size 0x[0-9a-f]{1,8} Guest index 0x[0-9a-f]{1,8} inconsistent with Host index"
        r"|size 0x[0-9a-f]{1,8} < last_avail_idx) 0x[0-9a-f]{1,8}",
        source="hw/virtio/virtio.c, virtio_load",
    ),
    Pattern(
        code="queue-count",
        begins="Invalid number of virtqueues: 0x",
        regex="Invalid number of virtqueues: 0x(?P<source>[0-9a-f]{1,8})",
        source="hw/virtio/virtio.c, virtio_load",
    ),
    Pattern(
        code="queue-size-property",
        begins="invalid queue-size property (",
        regex=r"invalid queue-size property \((?P<here>\d{1,10})\)",
        source="hw/block/virtio-blk.c, virtio_blk_device_realize",
    ),
    Pattern(
        code="queue-size-property",
        begins="invalid queue_size: ",
        regex=r"invalid queue_size: (?P<here>\d{1,10})",
        source="hw/virtio/vdpa-dev.c, vhost_vdpa_device_realize",
    ),
    Pattern(
        code="queue-size-property",
        begins="Invalid rx_queue_size (= ",
        regex=r"Invalid rx_queue_size \(= (?P<here>\d{1,10})\)",
        source="hw/net/virtio-net.c, virtio_net_device_realize",
    ),
    Pattern(
        code="queue-size-property",
        begins="Invalid tx_queue_size (= ",
        regex=r"Invalid tx_queue_size \(= (?P<here>\d{1,10})\)",
        source="hw/net/virtio-net.c, virtio_net_device_realize",
    ),
    # --- what the machines are made of ----------------------------------------------------------
    Pattern(
        code="unknown-section",
        begins="Unknown s",
        regex=rf"Unknown (?:savevm )?section or instance '(?P<section>{_WORD})' "
        r"(?P<instance>\d{1,10})",
        source="migration/savevm.c, qemu_loadvm_section_start_full; 11.1: without savevm",
    ),
    Pattern(
        code="section-number",
        begins="Unknown s",
        regex=r"Unknown (?:savevm )?section(?: type)? (?P<number>-?\d{1,10})",
        source="migration/savevm.c, qemu_loadvm_section_part_end",
    ),
    Pattern(
        code="section-version",
        begins="unsupported version ",
        regex=rf"unsupported version (?P<source>\d{{1,10}}) for '(?P<section>{_WORD})' "
        r"v(?P<here>\d{1,10})",
        source="migration/savevm.c, qemu_loadvm_section_start_full",
    ),
    Pattern(
        code="section-length",
        begins="Missing section footer for ",
        regex=rf"Missing section footer for (?P<section>{_WORD})",
        source="migration/savevm.c, check_section_footer",
    ),
    Pattern(
        code="memory-block",
        begins="Unknown ramblock ",
        regex=rf"Unknown ramblock \\?[\"'](?P<block>{_WORD})\\?[\"']",
        source="migration/ram.c, parse_ramblocks",
    ),
    Pattern(
        code="rom-size",
        begins="Size mismatch: ",
        regex=r"Size mismatch: (?P<block>\S{1,200}?\.rom): "
        r"0x(?P<source>[0-9a-f]{1,16}) != 0x(?P<here>[0-9a-f]{1,16})",
        source="system/physmem.c, qemu_ram_resize",
    ),
    Pattern(
        code="rom-size",
        begins="Length mismatch: ",
        regex=r"Length mismatch: (?P<block>\S{1,200}?\.rom): "
        r"0x(?P<source>[0-9a-f]{1,16}) in != 0x(?P<here>[0-9a-f]{1,16})",
        source="softmmu/physmem.c, qemu_ram_resize (6.0 and older)",
    ),
    Pattern(
        code="memory-size",
        begins="Size mismatch: ",
        regex=r"Size mismatch: (?P<block>\S{1,200}?): "
        r"0x(?P<source>[0-9a-f]{1,16}) != 0x(?P<here>[0-9a-f]{1,16})",
        source="system/physmem.c, qemu_ram_resize",
    ),
    Pattern(
        code="memory-size",
        begins="Length mismatch: ",
        regex=r"Length mismatch: (?P<block>\S{1,200}?): "
        r"0x(?P<source>[0-9a-f]{1,16}) in != 0x(?P<here>[0-9a-f]{1,16})",
        source="softmmu/physmem.c, qemu_ram_resize (6.0 and older)",
    ),
    Pattern(
        code="pci-config",
        begins="Bad config data: i=0x",
        regex=r"Bad config data: i=0x(?P<offset>[0-9a-f]{1,4}) read: (?P<source>[0-9a-f]{1,2}) "
        r"device: (?P<here>[0-9a-f]{1,2}) cmask: (?P<mask>[0-9a-f]{1,2})",
        source="hw/pci/pci.c, get_pci_config_device",
    ),
    Pattern(
        code="machine-mismatch",
        begins="Machine type received is '",
        regex=rf"Machine type received is '(?P<source>{_WORD})' and local is '(?P<here>{_WORD})'",
        source="migration/savevm.c, configuration_post_load",
    ),
    Pattern(
        code="machine-unknown",
        begins="unsupported machine type",
        regex=rf"unsupported machine type(?:: \\?[\"'](?P<machine>{_WORD})\\?[\"'])?",
        source="system/vl.c, machine_parse and select_machine; 10.0: with the name",
        role="apart",
    ),
    Pattern(
        code="migration-blocked",
        begins="State blocked by non-migratable device '",
        regex=rf"State blocked by non-migratable device '(?P<section>{_WORD})'",
        source="migration/savevm.c, qemu_savevm_state_blocked",
    ),
    Pattern(
        code="flag-blocked",
        begins="State blocked by non-migratable CPU device (",
        regex=r"State blocked by non-migratable CPU device \((?P<wants>[A-Za-z0-9_-]{1,40}) flag\)",
        source="target/i386/kvm/kvm.c, kvm_arch_init_vcpu",
    ),
    # --- CPUs -----------------------------------------------------------------------------------
    Pattern(
        code="arm-registers",
        begins="Failed to load cpu:cpreg_vmstate_array_len",
        regex="Failed to load cpu:cpreg_vmstate_array_len",
        source="target/arm/machine.c, vmstate_arm_cpu",
    ),
    Pattern(
        code="arm-registers",
        begins="failed to load cpu:cpreg_vmstate_array_len",
        regex="failed to load cpu:cpreg_vmstate_array_len",
        source="target/arm/machine.c, vmstate_arm_cpu; as reports quote it",
    ),
    Pattern(
        code="arm-registers",
        begins="Failed to load element of type ",
        regex=r"Failed to load element of type [^\n]{1,80}? for cpreg_vmstate_array_len",
        source="target/arm/machine.c and migration/vmstate.c (11.1)",
    ),
    Pattern(
        code="arm-register",
        begins="Unexpected register in input stream: ",
        regex=r"Unexpected register in input stream: \d{1,4} (?P<register>0x[0-9a-f]{1,16})",
        source="target/arm/kvm.c, kvm_arm_cpu_post_load (proposed for 11.0)",
    ),
    Pattern(
        code="cpu-flag",
        begins="doesn't support requested feature: ",
        regex=r"doesn't support requested feature: (?P<word>CPUID\S{1,40}?E[A-D]X"
        r"|MSR[^\s.]{1,12})(?:\.(?P<flag>[A-Za-z0-9_.-]{1,60}))? \[bit (?P<bit>\d{1,2})\]",
        source="target/i386/cpu.c, mark_unavailable_features; 11.1: CPUID[eax=07h,ecx=00h].EBX",
        role="apart",
    ),
    Pattern(
        code="cpu-enforced",
        begins="doesn't support requested features",
        regex="doesn't support requested features",
        source="target/i386/cpu.c, x86_cpu_realizefn",
        role="apart",
    ),
    Pattern(
        code="hyperv-flag",
        begins="Hyper-V ",
        regex=r"Hyper-V [^\n()]{1,80}\((?P<flag>hv-[a-z0-9-]{1,40})(?:/[a-z0-9-]{1,40})?\) "
        "is not supported by kernel",
        source="target/i386/kvm/kvm.c, hv_feature_check_deps",
        role="apart",
    ),
    Pattern(
        code="hyperv-order",
        begins="Hyper-V ",
        regex=r"Hyper-V [^\n()]{1,80}\((?P<wants>hv-[a-z0-9-]{1,40})(?:/[a-z0-9-]{1,40})?\) "
        r"requires Hyper-V [^\n()]{1,80}\((?P<needs>hv-[a-z0-9-]{1,40})",
        source="target/i386/kvm/kvm.c, hv_feature_check_deps",
        role="apart",
    ),
    Pattern(
        code="hyperv-vpindex",
        begins="kernel doesn't allow setting HyperV VP_INDEX",
        regex="kernel doesn't allow setting HyperV VP_INDEX",
        source="target/i386/kvm/kvm.c, hyperv_init_vcpu",
        role="apart",
    ),
    Pattern(
        code="model-register",
        begins="failed to set MSR 0x",
        regex=r"failed to set MSR 0x(?P<register>[0-9a-f]{1,8}) to 0x(?P<value>[0-9a-f]{1,16})",
        source="target/i386/kvm/kvm.c, kvm_buf_set_msrs",
        role="apart",
    ),
    Pattern(
        code="tsc-frequency",
        begins="TSC frequency mismatch between VM (",
        regex=r"TSC frequency mismatch between VM \((?P<source>\d{1,12}) kHz\) and host "
        r"\((?P<here>\d{1,12}) kHz\)",
        source="target/i386/kvm/kvm.c, kvm_arch_set_tsc_khz",
    ),
    Pattern(
        code="tsc-frequency-property",
        begins="Mismatch between user-specified TSC frequency and migrated TSC frequency",
        regex="Mismatch between user-specified TSC frequency and migrated TSC frequency",
        source="target/i386/machine.c, cpu_post_load",
    ),
    Pattern(
        code="cpu-specification",
        begins="guest CPU doesn't match specification",
        regex=r"guest CPU doesn't match specification(?::\s{1,4}extra features: "
        r"(?P<extra>[A-Za-z0-9_.,-]{1,2000}))?(?:[:,]?\s{1,4}missing\s{1,4}features: "
        r"(?P<flags>[A-Za-z0-9_.,-]{1,2000}))?",
        source="libvirt, src/cpu/cpu_x86.c, virCPUx86UpdateLive",
        role="apart",
    ),
    # --- where, and that it is over -------------------------------------------------------------
    Pattern(
        code="device-state",
        begins="error while loading state for instance ",
        regex=r"error while loading state for instance 0x[0-9a-f]{1,8} of device "
        rf"'(?P<section>{_WORD})'",
        source="migration/savevm.c, qemu_loadvm_section_start_full",
        role="place",
    ),
    Pattern(
        code="device-state",
        begins="error while loading state section id ",
        regex=rf"error while loading state section id -?\d{{1,10}}\((?P<section>{_WORD})\)",
        source="migration/savevm.c, qemu_loadvm_section_part_end",
        role="place",
    ),
    Pattern(
        code="device-field",
        begins="Failed to load ",
        regex=r"Failed to load (?P<section>[A-Za-z0-9_-]{1,100}):[A-Za-z0-9_-]{1,100}",
        source="migration/vmstate.c, vmstate_load_state (10.0)",
        role="place",
    ),
    Pattern(
        code="migration-failed",
        begins="load of migration failed",
        regex="load of migration failed",
        source="migration/migration.c, process_incoming_migration_co",
        role="end",
    ),
)
