"""CPU flags and models: what the definitions say of them against what real QEMUs do.

A QEMU says of each flag that it cannot give which bit of which register that is, and shows the bits
of those that it can. Which is which depends on accelerator and host, and is no matter here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

import platform_abi as pa
from platform_abi.compat.cpu_flags import flag_fact
from platform_abi.host.probe import probe
from platform_abi.model.cpu import is_msr
from platform_abi.qemu.stdio_qmp import Qmp, QmpError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from platform_abi.model.cpu import Bit, CpuTable

pytestmark = pytest.mark.live

_ARCH = "x86_64"

#: target/i386/cpu.c, mark_unavailable_features; QEMUs before 11.0 leave the subleaf out.
_SAID = re.compile(
    r"(?:requested feature|not requested): (?P<place>CPUID\S*?E[A-D]X|MSR\([0-9A-F]+[Hh]\))"
    r"\.(?P<name>\S+) \[bit (?P<bit>\d+)\]"
)
_NUMBERS = re.compile(r"(?<![A-Za-z])[0-9A-F]+(?=[Hh])")

#: A leaf that follows from the flags by itself (x86_cpu_enable_xsave_components).
_FOLLOWS = "kvm.cpuid.0000000d.00."
#: APX has its state where that of MPX was, and a CPU with both has neither (since QEMU 11.0).
_EXCLUSIVE = {"apxf", "mpx"}

_OF_KVM = "kvm.cpuid.40000001."


@pytest.fixture(scope="module")
def table(catalogue: pa.FileCatalogue) -> CpuTable:
    """Return what the definitions say of CPU flags."""
    return catalogue.cpus()[_ARCH]


def _known(binary: Path, table: CpuTable) -> list[str]:
    """Return the flags that *binary* has as well."""
    with Qmp(str(binary), ("-machine", "none"), timeout=60) as qmp:
        found = qmp.execute("qom-list-properties", typename="max-x86_64-cpu")
    return sorted({each["name"] for each in found} & table.bits.keys())


def _cpu(binary: Path, accelerator: str, flags: Sequence[str]) -> tuple[set[Bit], str]:
    """Return the bits that a guest's CPU with *flags* has, and what QEMU says of the others."""
    # With KVM it is else the host's, and one of AMD's has flags of leaf 1 once more.
    own = ("base", "vendor=GenuineIntel", "check=on", "pmu=on")
    cpu = ",".join([*own, *(f"{flag}=on" for flag in flags)])
    words = ("-machine", "q35", "-accel", accelerator, "-nodefaults", "-cpu", cpu)
    path = "/machine/unattached/device[0]"
    with Qmp(str(binary), words, timeout=60) as qmp:
        found = qmp.execute("qom-get", path=path, property="feature-words")
        said = qmp.stderr
    registers = {
        f"kvm.cpuid.{e['cpuid-input-eax']:08x}.{e.get('cpuid-input-ecx', 0):02x}."
        f"{e['cpuid-register'].lower()}": e["features"]
        for e in found
    }
    return {(r, b) for r, word in registers.items() for b in range(32) if word >> b & 1}, said


def _taken(binary: Path, table: CpuTable, flags: Sequence[str]) -> list[str]:
    """Return *flags* without those that this host's KVM lists, and ends QEMU over.

    Linux 6.18 on a processor of AMD's offers bits of IA32_ARCH_CAPABILITIES by KVM_GET_MSRS, and
    lets KVM_SET_MSRS set none of them, whatever CPUID the guest has.
    """
    gated = {*table.behind["arch-capabilities"]} & {*flags}
    try:
        _cpu(binary, "kvm", ["arch-capabilities", *gated])
    except QmpError as error:
        if "MSR 0x10a" not in str(error):
            raise
        return [flag for flag in flags if flag not in gated]
    return [*flags]


def _refused(said: str, table: CpuTable) -> Iterator[str]:
    """Yield the flags that QEMU does not give; each has to be where it says."""
    for match in _SAID.finditer(said):
        numbers = [int(text, 16) for text in _NUMBERS.findall(match["place"])]
        flag = table.flag(match["name"])
        assert flag, f"{match['name']} is no flag of the definitions"
        places = [register for register, bit in table.bits[flag] if bit == int(match["bit"])]
        assert places, match[0]
        assert any(_is_at(register, match["place"], numbers) for register in places), match[0]
        yield flag


def _is_at(register: str, place: str, numbers: list[int]) -> bool:
    if is_msr(register):
        return place.startswith("MSR") and register.endswith(f".{numbers[0]:08x}")
    _, _, leaf, subleaf, name = register.split(".")
    same = int(leaf, 16) == numbers[0] and name in place.lower()
    return same and (len(numbers) == 1 or int(subleaf, 16) == numbers[1])


