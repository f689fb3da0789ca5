#!/usr/bin/env python3
"""Asks QEMUs which bit each CPU feature of s390x is, and which features each CPU model has.

    tools/s390x_cpus.py --table ELF QEMU_SYSTEM_S390X ...     # the newest first

It writes ``s390x-flags.toml`` and ``s390x-models.toml`` of ``definitions/cpus`` by nothing but what
binaries have and do, in seconds, and needs no KVM: a model of s390x is the same with every
accelerator. Where a feature's bit is, no QEMU says; it is in the table of features of the program
*ELF* (target/s390x/cpu_features.c, s390_features), in the order in which QEMU has them. Which
features a group stands for is told by taking each away.
"""

from __future__ import annotations

import argparse
import re
import struct
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from platform_abi.files import write_text
from platform_abi.qemu.stdio_qmp import Qmp, QmpCommandError

FOLDER = Path(__file__).resolve().parents[1] / "definitions" / "cpus"

#: What KVM counts itself, in its order (KVM_S390_VM_CPU_FEAT_*, arch/s390/include/uapi/asm/kvm.h).
FEATURES = (
    "esop", "sief2", "64bscao", "siif", "gpereh", "gsls", "ib", "cei", "ibs", "skey", "cmma",
    "pfmfi", "sigpif", "kss", "astfleie2",
)  # fmt: skip

#: A feature of each kind that a report has masks of, and what these are called.
KINDS = {
    "esan3": "stfle", "plo-cl": "plo", "ptff-qto": "ptff", "kmac-dea": "kmac", "kmc-dea": "kmc",
    "km-dea": "km", "kimd-sha-1": "kimd", "klmd-sha-1": "klmd", "pckmo-edea": "pckmo",
    "kmctr-dea": "kmctr", "kmf-dea": "kmf", "kmo-dea": "kmo", "pcc-cmac-dea": "pcc",
    "ppno-sha-512-drng": "ppno", "kma-gcm-aes-128": "kma", "kdsa-ecdsa-verify-p256": "kdsa",
    "sortl-sflr": "sortl", "dfltcc-gdht": "dfltcc", "pfcr-qaf": "pfcr", "appv": "uv",
}  # fmt: skip

#: What QEMU asks KVM for by other means, beside a facility of that name if there is one
#: (target/s390x/kvm/kvm.c, kvm_s390_get_host_cpu_model).
OTHERS = {
    "cmm": (("attribute.0", 0), ("attribute.0", 1)),
    "ap": (("attribute.2", 4),),
    "diag318": (("extension", 186),),
    "unpack": (("extension", 180),),
    "ctop": (("extension", 222),),
    "bpb": (("extension", 152),),
}
#: Of these, those whose facility says nothing: QEMU sets it where KVM has the extension.
_INSTEAD = {"unpack", "ctop"}

_START = ("-accel", "tcg", "-nodefaults", "-display", "none", "-S")
_NO_MODELS = {"host", "max"}


class Elf:
    """A 64-bit ELF program, with what its relocations say of pointers."""

    def __init__(self, path: Path) -> None:
        self.data = path.read_bytes()
        self.order = "<" if self.data[5] == 1 else ">"
        (table,) = self.unpack("Q", 40)
        size, count = self.unpack("HH", 58)
        self._sections = [self.unpack("IIQQQQ", table + i * size) for i in range(count)]
        #: Where a pointer is, and where it points to.
        self.pointers: dict[int, int] = {}
        for _, kind, _, _, offset, length in self._sections:
            if kind == 4:  # noqa: PLR2004 - SHT_RELA
                for at in range(offset, offset + length, 24):
                    where, what, value = self.unpack("QQq", at)
                    if what >> 32 == 0:
                        self.pointers[where] = value

    def unpack(self, form: str, at: int) -> tuple[int, ...]:
        """Return numbers at a place of the file."""
        return struct.unpack_from(f"{self.order}{form}", self.data, at)

    def place(self, address: int) -> int:
        """Return where in the file what is at an address in memory is, -1 where it is not."""
        for _, kind, _, start, offset, length in self._sections:
            if kind != 8 and start and start <= address < start + length:  # noqa: PLR2004 - NOBITS
                return address - start + offset
        return -1

    def text(self, address: int) -> str:
        """Return the text at an address, none where there is nothing."""
        at = self.place(address)
        return "" if at < 0 else self.data[at : self.data.index(b"\0", at)].decode("latin-1")


