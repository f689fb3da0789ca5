#!/usr/bin/env python3
"""Asks QEMUs which register and bit each CPU flag is, and which flags each CPU model has.

    tools/x86_cpus.py QEMU_SYSTEM_X86_64 ...     # the newest first

It writes ``x86_64-flags.toml``, ``-models.toml`` and ``-emulated.toml`` of ``definitions/cpus`` by
nothing but what binaries do, in two minutes for each, and needs /dev/kvm: KVM's own flags are
there under KVM only. ``tests/live/test_cpus.py`` holds all three against binaries.

A flag's place is told in one of two ways. With ``check=on`` QEMU says of a flag that it cannot give
which register and bit it is (target/i386/cpu.c, mark_unavailable_features); with one that it can
give, the property ``feature-words`` of a CPU changes. QEMUs before 11.0 leave the subleaf out of
what they say, so the newest is asked first and the others must agree.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from platform_abi.files import write_text
from platform_abi.qemu.stdio_qmp import Qmp, QmpError

FOLDER = Path(__file__).resolve().parents[1] / "definitions" / "cpus"

#: A register as reports name it, and a bit of it.
Bit = tuple[str, int]

#: A boolean of every model that is no flag: how QEMU makes up CPUID, not what it shows in a bit.
_NO_FLAG = re.compile(
    r"check|enforce|migratable|kvm|pmu|lmce|hot(un)?plugg(ed|able)|realized|start-powered-off"
    r"|x-.*|hv-.*|xen-.*|.*-cache(-info)?|cpuid-0xb|full-cpuid-.*|host-phys-bits|fill-mtrr-mask"
    r"|tcg-cpuid|vmware-cpuid-freq|legacy-multi-node|kvm-no-smi-migration|kvm-pv-enforce-cpuid"
)

#: This leaf follows from the flags by itself (x86_cpu_enable_xsave_components): what is there is
#: no flag of its own.
_FOLLOWS = "kvm.cpuid.0000000d.00."

_SAID = re.compile(
    r"(?:requested feature|not requested): "
    r"(?:CPUID\.(?P<leaf>[0-9A-F]+)H(?:_(?P<sub>[0-9A-F]+)H)?:(?P<reg>E[A-D]X)"
    r"|CPUID\[eax=(?P<leaf2>[0-9A-F]+)h(?:,ecx=(?P<sub2>[0-9A-F]+)h)?\]\.(?P<reg2>E[A-D]X)"
    r"|MSR\((?P<msr>[0-9A-F]+)[Hh]\))"
    r"\.(?P<name>\S+) \[bit (?P<bit>\d+)\]"
)

_REGISTERS = ("EAX", "EBX", "ECX", "EDX")


class Binary:
    """One QEMU, started once for each flag."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._words: dict[tuple[str, str], tuple[dict[str, int], str]] = {}

    def start(self, accelerator: str, cpu: str) -> Qmp:
        """Return a QEMU with one CPU that is not running."""
        words = ("-machine", "q35", "-accel", accelerator, "-nodefaults", "-cpu", cpu)
        return Qmp(self.path, words, timeout=30)

    def flags(self) -> list[str]:
        """Return the names of all booleans that may be flags, without QEMU's older spellings."""
        with Qmp(self.path, ("-machine", "none", "-accel", "kvm"), timeout=30) as qmp:
            found = qmp.execute("qom-list-properties", typename="max-x86_64-cpu")
        names = sorted(each["name"] for each in found if each["type"] == "bool")
        return [name for name in names if "_" not in name and not _NO_FLAG.fullmatch(name)]

    def words(self, accelerator: str, cpu: str) -> tuple[dict[str, int], str]:
        """Return the feature words of a CPU, and what QEMU said about it; asked once each."""
        if (accelerator, cpu) not in self._words:
            self._words[accelerator, cpu] = self._ask(accelerator, cpu)
        return self._words[accelerator, cpu]

    def _ask(self, accelerator: str, cpu: str) -> tuple[dict[str, int], str]:
        with self.start(accelerator, cpu) as qmp:
            path = "/machine/unattached/device[0]"
            found = qmp.execute("qom-get", path=path, property="feature-words")
            said = qmp.stderr
        return {
            _cpuid(
                each["cpuid-input-eax"], each.get("cpuid-input-ecx", 0), each["cpuid-register"]
            ): each["features"]
            for each in found
        }, said

    def place(self, flag: str, known: Iterable[str]) -> tuple[set[Bit], str]:
        """Return the bits of *flag*, and what QEMU calls it where it says that."""
        tries = (("tcg", ""), ("tcg", ",pmu=on"), ("kvm", ""), ("kvm", ",pmu=on"))
        for accelerator, more in tries:
            # The model "base" has nothing on, under any accelerator.
            off, _ = self.words(accelerator, f"base{more}")
            on, said = self.words(accelerator, f"base{more},check=on,{flag}=on")
            told = {
                (register, int(match["bit"])): match["name"]
                for match in _SAID.finditer(said)
                for register in [_said_register(match, match["name"], known)]
            }
            bits = set(told) or set(_changed(off, on))
            if bits:
                return bits, next(iter(told.values()), "")
        return set(), ""


