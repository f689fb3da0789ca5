"""``cpus/*.toml``: CPU flags, the registers that they are bits of, and the flags of CPU models."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from platform_abi.definitions.checks import Fault, version_faults
from platform_abi.definitions.files import File
from platform_abi.definitions.reading import Reader, merge
from platform_abi.errors import DefinitionError, suggest
from platform_abi.model.cpu import (
    AcceleratorFlags,
    Bit,
    CpuTable,
    FlagsOfModel,
    Grant,
    LaterFlags,
    is_msr,
    is_register,
    width,
)
from platform_abi.model.value import evolve, field, frozen


@frozen(kw_only=True)
class Document:
    """What such a file contains.

    *register* has, by register and bit, the names of a flag, QEMU's own first; *group* the flags
    that one stands for which has no bit of its own.
    """

    schema: int
    arch: str
    accelerator: str = ""
    driver: str = ""
    register: Mapping[str, Mapping[str, tuple[str, ...]]] = field(factory=dict)
    group: Mapping[str, tuple[str, ...]] = field(factory=dict)
    behind: Mapping[str, tuple[str, ...]] = field(factory=dict)
    later: tuple[LaterFlags, ...] = ()
    model: Mapping[str, FlagsOfModel] = field(factory=dict)
    default: Mapping[str, AcceleratorFlags] = field(factory=dict)
    emulated: Mapping[str, tuple[str, ...]] = field(factory=dict)
    granted: tuple[Grant, ...] = ()
    controls: tuple[str, ...] = ()
    constants: tuple[str, ...] = ()

    def faults(self) -> Iterator[Fault]:
        """Yield what is wrong beyond types."""
        for register, bits in self.register.items():
            yield from _register_faults(register, bits)
        for name, model in self.model.items():
            yield from _model_faults(name, model, self.model)
        for release in self.emulated:
            yield from version_faults(("emulated", release), release, "a QEMU release: '10.0'")
        for index, register in enumerate(self.controls):
            if not is_msr(register):
                yield ("controls", index), f"expected an MSR, found '{register}'"
        for index, grant in enumerate(self.granted):
            if not grant.flags or not grant.reason or not grant.source:
                yield ("granted", index), "expected flags, a reason and a source"


def _register_faults(register: str, bits: Mapping[str, tuple[str, ...]]) -> Iterator[Fault]:
    if not is_register(register):
        wanted = "kvm.cpuid.LEAF.SUBLEAF.REGISTER, kvm.msr.INDEX or kvm.s390.KIND.INDEX"
        yield ("register", register), f"expected {wanted}"
    bound = width(register)
    for bit, names in bits.items():
        if not (bit.isascii() and bit.isdigit() and int(bit) < bound):
            yield ("register", register, bit), f"expected a bit below {bound}"
        if not names:
            yield ("register", register, bit), "expected at least one name"


def _model_faults(
    name: str, model: FlagsOfModel, known: Mapping[str, FlagsOfModel]
) -> Iterator[Fault]:
    seen, step = {name}, model.like
    while step:
        if step not in known:
            yield ("model", name, "like"), f"no CPU model '{step}'{suggest(step, known)}"
            return
        if step in seen:
            yield ("model", name, "like"), f"'{step}' is like itself"
            return
        seen.add(step)
        step = known[step].like


def merged(reader: Reader) -> dict[str, CpuTable]:
    """Return what all files say together, by architecture."""
    every = reader.every(Document, "cpus")
    return {
        arch: _table(arch, [(d, file) for d, file in every if d.arch == arch])
        for arch in sorted({document.arch for document, _ in every})
    }


def _table(arch: str, parts: Iterable[tuple[Document, File]]) -> CpuTable:
    bits: dict[str, tuple[Bit, ...]] = {}
    names: dict[str, tuple[str, File]] = {}
    behind: dict[str, tuple[tuple[str, ...], File]] = {}
    models: dict[str, tuple[FlagsOfModel, File]] = {}
    groups: dict[str, tuple[tuple[str, ...], File]] = {}
    for document, file in parts:
        for register, row in document.register.items():
            for bit, words in row.items():
                bits[words[0]] = (*bits.get(words[0], ()), (register, int(bit)))
                for word in words:
                    merge(names, f"CPU flag {word}", word, words[0], file)
        for name, members in document.group.items():
            merge(groups, f"CPU flags {name}", name, members, file)
            merge(names, f"CPU flag {name}", name, name, file)
        for flag, lost in document.behind.items():
            merge(behind, f"what stands behind {flag}", flag, lost, file)
        for name, model in document.model.items():
            own = evolve(model, vendor=_vendor(model, document.model))
            merge(models, f"CPU model {name}", name, own, file)
    for name, (members, _) in groups.items():
        bits[name] = tuple(bit for member in members for bit in bits.get(member, ()))
    documents = [document for document, _ in parts]
    table = CpuTable(
        arch=arch,
        accelerator=next((d.accelerator for d in documents if d.accelerator), ""),
        driver=next((d.driver for d in documents if d.driver), ""),
        names={word: name for word, (name, _) in sorted(names.items())},
        bits=dict(sorted(bits.items())),
        behind={flag: lost for flag, (lost, _) in sorted(behind.items())},
        models={name: model for name, (model, _) in models.items()},
        later=tuple(each for document in documents for each in document.later),
        defaults={name: by for document in documents for name, by in document.default.items()},
        emulated={
            release: frozenset(flags)
            for document in documents
            for release, flags in document.emulated.items()
        },
        grants=tuple(grant for document in documents for grant in document.granted),
        controls=frozenset(name for document in documents for name in document.controls),
        constants=frozenset(name for document in documents for name in document.constants),
    )
    _check(table, models)
    return table


def _vendor(model: FlagsOfModel, models: Mapping[str, FlagsOfModel]) -> str:
    return model.vendor or (_vendor(models[model.like], models) if model.like else "")


def _check(table: CpuTable, models: Mapping[str, tuple[FlagsOfModel, File]]) -> None:
    """Raise DefinitionError where a model has a flag that no register has."""
    wrong = [
        f"{'/'.join(file)}: model.{name}: no CPU flag '{flag}'{suggest(flag, table.bits)}"
        for name, (model, file) in models.items()
        for flag in sorted(model.flags - table.bits.keys())
    ]
    if wrong:
        raise DefinitionError(wrong, code="definition-invalid")