def features_of(path: Path) -> dict[str, tuple[int, int]]:
    """Return kind and bit of each feature in the table of the program at *path*."""
    elf = Elf(path)
    pointers = elf.pointers
    # Each entry has a name, a description, a kind and a bit; the first is esan3.
    entry = next(
        where
        for where, to in sorted(pointers.items())
        if where + 8 in pointers and elf.text(to) == "esan3"
    )
    found: dict[str, tuple[int, int]] = {}
    kind = 0
    while entry in pointers and entry + 8 in pointers:
        before, (kind, bit) = kind, elf.unpack("ii", elf.place(entry + 16))
        if kind < before:
            break  # something else stands behind the table
        found[elf.text(pointers[entry])] = kind, bit
        entry += 24
    return found


def generations_of(path: Path) -> dict[str, str]:
    """Return by model the generation and the step of it that its processor is: ``z13.2``, 13.2.

    They are in the table of models (target/s390x/cpu_models.c, s390_cpu_defs), each entry of which
    has a name, a description, then the generation, a type of 16 bits and the step.
    """
    elf = Elf(path)
    places = {elf.text(to): where for where, to in sorted(elf.pointers.items(), reverse=True)}
    entry, step = places["z900"], places["z900.2"] - places["z900"]
    found = {}
    while entry in elf.pointers:
        at = elf.place(entry + 16)
        found[elf.text(elf.pointers[entry])] = f"{elf.data[at]}.{elf.data[at + 4]}"
        entry += step
    return found


def bits_of(features: Mapping[str, tuple[int, int]]) -> dict[str, tuple[tuple[str, int], ...]]:
    """Return by feature the masks of a report, each with the bit as IBM counts it."""
    kinds = {features[name][0]: mask for name, mask in KINDS.items() if name in features}
    found: dict[str, tuple[tuple[str, int], ...]] = {}
    for name, (kind, bit) in features.items():
        places = OTHERS.get(name, ())
        if name in FEATURES:
            places = (("feature", FEATURES.index(name)),)
        elif kind in kinds and name not in _INSTEAD:
            places = ((kinds[kind], bit), *places)
        if places:
            found[name] = places
    return found


def expansions(
    binary: str, machine: str, wanted: Iterable[tuple[str, Mapping[str, bool]]]
) -> list[dict[str, bool]]:
    """Return the features of each model with properties in *wanted*, groups among them."""
    with Qmp(binary, ("-machine", machine, *_START), timeout=60) as qmp:
        return [
            dict(
                qmp.execute(
                    "query-cpu-model-expansion",
                    type="full",
                    model={"name": name, "props": dict(properties)},
                )["model"]["props"]
            )
            for name, properties in wanted
        ]


def groups_of(binary: str, features: Iterable[str]) -> dict[str, list[str]]:
    """Return the features that each group stands for, told by taking them away one by one."""
    newest = "gen17b-base"
    all_on: dict[str, bool] = {}
    with Qmp(binary, ("-machine", "s390-ccw-virtio", *_START), timeout=60) as qmp:
        for name in features:
            model = {"name": newest, "props": {name: True}}
            with suppress(QmpCommandError):  # no model has it
                qmp.execute("query-cpu-model-expansion", type="full", model=model)
                all_on[name] = True
    (full,) = expansions(binary, "s390-ccw-virtio", [(newest, all_on)])
    groups = [name for name, value in full.items() if value and name not in all_on]
    one_less = expansions(
        binary, "s390-ccw-virtio", [(newest, {**all_on, name: False}) for name in all_on]
    )
    return {
        group: [name for name, left in zip(all_on, one_less, strict=True) if not left.get(group)]
        for group in sorted(groups)
    }


