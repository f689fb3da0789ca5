"""The numbers that a host is asked with are the kernel's: held against its own headers."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

import platform_abi as pa
from platform_abi.host.cpuid import bit_of
from platform_abi.model.capability import Capability, Probe
from tests.linux_headers import linux_numbers

#: What a method asks with, whatever capability it is about; None: with the capability's symbol.
REQUESTS: Mapping[str, str | None] = {
    "kvm-arm-ipa": "KVM_CHECK_EXTENSION",
    "kvm-arm-sve": "KVM_GET_ONE_REG",
    "kvm-riscv-isa": "KVM_GET_ONE_REG",
    "kvm-riscv-sbi": "KVM_GET_ONE_REG",
    "kvm-loongarch-cpucfg": "KVM_GET_DEVICE_ATTR",
    "kvm-loongarch-feature": "KVM_HAS_DEVICE_ATTR",
    "kvm-device": "KVM_CREATE_DEVICE",
    "kvm-device-attribute": "KVM_HAS_DEVICE_ATTR",
    "kvm-ppc-characteristics": "KVM_PPC_GET_CPU_CHAR",
    "kvm-ppc-hash-page": "KVM_PPC_GET_SMMU_INFO",
    "kvm-ppc-radix": "KVM_CHECK_EXTENSION",
    "kvm-ppc-since-level": "KVM_CHECK_EXTENSION",
    "kvm-ppc-type": "KVM_CREATE_VM",
    "kvm-cpuid": "KVM_GET_SUPPORTED_CPUID",
    "kvm-hv-cpuid": "KVM_GET_SUPPORTED_HV_CPUID",
    "kvm-extension": "KVM_CHECK_EXTENSION",
    "kvm-mce-cap": "KVM_X86_GET_MCE_CAP_SUPPORTED",
    "tun-features": "TUNGETFEATURES",
    "tun-offload": "TUNSETOFFLOAD",
    "tun-ioctl": None,
    "vhost-features": "VHOST_GET_FEATURES",
    "vhost-backend-features": "VHOST_GET_BACKEND_FEATURES",
    "vhost-features-array": "VHOST_GET_FEATURES_ARRAY",
    "vhost-ioctl": None,
}

#: Of an ``ioctl`` the request that its symbol is a part of.
IOCTLS: Mapping[str, str] = {
    "block.zoned": "BLKREPORTZONE",
    "vfio.dma-buf": "VFIO_DEVICE_FEATURE",
    "vfio.dma-logging": "VFIO_DEVICE_FEATURE",
    "vfio.migration-v2": "VFIO_DEVICE_FEATURE",
    "vfio.precopy": "VFIO_DEVICE_FEATURE",
    "vhost-vdpa": "VHOST_VDPA_GET_DEVICE_ID",
}

_REGISTERS = ("EAX", "EBX", "ECX", "EDX")
_MACRO = re.compile(r"[A-Z][A-Z0-9_]{3,}")


def _probed(catalogue: pa.FileCatalogue) -> list[tuple[Capability, Probe]]:
    return [(c, c.probe) for c in catalogue.capabilities().values() if c.probe is not None]


@pytest.fixture(scope="module")
def kernel(catalogue: pa.FileCatalogue, tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    """Return the numbers of this machine's kernel headers by their names."""
    names = {name for name in REQUESTS.values() if name is not None} | set(IOCTLS.values())
    for capability, _ in _probed(catalogue):
        names |= set(_MACRO.findall(capability.symbol))
    return linux_numbers(names, tmp_path_factory.mktemp("numbers"))


def test_requests_are_the_kernels(catalogue: pa.FileCatalogue, kernel: dict[str, int]) -> None:
    """The number of an ioctl is what the headers make of its name."""
    held = set()
    for capability, probe in _probed(catalogue):
        name = IOCTLS.get(capability.id) or REQUESTS.get(probe.method) or capability.symbol
        if name in kernel and probe.request:
            # As the kernel takes it: 32 bits.
            assert kernel[name] & 0xFFFF_FFFF == probe.request, capability.id
            held.add(probe.method)
    assert {"kvm-cpuid", "kvm-extension", "tun-offload", "tun-ioctl", "vhost-features"} <= held


