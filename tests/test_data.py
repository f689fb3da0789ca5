"""What is known of QEMU, kernels and distributions is in definitions, and no word of it in code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import platform_abi as pa
from tests.conftest import DEFINITIONS
from tests.test_layers import FILES, _name, _room

#: Parts of names that stand for whole families of them: drivers, kernels, distributions, backends.
PARTS = (
    "virtio", "vhost", "macvtap", "tap+", "tun.", "kvm", "hyperv", "linux-", "rhel", "debian",
    "ubuntu", "windows", "darwin", "freebsd", "pc-q35", "pc-i440fx", "conservative",
)  # fmt: skip

#: Names of the definitions that are words of other trades as well, and name nothing by themselves.
PLAIN = frozenset({"linux", "none", "user"})

#: By file, the names in it and why each is there. A name that went from its file goes from here.
ALLOWED: dict[str, dict[str, str]] = {
    "cli/diff_machine.py": {"x86_64": "the architecture of a machine type where none is named"},
    "compat/cpu_flags.py": {
        "kvm.extensions": "a value of the host that the probe finds",
        "kvm.msr-features": "a value of the host that the probe finds",
    },
    "compat/preference.py": {
        "conservative": "the name of a policy, which is a word of the interface",
    },
    "compat/supported.py": {
        "conservative": "the name of a policy, which is a word of the interface",
        "tcg": "the accelerator that every QEMU has, whatever the host",
    },
    "diagnosis/lacking.py": {
        "kvm-cpuid": "how a capability is asked for",
        "kvm": "the backend whose first kernel is told",
    },
    "guest/cpus.py": {"kvm": "an accelerator that a process is started with", "query-kvm": "QMP"},
    "guest/pci_config.py": {"virtio-": "the name that virtio's own vendor capability has"},
    "host/child.py": {
        "kvm": "/dev/kvm, a kernel interface",
        "macvtap": "a kernel interface that the probe makes",
    },
    "host/cpuid.py": {
        "kvm.cpuid.": "what facts of the host are called that are CPUID registers",
        "kvm.msr.": "what facts of the host are called that are model-specific registers",
    },
    "host/kvm.py": {
        "kvm-riscv-": "how capabilities of an architecture are asked for",
        "kvm-loongarch-": "how capabilities of an architecture are asked for",
        "kvm-extension": "how a capability is asked for",
        "kvm-cpuid": "how a capability is asked for",
        "kvm-mce-cap": "how a capability is asked for",
        "kvm-hv-cpuid": "how a capability is asked for",
        "kvm.phys-bits": "a value of the host that the probe finds",
        "kvm.guest-phys-bits": "a value of the host that the probe finds",
        "kvm.msr-features": "a value of the host that the probe finds",
        "kvm.extensions": "a value of the host that the probe finds",
        "kvm.max-vcpus": "a value of the host that the probe finds",
        "kvm.tsc-khz": "a value of the host that the probe finds",
        "kvm-vm-attribute": "how a capability is asked for",
        "kvm-s390-model": "how a capability is asked for",
        "kvm-s390-feature": "how a capability is asked for",
        "kvm-ppc-": "how a capability is asked for",
    },
    "host/kvm_ppc.py": {
        "kvm-ppc-type": "how a capability is asked for",
        "kvm-ppc-characteristics": "how a capability is asked for",
        "kvm-ppc-hash-page": "how a capability is asked for",
        "kvm-ppc-decrementer": "how a capability is asked for",
        "kvm-ppc-since-level": "how a capability is asked for",
        "kvm-ppc-radix": "how a capability is asked for",
        "kvm.ppc.character": "a value of the host that the probe finds",
        "kvm.ppc.behaviour": "a value of the host that the probe finds",
        "kvm.ppc.radix-pages": "a value of the host that the probe finds",
    },
    "host/kvm_arm.py": {
        "kvm-device": "how a capability is asked for",
        "kvm-device-attribute": "how a capability is asked for",
        "kvm-arm-ipa": "how a capability is asked for",
        "kvm-arm-registers": "how a capability is asked for",
        "kvm-arm-psci": "how a capability is asked for",
        "kvm-arm-sve": "how a capability is asked for",
        "kvm.ipa-bits": "a value of the host that the probe finds",
        "kvm.arm64.registers": "a value of the host that the probe finds",
        "kvm.arm64.sve-lengths": "a value of the host that the probe finds",
        "kvm.arm64.register.": "what facts of the host are called that are registers of a vCPU",
        "kvm.arm64.writable.": "what facts of the host are called that are masks of these",
        "aarch64": "uname's word for a machine",
    },
    "host/kvm_s390.py": {
        "kvm-vm-attribute": "how a capability is asked for",
        "kvm-s390-model": "how a capability is asked for",
        "kvm-s390-feature": "how a capability is asked for",
        "kvm.s390.cpu-type": "a value of the host that the probe finds",
        "kvm.s390.ibc": "a value of the host that the probe finds",
        "kvm.s390.": "what facts of the host are called that are masks of its CPU model",
        "kvm.s390.attribute.": "what facts of the host are called that are masks of attributes",
        "kvm.s390.uv.0": "a value of the host that the probe finds",
        "kvm.s390.extension.": "what facts of the host are called that are masks of extensions",
        "kvm.s390.generation.": "what facts of the host are called that are masks of generations",
    },
    "host/kvm_loongarch.py": {
        "kvm-device": "how a capability is asked for",
        "kvm-loongarch-feature": "how a capability is asked for",
        "kvm-loongarch-cpucfg": "how a capability is asked for",
        "kvm.loongarch.cpucfg.": "what facts of the host are called that are words of CPUCFG",
    },
    "host/kvm_riscv.py": {
        "kvm-device": "how a capability is asked for",
        "kvm-riscv-registers": "how a capability is asked for",
        "kvm-riscv-isa": "how a capability is asked for",
        "kvm-riscv-sbi": "how a capability is asked for",
        "kvm.riscv.registers": "a value of the host that the probe finds",
        "kvm.riscv.register.": "what facts of the host are called that are registers of a vCPU",
        "kvm.riscv.writable.": "what facts of the host are called that are masks of these",
        "kvm.riscv.cbom-block-size": "a value of the host that the probe finds",
        "kvm.riscv.cboz-block-size": "a value of the host that the probe finds",
        "kvm.riscv.mvendorid": "a value of the host that the probe finds",
        "kvm.riscv.marchid": "a value of the host that the probe finds",
        "kvm.riscv.mimpid": "a value of the host that the probe finds",
        "kvm.riscv.satp-mode": "a value of the host that the probe finds",
        "kvm.riscv.timer-frequency": "a value of the host that the probe finds",
        "kvm.riscv.vector-bits": "a value of the host that the probe finds",
    },
    "host/macvtap.py": {
        "macvtap": "rtnetlink's kind of link",
        "/macvtap/tap": "a path of sysfs",
        "/dev/tap": "a path of devtmpfs",
    },
    "host/nodes.py": {
        "vhost-ioctl": "how a capability is asked for",
        "vhost-features": "how a capability is asked for",
        "vhost-features-array": "how a capability is asked for",
        "vhost-backend-features": "how a capability is asked for",
    },
    "host/order.py": {
        "kvm": "/dev/kvm, a kernel interface",
        "/dev/tap*": "a path of devtmpfs",
        "macvtap": "a kernel interface that the probe makes",
        "kvm-extension": "how a capability is asked for",
        "kvm-cpuid": "how a capability is asked for",
        "kvm-hv-cpuid": "how a capability is asked for",
        "kvm-mce-cap": "how a capability is asked for",
        "kvm-device": "how a capability is asked for",
        "kvm-device-attribute": "how a capability is asked for",
        "kvm-arm-ipa": "how a capability is asked for",
        "kvm-arm-registers": "how a capability is asked for",
        "kvm-arm-psci": "how a capability is asked for",
        "kvm-arm-sve": "how a capability is asked for",
        "kvm-vm-attribute": "how a capability is asked for",
        "kvm-s390-model": "how a capability is asked for",
        "kvm-s390-feature": "how a capability is asked for",
        "kvm-ppc-type": "how a capability is asked for",
        "kvm-ppc-characteristics": "how a capability is asked for",
        "kvm-ppc-hash-page": "how a capability is asked for",
        "kvm-ppc-decrementer": "how a capability is asked for",
        "kvm-ppc-since-level": "how a capability is asked for",
        "kvm-ppc-radix": "how a capability is asked for",
        "kvm-riscv-registers": "how a capability is asked for",
        "kvm-riscv-isa": "how a capability is asked for",
        "kvm-riscv-sbi": "how a capability is asked for",
        "kvm-loongarch-cpucfg": "how a capability is asked for",
        "kvm-loongarch-feature": "how a capability is asked for",
        "vhost-features": "how a capability is asked for",
        "vhost-features-array": "how a capability is asked for",
        "vhost-backend-features": "how a capability is asked for",
        "vhost-ioctl": "how a capability is asked for",
    },
    "launch/ahead.py": {"kvm": "what a command line says that runs on the processor itself"},
    "launch/device_options.py": {"hubport": "a netdev that only leads to another one"},
    "launch/host_files.py": {"vnet_hdr": "the option that a flag of the kernel's answers for"},
    "launch/passthrough.py": {
        "enable-kvm": "an option of QEMU that is read before anything is imported",
        "no-kvm": "an option of QEMU that is read before anything is imported",
    },
    "model/cpu.py": {
        r"kvm\.cpuid\.([0-9a-f]{8})\.([0-9a-f]{2})\.(e[a-d]x)": "what such facts are called",
        r"kvm\.msr\.([0-9a-f]{8})": "what such facts are called",
        r"kvm\.s390\.([a-z0-9]+)\.([0-9])": "what such facts are called",
    },
    "qemu/binary.py": {
        "/usr/libexec/qemu-kvm": "where a QEMU lies",
        "kvm": "what a QEMU is called", "qemu-kvm": "what a QEMU is called",
        "x86_64": "uname's word for a machine", "aarch64": "uname's word for a machine",
        "ppc64": "uname's word for a machine",
    },
    "qemu/here.py": {
        "kvm": "an accelerator that a process is started with",
        "tcg": "an accelerator that a process is started with",
        "qtest": "an accelerator that a process is started with",
        "query-kvm": "QMP",
    },
    "qemu/inventory.py": {
        "tcg": "an accelerator that a process is started with",
        "kvm": "an accelerator that a process is started with",
        "query-kvm": "QMP",
    },
    "qemu/modules.py": {"/usr/lib64/qemu-kvm": "where a QEMU's modules lie"},
    "qemu/paused.py": {
        "socket,id=qtest,fd=1": "QEMU's protocol of that name",
        "chardev:qtest": "QEMU's protocol of that name",
    },
    "qemu/qtest.py": {
        "tcg": "an accelerator that a process is started with",
        "kvm": "an accelerator that a process is started with",
        "enable-kvm": "an option that asks for an accelerator",
    },
    "rehearsal/fitting.py": {
        "hubport": "QEMU's own hub, which takes nothing of the host",
        "kvm": "an accelerator that this user may not have",
        "tcg": "the accelerator that does for it",
        "-enable-kvm": "an option of QEMU's",
    },
    "source/domain_board.py": {"host-model": "libvirt's mode of a CPU"},
    "source/domain_places.py": {"virtio-serial": "libvirt's kind of an address"},
    "source/qm.py": {"kvm": "a key of Proxmox VE's", "virtio": "a key of Proxmox VE's"},
    "source/qm_board.py": {
        "kvm": "a key of Proxmox VE's, and an option that hides KVM",
        "tcg": "the accelerator where that key is off",
        "guest-phys-bits": "an option of Proxmox VE's",
    },
    "source/qm_config.py": {"virtio": "a key of Proxmox VE's"},
    "source/qm_devices.py": {"virtio": "a model of Proxmox VE's"},
    "source/qm_disks.py": {"virtio": "a key of Proxmox VE's"},
    "verifier/identity.py": {"kvm": "QMP's answer to query-kvm"},
    "verifier/running.py": {
        "kvm": "QMP's answer to query-kvm", "query-kvm": "QMP",
        "hubport": "what info network calls by its place only",
    },
}  # fmt: skip


def _defined() -> frozenset[str]:
    """Return every name that the definitions have and that is no common word."""
    catalogue = pa.FileCatalogue([DEFINITIONS])
    table = catalogue.devices()
    names = {*table.accelerators, *catalogue.capabilities(), *catalogue.platform_names()}
    names |= {catalogue.platform(name).lineage for name in catalogue.platform_names()}
    for family in table.families:
        names |= {family.name, family.driver, *family.proxies}
    for backend in table.backends:
        names |= {backend.name, *backend.netdev}
    for stem in catalogue.feature_stems():
        for feature in catalogue.features(stem):
            names |= {feature.id, *feature.properties}
            names |= {text for place in feature.properties for text in place.split(".", 1)}
    for arch in {path.stem for path in (DEFINITIONS / "machines").glob("*/*.toml")}:
        for build in catalogue.builds(arch):
            names |= {arch, build, *catalogue.build(build, arch).machines}
            names |= catalogue.property_rows(build, arch).keys()
    # One word in lower case is in no sentence what it is in a command line.
    return frozenset(names) - PLAIN - {name for name in names if _COMMON.fullmatch(name)}


#: Words such as ``machine``, ``version`` or ``file``, which QEMU uses as everybody does.
_COMMON = re.compile(r"(?!kvm$|tcg$|hvf$|whpx$|nvmm$|mshv$|qtest$|tap$|slirp$|hubport$)[a-z]{1,14}")

#: The first release that has something, as in the definitions; 0.0 is before any.
_RELEASE = re.compile(r"(?!0\.)[0-9]{1,2}\.[0-9]{1,2}(\.[0-9]{1,3})?")

DEFINED = _defined()


def constants(text: str) -> Iterator[tuple[int, str]]:
    """Yield line and value of every string in *text* that a program decides by.

    Docstrings, sentences, and what an argument or a field is by default are for people to read and
    to override.
    """
    tree = ast.parse(text)
    left_out = set()
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            left_out.add(id(body[0].value))
        if isinstance(node, ast.JoinedStr):  # a sentence that is filled in
            said = [each for each in node.values if isinstance(each, ast.Constant)]
            left_out |= {id(each) for each in said if any(" " in str(one.value) for one in said)}
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            left_out |= {id(each) for each in (*node.args.defaults, *node.args.kw_defaults)}
        if isinstance(node, ast.ClassDef):
            left_out |= {id(each.value) for each in node.body if isinstance(each, ast.AnnAssign)}
            left_out |= {
                id(word.value)
                for each in node.body
                if isinstance(each, ast.AnnAssign) and isinstance(each.value, ast.Call)
                for call in ast.walk(each.value)
                if isinstance(call, ast.Call)
                for word in call.keywords
            }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
            continue
        if id(node) not in left_out and " " not in node.value:
            yield node.lineno, node.value


def names(value: str) -> bool:
    """Return whether *value* is, or holds, a name of QEMU's, of a kernel or of a distribution."""
    words = {value, *re.split(r"[^A-Za-z0-9_.+-]", value)}
    return (
        any(part in value for part in PARTS)
        or not DEFINED.isdisjoint(words)
        or any(_RELEASE.fullmatch(word) for word in words)
    )