def _cpuid(leaf: int, subleaf: int, register: str) -> str:
    return f"kvm.cpuid.{leaf:08x}.{subleaf:02x}.{register.lower()}"


def _said_register(match: re.Match[str], name: str, known: Iterable[str]) -> str:
    """Return the register of a message; one that leaves the subleaf out means one of *known*."""
    if match["msr"]:
        return f"kvm.msr.{int(match['msr'], 16):08x}"
    if match["leaf2"]:
        return _cpuid(int(match["leaf2"], 16), int(match["sub2"] or "0", 16), match["reg2"])
    leaf, register = int(match["leaf"], 16), match["reg"]
    if match["sub"]:
        return _cpuid(leaf, int(match["sub"], 16), register)
    start, end = f"kvm.cpuid.{leaf:08x}.", f".{register.lower()}"
    places = [each for each in known if each.startswith(start) and each.endswith(end)]
    if len(places) > 1:
        msg = f"{name}: of which of {places}? Name a newer QEMU first"
        raise SystemExit(msg)
    return places[0] if places else _cpuid(leaf, 0, register)


def _changed(off: Mapping[str, int], on: Mapping[str, int]) -> Iterator[Bit]:
    for register, word in on.items():
        if not register.startswith(_FOLLOWS):
            gained = word & ~off.get(register, 0)
            yield from ((register, bit) for bit in range(32) if gained >> bit & 1)


class Flags:
    """Which bits each flag is, by all binaries together."""

    def __init__(self) -> None:
        self.bits: dict[str, set[Bit]] = {}
        self.called: Counter[str] = Counter()
        self.without: set[str] = set()

    def ask(self, binary: Binary) -> None:
        """Add what *binary* says; raises SystemExit where it contradicts an earlier one."""
        for flag in binary.flags():
            known = {register for bits in self.bits.values() for register, _ in bits}
            mine = {register for register, _ in self.bits.get(flag, ())}
            bits, name = binary.place(flag, mine or known)
            self.called[name] += bool(name)
            if not bits:
                self.without.add(flag)
            elif self.bits.setdefault(flag, bits) != bits:
                raise SystemExit(f"{binary.path}: {flag} is {bits}, and was {self.bits[flag]}")
        self.without -= self.bits.keys()

    def table(self) -> dict[str, dict[int, list[str]]]:
        """Return names by register and bit, QEMU's own name first."""
        found: dict[str, dict[int, list[str]]] = {}
        for flag in sorted(self.bits):
            for register, bit in self.bits[flag]:
                found.setdefault(register, {}).setdefault(bit, []).append(flag)
        for bits in found.values():
            for names in bits.values():
                names.sort(key=lambda name: (-self.called[name], name in _LESSER, name))
        return found


#: Other names of flags that every QEMU can give, so that none says what it calls them itself
#: (x86_cpu_register_feature_bit_props, the aliases at the end of x86_cpu_initfn).
_LESSER = frozenset({"i64", "xd", "sse3", "sse4-1", "sse4-2", "ffxsr", "pclmuldq"})


# --- models --------------------------------------------------------------------------------------


def expansions(qmp: Qmp, props: Mapping[str, bool]) -> dict[str, frozenset[str]]:
    """Return the booleans that are on in each model under KVM, with *props* given."""
    return {
        each["name"]: expanded(qmp, each["name"], props)
        for each in qmp.execute("query-cpu-definitions")
        if each.get("migration-safe") and not each["static"]
    }