def test_what_is_asked_for_is_the_kernels(
    catalogue: pa.FileCatalogue, kernel: dict[str, int]
) -> None:
    """The number of a capability, a flag or a bit is that of its symbol."""
    held = set()
    for capability, probe in _probed(catalogue):
        names = _MACRO.findall(capability.symbol)
        if not names or not set(names) <= kernel.keys():
            continue
        held.add(probe.method)
        numbers = [kernel[name] for name in names]
        by_number = {"kvm-extension", "kvm-ppc-radix", "kvm-ppc-since-level"}
        if probe.method in by_number and names[0].startswith("KVM_CAP_"):
            # Above the number stand bits that the answer has to have.
            assert numbers[0] == probe.argument & 0xFFFF, capability.id
        elif probe.method in {"kvm-device", "kvm-ppc-type"}:
            assert numbers[0] == probe.argument, capability.id
        elif probe.method == "kvm-cpuid":
            assert numbers[0] == bit_of(probe.argument)[1], capability.id
        elif probe.method == "tun-features":
            assert numbers[0] == probe.argument, capability.id
        elif probe.method == "tun-offload":
            # It is refused without what it builds on.
            assert all(number & probe.argument == number for number in numbers), capability.id
        elif probe.method == "vhost-features":
            assert [probe.argument] == [1 << number for number in numbers], capability.id
        elif probe.method == "process-capability":
            assert numbers[0] == probe.argument, capability.id
    asked = {"kvm-extension", "kvm-cpuid", "tun-features", "tun-offload", "vhost-features"}
    assert asked | {"kvm-device"} <= held


def test_a_bit_of_cpuid_is_one_that_its_symbol_names(catalogue: pa.FileCatalogue) -> None:
    """``CPUID 7.1 EAX[18,19]`` is asked for by the first of its bits."""
    place = re.compile(r"CPUID (0x[0-9a-f]+|[0-9]+)(?:\.(\d))? (E[A-D]X)\[(\d+)(?:[],]|:(\d+))")
    held = 0
    for capability, probe in _probed(catalogue):
        said = place.match(capability.symbol)
        if probe.method != "kvm-cpuid" or said is None:
            continue
        leaf, subleaf, register, bit, last = said.groups()
        asked = ((int(leaf, 0), int(subleaf or 0), _REGISTERS.index(register)), int(bit))
        where, offset = bit_of(probe.argument)
        if last is not None:  # a number of several bits
            assert int(last) <= offset <= int(bit), capability.id
            offset = int(bit)
        assert asked == (where, offset), capability.id
        held += 1
    assert held > 30


def test_what_hyperv_calls_it_is_a_property_of_the_cpu(catalogue: pa.FileCatalogue) -> None:
    """An enlightenment is asked for by the leaf that its kind is in, under QEMU's own name."""
    properties: set[str] = set()
    for build in catalogue.builds("x86_64"):
        properties |= set(catalogue.types(build, "x86_64").properties("x86_64-cpu"))
    enlightenments = [(c, p) for c, p in _probed(catalogue) if p.method == "kvm-hv-cpuid"]
    assert len(enlightenments) > 20
    for capability, probe in enlightenments:
        assert not capability.symbol or capability.symbol in properties, capability.id
        # Features, recommendations, nested features (HV_CPUID_*, hyperv-tlfs.h).
        assert probe.argument >> 20 in {0x4000_0003, 0x4000_0004, 0x4000_000A}, capability.id


def test_a_node_is_of_its_method(catalogue: pa.FileCatalogue) -> None:
    """A KVM question goes to /dev/kvm, one about a tap to /dev/net/tun, as the id says."""
    nodes = {
        "kvm-": {"/dev/kvm"},
        "tun-": {"/dev/net/tun", "/dev/tap*"},
        "vhost-": {"/dev/vhost-net", "/dev/vhost-scsi", "/dev/vhost-vsock", "/dev/vhost-vdpa-*"},
    }
    for capability, probe in _probed(catalogue):
        for begin, known in nodes.items():
            if probe.method.startswith(begin):
                assert probe.node in known, capability.id
        if capability.id.startswith(("tun.", "macvtap.")):
            tap = capability.id.startswith("macvtap.")
            assert tap == (probe.node == "/dev/tap*"), capability.id