@pytest.mark.parametrize(
    "path", [p for p in FILES if _room(p) not in {"testing", "_version"}], ids=_name
)
def test_no_room_knows_a_name_that_is_data(path: Path) -> None:
    """Drivers, properties, kernels, distributions and capabilities are data, in every room."""
    allowed = ALLOWED.get(_name(path), {})
    told = {value: line for line, value in constants(path.read_text("utf-8")) if names(value)}

    assert {} == {value: line for value, line in told.items() if value not in allowed}
    assert set() == allowed.keys() - told.keys(), "no longer there: take them from ALLOWED"


def test_what_is_allowed_stands_in_files_that_there_are() -> None:
    """A file that went takes its names with it, and each name has a reason."""
    assert ALLOWED.keys() <= {_name(path) for path in FILES}
    assert all(reason for words in ALLOWED.values() for reason in words.values())


@pytest.mark.parametrize(
    "value",
    ["virtio-net-pci", "x86_64", "tap+vhost", "6.2", "linux-rhel-9.4", "tun.uso", "q35,kvm"],
)
def test_a_name_is_noticed(value: str) -> None:
    """The test above can fail: by a driver, an architecture, a backend, a kernel, a capability."""
    code = f'"""{value}"""\nif x == {value!r}:\n    pass\n'
    assert [(2, value)] == list(constants(code))
    assert names(value)
    assert not names("machine")