@pytest.mark.parametrize("accelerator", ["tcg", "kvm"])
def test_each_flag_is_the_bit_that_qemu_makes_of_it(
    qemu_binaries: Mapping[str, Path],
    qemu_version: str,
    accelerator: str,
    table: CpuTable,
    request: pytest.FixtureRequest,
) -> None:
    """Given or refused, a flag is at its place, and no flag is at another's.

    Every flag has a number, and CPU after CPU has those flags whose number has one binary digit:
    two flags that the definitions mistake for each other are told apart by one of these CPUs.
    """
    if accelerator == "kvm":
        request.getfixturevalue("can_kvm")
    binary = qemu_binaries[qemu_version]
    flags = [
        flag
        for flag in _known(binary, table)
        # KVM's own are there under KVM only, and go without a word elsewhere.
        if accelerator == "kvm" or not table.bits[flag][0][0].startswith(_OF_KVM)
    ]
    if accelerator == "kvm":
        flags = _taken(binary, table, flags)
    for digit in range(len(flags).bit_length()):
        for value in (0, 1):
            on = [flag for number, flag in enumerate(flags) if number >> digit & 1 == value]
            bits, said = _cpu(binary, accelerator, on)
            refused = set(_refused(said, table))
            places = {place for flag in on for place in table.bits[flag]}
            own = {(register, bit) for register, bit in bits if not register.startswith(_FOLLOWS)}
            assert own <= places
            given = {place for flag in on if flag not in refused for place in table.bits[flag]}
            shown = {place for place in given if not is_msr(place[0])}
            # What is neither given nor refused was taken away because of another flag.
            behind = {flag for gate in table.behind for flag in table.behind[gate]} | _EXCLUSIVE
            lost = shown - own
            assert lost <= {place for flag in behind & set(on) for place in table.bits[flag]}


@pytest.mark.parametrize("accelerator", ["tcg", "kvm"])
def test_a_model_has_the_flags_that_qemu_expands_it_to(
    qemu_binaries: Mapping[str, Path],
    qemu_version: str,
    accelerator: str,
    table: CpuTable,
    request: pytest.FixtureRequest,
) -> None:
    """By itself, with vmx and with svm, in every QEMU that knows the model."""
    if accelerator == "kvm":
        request.getfixturevalue("can_kvm")
    words = ("-machine", "none", "-accel", accelerator)
    with Qmp(str(qemu_binaries[qemu_version]), words) as qmp:
        names = [each["name"] for each in qmp.execute("query-cpu-definitions")]
        seen = 0
        for name in sorted(set(names) & table.models.keys()):
            for more in ((), ("vmx",), ("svm",)):
                props = dict.fromkeys(more, True)
                model = {"name": name, "props": props}
                found = qmp.execute("query-cpu-model-expansion", type="full", model=model)
                on = {key for key, value in found["model"]["props"].items() if value is True}
                theirs = {table.flag(key) for key in on} - {""}
                ours = set(table.model_flags(name, accelerator) | set(more))
                for gate, behind in table.behind.items():
                    ours -= set(behind) if gate not in ours else set()
                assert theirs == ours, f"{name} {more}"
                seen += 1
        left_out = set(names) - table.models.keys()
    assert seen > 100
    assert left_out <= {"host", "max", "base"}


def test_what_this_host_lacks_of_a_model_is_what_qemu_says(
    catalogue: pa.FileCatalogue,
    qemu_binaries: Mapping[str, Path],
    qemu_version: str,
    table: CpuTable,
    can_kvm: None,
) -> None:
    """The registers of this host's report, asked flag by flag, against query-cpu-definitions."""
    del can_kvm
    report = probe(catalogue.capabilities())
    with Qmp(str(qemu_binaries[qemu_version]), ("-machine", "none", "-accel", "kvm")) as qmp:
        models = qmp.execute("query-cpu-definitions")
    for model in models:
        if model["name"] not in table.models:
            continue
        flags = set(table.model_flags(model["name"], "kvm"))
        for gate, behind in table.behind.items():
            flags -= set(behind) if gate not in flags else set()
        states = {flag: flag_fact(table, report, flag).state for flag in flags}
        absent = {flag for flag, state in states.items() if state == "absent"}
        open_ = {flag for flag, state in states.items() if state == "unknown"}
        theirs = {table.flag(name) for name in model["unavailable-features"]}
        assert absent <= theirs <= absent | open_, model["name"]


def test_what_a_release_emulates_is_what_its_tcg_gives(
    qemu_binaries: Mapping[str, Path], qemu_version: str, table: CpuTable
) -> None:
    """Every flag that it knows is asked for, and those that a guest's CPU has are the recorded."""
    binary = qemu_binaries[qemu_version]
    flags = _known(binary, table)
    given: set[str] = set()
    for without in _EXCLUSIVE:
        bits, _ = _cpu(binary, "tcg", [flag for flag in flags if flag != without])
        given |= {flag for flag in flags if bits.issuperset(table.bits[flag])}
    assert given == table.emulated[qemu_version]