def machines_of(binary: str) -> list[str]:
    """Return the machine types of a binary, the oldest first."""
    with Qmp(binary, ("-machine", "none", *_START), timeout=60) as qmp:
        names = [each["name"] for each in qmp.execute("query-machines")]
    versions = {name: _release(name) for name in names if re.fullmatch(r"s390-ccw.*[0-9]", name)}
    return sorted(versions, key=lambda name: [int(n) for n in versions[name].split(".")])


def _release(machine: str) -> str:
    return machine.rpartition("-")[2]


def models_of(binary: str) -> dict[str, dict[str, frozenset[str]]]:
    """Return by machine type and model the features, groups among them."""
    with Qmp(binary, ("-machine", "none", *_START), timeout=60) as qmp:
        listed = [each["name"] for each in qmp.execute("query-cpu-definitions")]
    names = sorted(set(listed) - _NO_MODELS)
    return {
        machine: {
            name: frozenset(key for key, value in found.items() if value)
            for name, found in zip(
                names, expansions(binary, machine, [(name, {}) for name in names]), strict=True
            )
        }
        for machine in machines_of(binary)
    }


def later_of(
    machines: Iterable[dict[str, dict[str, frozenset[str]]]],
) -> dict[tuple[str, tuple[str, ...]], set[str]]:
    """Return by release and features the models that lack these in older machine types."""
    found: dict[tuple[str, str], str] = {}
    for of in machines:
        newest = of[[*of][-1]]
        for model, features in newest.items():
            for feature in features:
                lacking = [m for m, models in of.items() if feature not in models.get(model, ())]
                if lacking:
                    after = [*of][[*of].index(lacking[-1]) + 1]
                    found[model, feature] = _release(after)
            for machine, models in of.items():
                if models[model] - features:
                    raise SystemExit(f"{machine} has more of {model}: {models[model] - features}")
    rows: dict[tuple[str, tuple[str, ...]], set[str]] = {}
    for model in {model for model, _ in found}:
        for release in {r for (m, _), r in found.items() if m == model}:
            flags = tuple(sorted(f for (m, f), r in found.items() if (m, r) == (model, release)))
            rows.setdefault((release, flags), set()).add(model)
    return rows


_HEAD = """# {what}
#
# Written by tools/s390x_cpus.py from what QEMU {releases} have and do, and by no hand.

schema = 1
arch = "s390x"
"""


def flags_text(
    bits: Mapping[str, tuple[tuple[str, int], ...]], groups: Mapping[str, list[str]], releases: str
) -> str:
    """Return ``s390x-flags.toml``."""
    rows: dict[str, dict[int, str]] = {}
    for name, places in bits.items():
        for mask, bit in places:
            index = f"kvm.s390.{mask}" if "." in mask else f"kvm.s390.{mask}.{bit // 64}"
            rows.setdefault(index, {})[bit % 64] = name
    head = "Which mask and bit of a report each feature is, and which groups stand for several."
    out = [_HEAD.format(what=head, releases=releases)]
    for register in sorted(rows):
        out.append(f'\n[register."{register}"]\n')
        out += [f'{bit} = ["{name}"]\n' for bit, name in sorted(rows[register].items())]
    out.append("\n[group]\n")
    out += [f'"{name}" = {_list([n for n in of if n in bits])}\n' for name, of in groups.items()]
    return "".join(out)


def _list(names: Iterable[str]) -> str:
    words = [f'"{name}"' for name in sorted(names)]
    if sum(map(len, words)) < 70:  # noqa: PLR2004 - what fits into a line
        return f"[{', '.join(words)}]"
    lines, line = [], ""
    for word in words:
        if line and len(line) + len(word) > 94:  # noqa: PLR2004 - as above
            lines.append(line)
            line = ""
        line += f" {word}," if line else f"  {word},"
    return "[\n" + "\n".join([*lines, line]) + "\n]"