def expanded(qmp: Qmp, model: str, props: Mapping[str, bool]) -> frozenset[str]:
    """Return the booleans that are on in *model* with *props*."""
    wanted = {"name": model, "props": dict(props)}
    found: dict[str, Any] = qmp.execute("query-cpu-model-expansion", type="full", model=wanted)
    return frozenset(name for name, value in found["model"]["props"].items() if value is True)


def vendors(path: str) -> dict[str, str]:
    """Return the vendor that each model is made for; KVM would say the host's."""
    with Qmp(path, ("-machine", "none", "-accel", "tcg"), timeout=30) as qmp:
        found = {}
        for each in qmp.execute("query-cpu-definitions"):
            if each.get("migration-safe") and not each["static"]:
                model = {"name": each["name"]}
                said = qmp.execute("query-cpu-model-expansion", type="full", model=model)
                found[each["name"]] = said["model"]["props"]["vendor"]
    return found


def models(paths: Iterable[str], first: Mapping[str, str]) -> dict[str, frozenset[str]]:
    """Return the flags of each model, by QEMU's own names: *first* has them for all names.

    They are those that the model has before an accelerator changes any; TCG changes only ``vme``
    (target/i386/tcg/tcg-cpu.c, tcg_default_props). What a model has behind ``vmx`` and ``svm`` is
    there when these are given. Raises SystemExit where two binaries mean two things by one name.
    """
    every: dict[str, frozenset[str]] = {}
    for path in paths:
        seen = []
        for accelerator in ("tcg", "kvm"):
            with Qmp(path, ("-machine", "none", "-accel", accelerator), timeout=30) as qmp:
                seen.append([expansions(qmp, {g: True} if g else {}) for g in ("", "vmx", "svm")])
        emulated, native = seen
        for name, flags in emulated[0].items():
            behind = frozenset().union(*(each[name] for each in emulated[1:])) - {"vmx", "svm"}
            own = flags | behind | (native[0][name] & {"vme"})
            mine = frozenset(first[flag] for flag in own if flag in first)
            if every.setdefault(name, mine) != mine:
                raise SystemExit(f"{path}: {name} differs by {sorted(every[name] ^ mine)}")
    return every


def emulated(path: str, table: Mapping[str, Mapping[int, list[str]]]) -> set[str]:
    """Return the flags that the TCG of *path* gives a guest, by QEMU's own names."""
    binary = Binary(path)
    own = {names[0] for bits in table.values() for names in bits.values()} & {*binary.flags()}
    found: set[str] = set()
    for without in ("apxf", "mpx"):  # a CPU has one of the two at most
        cpu = ",".join(["base", *(f"{flag}=on" for flag in sorted(own - {without}))])
        words, _ = binary.words("tcg", cpu)
        found |= {
            names[0]
            for register, bits in table.items()
            for bit, names in bits.items()
            if words.get(register, 0) >> bit & 1
        }
    return found & own


def behind(paths: Iterable[str], first: Mapping[str, str]) -> dict[str, set[str]]:
    """Return which flags a CPU loses without each flag: QEMU's feature_dependencies."""
    found: dict[str, set[str]] = {}
    for path in paths:
        with Qmp(path, ("-machine", "none", "-accel", "kvm"), timeout=30) as qmp:
            model = {"name": "base"}
            base = qmp.execute("query-cpu-model-expansion", type="full", model=model)
            every = dict.fromkeys(sorted({*first.values()} & base["model"]["props"].keys()), True)
            whole = expanded(qmp, "base", every)
            for flag in every:
                lost = whole - expanded(qmp, "base", {**every, flag: False})
                if names := {first[name] for name in lost if name in first} - {flag}:
                    found.setdefault(flag, set()).update(names)
    return found


# --- files ---------------------------------------------------------------------------------------

_HEAD = """\
# {title}
#
# Written by tools/x86_cpus.py from what QEMU {versions} do, and by no hand.

schema = 1
arch = "x86_64"
"""


def _names(names: Iterable[str]) -> str:
    return "[" + ", ".join(f'"{name}"' for name in names) + "]"


