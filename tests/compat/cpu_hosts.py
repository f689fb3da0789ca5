"""Hosts by the registers that they have, and virtual machines by their -cpu."""

from __future__ import annotations

from typing import Any

from attrs import evolve
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.compat.cpu_asked import settled_flags
from platform_abi.compat.finding import Finding
from platform_abi.model.cpu import CpuTable, is_msr
from platform_abi.model.host import Fact
from tests.compat.without_qemu import check, check_migration
from tests.definitions.site import DEFINITIONS

CATALOGUE = pa.FileCatalogue([DEFINITIONS])
TABLE: CpuTable = CATALOGUE.cpus()["x86_64"]
ARCH = "x86_64"
BUILD = CATALOGUE.builds(ARCH)[0]
#: CPU models that the build has for which virtual machines are resolved; others are of older ones.
MODELS = sorted(TABLE.models.keys() & CATALOGUE.cpu_models(BUILD, ARCH).keys())

#: What every register holds that has every bit; controls say that no bit has to be 1.
EVERY = {
    register: (2**32 - 1) << 32 if register in TABLE.controls else 2**64 - 1
    for places in TABLE.bits.values()
    for register, _ in places
}

#: Flags that only their bit decides, and no feature, board or other flag.
PLAIN = sorted(
    TABLE.bits.keys()
    - settled_flags(CATALOGUE, ARCH)
    - {flag for grant in TABLE.grants for flag in grant.flags}
    - {flag for behind in TABLE.behind.values() for flag in behind}
    - {"vmx", "svm", "invtsc", "avx10", "sgx", "amx-tile", "mpx", "pku", "avx512f"}
)
flags = st.sampled_from(PLAIN)


def host(registers: dict[str, int], **said: Any) -> pa.HostReport:
    """Return a host with every capability, and *registers*."""
    report = pa.HostReport(
        facts=dict.fromkeys(CATALOGUE.capabilities(), Fact(state="present", source="ioctl")),
        system="linux",
        arch=ARCH,
        masks={name: word & 0xFFFF_FFFF for name, word in registers.items() if not is_msr(name)},
        sets={
            "kvm.msr-features": tuple(
                f"{int(name.rpartition('.')[2], 16):#x}" for name in EVERY if is_msr(name)
            ),
            "kvm.extensions": ("72",),
        },
        values={
            "cpu.vendor": "GenuineIntel",
            **{name: f"{word:#x}" for name, word in registers.items() if is_msr(name)},
        },
    )
    return evolve(report, **said)


def without(flag: str) -> dict[str, int]:
    """Return every register with every bit, but for those of *flag*."""
    registers = dict(EVERY)
    for register, bit in TABLE.bits[flag]:
        shift = bit + 32 if register in TABLE.controls else bit
        registers[register] &= ~(1 << shift)
    return registers


def exactly(model: str) -> pa.HostReport:
    """Return a host that has the flags of CPU model *model*, and no other."""
    registers = dict.fromkeys(EVERY, 0)
    for flag in TABLE.model_flags(model, TABLE.accelerator):
        for register, bit in TABLE.bits[flag]:
            registers[register] |= 1 << (bit + 32 if register in TABLE.controls else bit)
    return host(registers, values={"cpu.vendor": TABLE.models[model].vendor})


def abi(cpu: str, **said: Any) -> pa.GuestAbi:
    """Return the ABI of a virtual machine with *cpu*."""
    vm = pa.virtual_machine(CATALOGUE.devices(), "pc-q35-9.1", cpu=cpu, **said)
    return pa.resolve(CATALOGUE, vm, "linux-6.9")


def found(cpu: str, report: pa.HostReport, **how: Any) -> list[Finding]:
    """Return what speaks against *cpu* on the host of *report*."""
    verdict = check(CATALOGUE, abi(cpu), report, **how)
    return [each for each in verdict.findings if each.code.startswith("cpu-")]


def moves(cpu: str, here: pa.HostReport, there: pa.HostReport) -> str:
    """Return whether a guest with *cpu* may move from *here* to *there* and back."""
    return check_migration(CATALOGUE, abi(cpu), here, there).status
