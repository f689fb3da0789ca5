"""A virtual machine's CPU before a host, flag by flag: what the registers of a report say."""

from __future__ import annotations

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.compat.cpu_models import runnable_models
from platform_abi.model.cpu import spell_bit
from platform_abi.model.host import CPU_MODELS
from tests.compat.cpu_hosts import (
    ARCH,
    BUILD,
    CATALOGUE,
    EVERY,
    MODELS,
    TABLE,
    abi,
    flags,
    found,
    host,
    moves,
    without,
)
from tests.compat.without_qemu import check

# --- flags that the user gives -------------------------------------------------------------------


@given(flags)
def test_a_flag_is_what_its_bit_says(flag: str) -> None:
    """Absent blocks and names flag and bit, present passes, a register nobody read is unknown."""
    cpu = f"486,{flag}=on"
    assert [] == found(cpu, host(EVERY))

    (absent,) = found(cpu, host(without(flag)))
    assert ("cpu-flag", "blocked") == (absent.code, absent.severity)
    assert flag in absent.message
    assert all(spell_bit(place) in absent.message for place in TABLE.bits[flag])

    (register, _), *_ = TABLE.bits[flag]
    unread = host({name: word for name, word in EVERY.items() if name != register})
    assert {("cpu-flag-unknown", "blocked")} == {
        (f.code, f.severity) for f in found(cpu, unread) if flag in f.message.split()[2]
    }
    allowed = found(cpu, unread, allow_unknown=True)
    assert {"warn"} == {f.severity for f in allowed}


@given(flags, st.sampled_from(["{}=off", "-{}"]))
def test_a_flag_that_is_taken_away_asks_nothing(flag: str, spelling: str) -> None:
    """Whatever the model has, what is off is not looked for."""
    cpu = f"Skylake-Server-v4,{spelling.format(flag)}"
    assert not any(f"{flag} (" in f.message for f in found(cpu, host(without(flag))))


@pytest.mark.parametrize(
    ("cpu", "given"),
    [
        ("qemu64,+waitpkg", []),
        ("qemu64,waitpkg=yes", []),
        ("qemu64", ["x86_64-cpu.waitpkg=on"]),
        ("qemu64", ["qemu64-x86_64-cpu.waitpkg=true"]),
    ],
)
def test_every_way_to_give_a_flag_counts(cpu: str, given: list[str]) -> None:
    """Options of -cpu in all spellings, and -global of the model or of what all models are."""
    vm = pa.virtual_machine(CATALOGUE.devices(), "pc-q35-9.1", cpu=cpu, globals_=given)
    verdict = check(CATALOGUE, pa.resolve(CATALOGUE, vm, "linux-6.9"), host(without("waitpkg")))
    assert [("cpu-flag", "x86_64-cpu.waitpkg")] == [
        (f.code, f.property) for f in verdict.findings if f.code == "cpu-flag"
    ]


def test_a_flag_that_waits_for_another_is_told_of_it() -> None:
    """QEMU takes away what stands behind a flag that is off, and enforce makes that an end."""
    (dangling,) = [f for f in found("qemu64,vmx-ept=on", host(EVERY)) if "vmx-ept" in f.message]
    assert ("cpu-flag", "blocked") == (dangling.code, dangling.severity)
    assert "vmx" in dangling.help


def test_a_property_that_nobody_described_is_told() -> None:
    """What a table does not know is no flag of the host's, and not fine either."""
    (unknown,) = found("qemu64,new-flag=on", host(EVERY))
    assert ("cpu-property-unknown", "blocked") == (unknown.code, unknown.severity)
    assert "warn" == found("qemu64,new-flag=on", host(EVERY), allow_unknown=True)[0].severity
    assert [] == found("qemu64,new-flag=off,model-id=x,phys-bits=46,hv-relaxed=on", host(EVERY))


def test_an_emulated_cpu_asks_nothing_of_the_host() -> None:
    """Under TCG the flags are QEMU's own."""
    vm = pa.virtual_machine(
        CATALOGUE.devices(), "pc-q35-9.1", cpu="qemu64,waitpkg=on", accelerator="tcg"
    )
    verdict = check(CATALOGUE, pa.resolve(CATALOGUE, vm, "linux-6.9"), pa.HostReport(arch=ARCH))
    assert not any(f.code.startswith("cpu-") for f in verdict.findings)