def _wrapped(key: str, names: Iterable[str]) -> str:
    lines, line = [f"{key} = ["], " "
    for name in names:
        word = f' "{name}",'
        if len(line + word) > 100:  # noqa: PLR2004 - as wide as other definitions
            lines.append(line)
            line = " "
        line += word
    if len(lines) == 1 and len(key + line) < 90:  # noqa: PLR2004
        return f"{key} = [{line.strip().removesuffix(',')}]"
    return "\n".join([*lines, line, "]"])


def flags_text(
    table: Mapping[str, Mapping[int, list[str]]], lost: Mapping[str, set[str]], versions: str
) -> str:
    """Return the file of flags."""
    title = "Which register and bit each flag of -cpu is, QEMU's own name before others."
    parts = [_HEAD.format(title=title, versions=versions)]
    for register in sorted(table):
        rows = [f"{bit} = {_names(table[register][bit])}" for bit in sorted(table[register])]
        parts.append(f'[register."{register}"]\n' + "\n".join(rows) + "\n")
    parts.append(
        "# What QEMU takes away as well where a flag is off (feature_dependencies).\n[behind]"
    )
    rows = [_wrapped(f'"{flag}"', sorted(names)) for flag, names in sorted(lost.items())]
    return "\n".join(parts) + "\n" + "\n".join(rows) + "\n"


def emulated_text(by_version: Mapping[str, set[str]], versions: str) -> str:
    """Return the file of what each release emulates."""
    title = "Which flags the TCG of each QEMU release gives a guest; the others it leaves out."
    rows = [_wrapped(f'"{version}"', sorted(flags)) for version, flags in by_version.items()]
    return _HEAD.format(title=title, versions=versions) + "\n[emulated]\n" + "\n".join(rows) + "\n"


def models_text(
    every: Mapping[str, frozenset[str]], made_for: Mapping[str, str], versions: str
) -> str:
    """Return the file of models: each as it differs from the version before it, if it has one."""
    title = (
        "Which flags each CPU model has under KVM; what stands behind vmx and svm counts with them."
    )
    parts = [_HEAD.format(title=title, versions=versions)]
    written: list[str] = []
    # What has a version first, for the other names are like one of these.
    for name in sorted(every, key=lambda each: (not _VERSIONED.search(each), _natural(each))):
        near = min(written, key=lambda each: len(every[each] ^ every[name]), default=name)
        whole = len(every[near] ^ every[name]) > len(every[name]) // 3 or near == name
        base = frozenset() if whole else every[near]
        added, gone = every[name] - base, base - every[name]
        parts.append(f'[model."{name}"]')
        parts += [] if whole else [f'like = "{near}"']
        if whole or made_for[near] != made_for[name]:
            parts.append(f'vendor = "{made_for[name]}"')
        parts += [_wrapped("flags", sorted(added))] if added else []
        parts += [_wrapped("without", sorted(gone))] if gone else []
        parts.append("")
        written.append(name)
    return "\n".join(parts)


_VERSIONED = re.compile(r"-v\d+$")


def _natural(name: str) -> tuple[object, ...]:
    return tuple(int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name))


def _version(path: str) -> str:
    with Qmp(path, ("-machine", "none"), timeout=30) as qmp:
        found = qmp.execute("query-version")["qemu"]
    return f"{found['major']}.{found['minor']}"


def main() -> int:
    """Ask the binaries and write both files."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("binary", nargs="+", help="qemu-system-x86_64, the newest first")
    arguments = parser.parse_args()
    flags = Flags()
    try:
        for path in arguments.binary:
            flags.ask(Binary(path))
        table = flags.table()
        first = {n: names[0] for bits in table.values() for names in bits.values() for n in names}
        lost = behind(arguments.binary, first)
        every = models(arguments.binary, first)
        made_for = {n: v for path in arguments.binary for n, v in vendors(path).items()}
        given = {_version(path): emulated(path, table) for path in arguments.binary}
        versions = ", ".join(given)
    except QmpError as error:
        sys.exit(str(error))
    write_text(FOLDER / "x86_64-flags.toml", flags_text(table, lost, versions))
    write_text(FOLDER / "x86_64-emulated.toml", emulated_text(given, versions))
    write_text(FOLDER / "x86_64-models.toml", models_text(every, made_for, versions))
    print(
        f"{len(flags.bits)} flags, {len(every)} models; no bit: {', '.join(sorted(flags.without))}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