def models_text(
    models: Mapping[str, frozenset[str]],
    later: Mapping[tuple[str, tuple[str, ...]], set[str]],
    emulated: Mapping[str, frozenset[str]],
    known: frozenset[str],
    releases: str,
) -> str:
    """Return ``s390x-models.toml``; a model is like the one that it has most in common with."""
    out = [_HEAD.format(what="Which features each CPU model has.", releases=releases)]
    written: dict[str, frozenset[str]] = {}
    for name, full in sorted(models.items(), key=lambda item: (len(item[1]), item[0])):
        flags = full & known
        out.append(f'\n[model."{name}"]\n')
        like = min(written, key=lambda n: (len(flags ^ written[n]), n), default="")
        if like and len(flags ^ written[like]) < len(flags):
            out.append(f'like = "{like}"\n')
            rest, without = flags - written[like], written[like] - flags
        else:
            rest, without = flags, frozenset[str]()
        out += [f"flags = {_list(rest)}\n"] if rest else []
        out += [f"without = {_list(without)}\n"] if without else []
        written[name] = flags
    out.append("\n# What older machine types leave out of models.\n")
    for (release, names), of in sorted(later.items(), key=lambda item: (item[0], sorted(item[1]))):
        out.append(f'\n[[later]]\ngeneration = "{release}"\n')
        out.append(f"flags = {_list(names)}\nmodels = {_list(of)}\n")
    out.append("\n# What an emulator can do.\n\n[emulated]\n")
    out += [f'"{release}" = {_list(flags & known)}\n' for release, flags in emulated.items()]
    return "".join(out)


def _emulated(binary: str) -> frozenset[str]:
    (found,) = expansions(binary, "s390-ccw-virtio", [("max", {})])
    return frozenset(name for name, value in found.items() if value)


#: What a model's generation is called among features.
_MADE = "generation-"


def _number(generation: str) -> int:
    """Return the bit of a generation and its step, each of which a newer host has as well."""
    number, step = map(int, generation.split("."))
    return 8 * number + step


def _version(binary: str) -> str:
    with Qmp(binary, ("-machine", "none", *_START), timeout=60) as qmp:
        said = qmp.execute("query-version")["qemu"]
    return f"{said['major']}.{said['minor']}"


def main() -> None:
    """Write both files."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--table", type=Path, required=True, metavar="ELF")
    parser.add_argument("qemus", nargs="+", metavar="QEMU_SYSTEM_S390X")
    given = parser.parse_args()
    bits = bits_of(features_of(given.table))
    # It has no bit, and came with the one that there is for more bits.
    groups = {**groups_of(given.qemus[0], bits), "dateh2": ["stfle"]}
    generations = generations_of(given.table)
    bits |= {_MADE + name: (("generation", _number(name)),) for name in generations.values()}
    releases = {_version(binary): binary for binary in given.qemus}
    said = ", ".join(releases)
    of = {release: models_of(binary) for release, binary in releases.items()}
    newest = next(iter(of.values()))
    text = flags_text(bits, groups, said)
    write_text(FOLDER / "s390x-flags.toml", text)
    # A host runs no model of a processor that is newer than its own.
    models = {
        name: features | {_MADE + generations[name.removesuffix("-base")]}
        for name, features in newest[[*newest][-1]].items()
        if name != "qemu"
    } | {"qemu": newest[[*newest][-1]]["qemu"]}
    text = models_text(
        models,
        later_of(of.values()),
        {release: _emulated(binary) for release, binary in releases.items()},
        frozenset(bits) | frozenset(groups),
        said,
    )
    write_text(FOLDER / "s390x-models.toml", text)


if __name__ == "__main__":
    main()