# --- models --------------------------------------------------------------------------------------


@given(st.sampled_from(MODELS))
def test_a_model_runs_where_every_bit_is(name: str) -> None:
    """A host with every bit lacks no flag of any model; one without any lacks all asked for."""
    assert [] == [f for f in found(name, host(EVERY)) if f.code == "cpu-model"]
    nothing = found(name, host(dict.fromkeys(EVERY, 0), sets={"kvm.extensions": ()}))
    assert "cpu-model" in {f.code for f in nothing} or not TABLE.flags_of(name)


def test_what_a_host_lacks_of_a_model_is_named_and_what_would_do() -> None:
    """The flag, its bit, and models that this host can run, the best first."""
    (lacking,) = found("Skylake-Server-v4", host(without("avx512f")))
    assert "avx512f (CPUID 7.0.ebx[16])" in lacking.message
    assert ("cpu-model", "blocked") == (lacking.code, lacking.severity)
    named = lacking.help.rpartition(": ")[2].split(", ")
    models = runnable_models(CATALOGUE, ARCH, BUILD, host(without("avx512f")))
    assert named[0] == next(name for name, state in models.items() if state == "present")
    assert "absent" == models["Skylake-Server-v4"]
    assert not any("avx512f" in TABLE.model_flags(name, "kvm") for name in named)


def test_a_qemu_that_was_asked_knows_better_than_registers() -> None:
    """What it says it can run runs; a register that says less is doubted, not believed."""
    report = host(without("pni"), sets={CPU_MODELS: ("Skylake-Server-v4",)})
    assert [] == found("Skylake-Server-v4", report)
    registers = {**without("pni"), "kvm.cpuid.00000001.00.ecx": 0}
    doubted = host(registers, sets={CPU_MODELS: ("Skylake-Server-v4",)})
    (vmx,) = found("Skylake-Server-v4,dca=on", doubted)
    assert ("cpu-flag-unknown", "warn") == (vmx.code, vmx.severity)
    assert "contradicts itself" in vmx.message


# --- between two hosts ---------------------------------------------------------------------------


def test_nested_guests_move_between_hosts_that_provably_agree() -> None:
    """vmx=on: fine where all registers of nested VMX are the same, blocked where one differs."""
    cpu = "Skylake-Server-v4,vendor=GenuineIntel,vmx=on"
    one = host(EVERY)
    assert "ok" == moves(cpu, one, host(EVERY))
    other = host({**EVERY, "kvm.msr.00000488": 1})
    assert "blocked" == moves(
        cpu, evolve(one, values={**one.values, "kvm.msr.00000488": "0x2"}), other
    )
    silent = evolve(one, values={"cpu.vendor": "GenuineIntel"})
    assert "blocked" == moves(cpu, one, silent)


def test_the_vendor_is_a_matter_of_two_hosts() -> None:
    """A model without vendor= is migratable; hosts of two vendors are told apart by the check."""
    cpu = "Skylake-Server-v4"
    assert abi(cpu).migratable
    intel = host(EVERY)
    amd = evolve(intel, values={**intel.values, "cpu.vendor": "AuthenticAMD"})
    unsaid = evolve(intel, values={k: v for k, v in intel.values.items() if k != "cpu.vendor"})
    verdicts = [moves(cpu, intel, each) for each in (intel, amd, unsaid)]
    assert ["ok", "blocked", "warn"] == verdicts


def test_bits_that_the_platform_settles_make_no_two_hosts() -> None:
    """-cpu host moves where hosts differ in a flag that is off by platform or by the user."""
    one = host(EVERY, numbers={"kvm.phys-bits": 46})
    one = evolve(one, values={**one.values, "cpu.model": "6.85.4"})
    fewer = {name: one.masks[name] for name in one.masks}
    (register, bit), *_ = TABLE.bits["kvm-asyncpf-int"]
    pinned = evolve(one, masks={**fewer, register: fewer[register] & ~(1 << bit)})
    assert "ok" == moves("host", one, pinned)
    (register, bit), *_ = TABLE.bits["avx2"]
    other = evolve(one, masks={**fewer, register: fewer[register] & ~(1 << bit)})
    assert "blocked" == moves("host", one, other)
    assert "ok" == moves("host,avx2=off", one, other)
