"""Definition files read and merged: what the catalogue does when its cache does not know."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from attrs import evolve

from platform_abi.definitions.documents import (
    CapabilityFile,
    DeviceFile,
    Document,
    EditionFile,
    Examined,
    FeatureFile,
    GuestFile,
    MachineEntry,
    MachineFile,
    MaskEntry,
    MaskFile,
    NamesFile,
    OptionFile,
    PlatformFile,
    PropertiesFile,
    RealizeFile,
    TypesFile,
    VisibilityFile,
)
from platform_abi.definitions.files import File
from platform_abi.definitions.inherit import flatten
from platform_abi.definitions.positions import Path, nearest, positions
from platform_abi.definitions.structure import load, spell
from platform_abi.errors import DefinitionError, HostError
from platform_abi.model.capability import Capability
from platform_abi.model.device import DeviceTable, VirtioBit
from platform_abi.model.digest import canonical_digest
from platform_abi.model.feature import Feature
from platform_abi.model.guest import GuestDevices
from platform_abi.model.machine import (
    CompatProperty,
    CpuModel,
    DriverProperty,
    MachineType,
    Naming,
    QemuBuild,
    TypeTable,
)
from platform_abi.model.names import feature_stem
from platform_abi.model.option_table import OptionTable
from platform_abi.model.platform import Mask, Platform
from platform_abi.model.realize import RealizeTable
from platform_abi.model.visibility import Visibility

T = TypeVar("T", bound=Document)


def _read(cls: type[T], file: File) -> T:
    path = "/".join(file)
    try:
        with open(path, "rb") as stream:  # noqa: PTH123 - the catalogue knows files as strings
            data = stream.read()
    except OSError as error:
        raise HostError(
            f"cannot read {path}: {error.strerror}", code="definition-unreadable"
        ) from error
    return load(cls, data, path)


def fault(file: File, path: Path, message: str) -> str:
    """Return what is wrong with the key *path* of *file*, with its line and column."""
    name = "/".join(file)
    with open(name, encoding="utf-8") as stream:  # noqa: PTH123 - as above
        line, column = nearest(positions(stream.read()), path)
    return f"{name}:{line}:{column}: {spell(path)}: {message}"


class Reader:
    """Reads definition files, each once, and merges those that belong together.

    Nothing is read twice in the life of a reader: a catalogue of many platforms with one ancestor
    reads it once.
    """

    def __init__(self) -> None:
        """Start without having read anything."""
        self._documents: dict[tuple[type, File], Any] = {}

    def document(self, cls: type[T], file: File) -> T:
        """Return the document in *file*."""
        key = (cls, file)
        if key not in self._documents:
            self._documents[key] = _read(cls, file)
        found: T = self._documents[key]
        return found

    def _one(self, cls: type[T], files: Sequence[File], what: str) -> tuple[T, str]:
        """Return the one document that *files* hold, with its name; copies of it count as one."""
        first, *others = files
        document = self.document(cls, first)
        for other in others:
            if self.document(cls, other) != document:
                raise _two_meanings(what, first, other)
        return document, first[1]

    def edition(self, name: str, files: Sequence[File]) -> EditionFile:
        """Return the lock of edition *name*."""
        found = self._one(EditionFile, files, f"edition {name}")
        _same_name(files[0], "edition", name, found[0].edition)
        return found[0]

    def features(self, stem: str, files: Sequence[File]) -> tuple[Feature, ...]:
        """Return the features that *files*, all called *stem*, define together, sorted by id."""
        merged: dict[str, tuple[Feature, File]] = {}
        for file in files:
            for index, feature in enumerate(self.document(FeatureFile, file).feature):
                family = feature_stem(feature.id)
                if family != stem:
                    message = f"feature '{feature.id}' belongs into {family}.toml"
                    raise DefinitionError(
                        [fault(file, ("feature", index, "id"), message)], code="definition-name"
                    )
                _merge(merged, f"feature {feature.id}", feature.id, feature, file)
        return tuple(merged[name][0] for name in sorted(merged))

    def examined(self, files: Sequence[File]) -> tuple[Examined, ...]:
        """Return the places in QEMU that *files* say need no feature."""
        return tuple(entry for file in files for entry in self.document(FeatureFile, file).examined)

    def capabilities(self, files: Sequence[File]) -> dict[str, Capability]:
        """Return every capability of *files* by id."""
        merged: dict[str, tuple[Capability, File]] = {}
        for file in files:
            for entry in self.document(CapabilityFile, file).capability:
                _merge(merged, f"capability {entry.id}", entry.id, entry, file)
        return {name: merged[name][0] for name in sorted(merged)}

    def devices(self, files: Sequence[File]) -> DeviceTable:
        """Return what *files* say of device families, backends and accelerators."""
        families: dict[str, tuple[Any, File]] = {}
        backends: dict[str, tuple[Any, File]] = {}
        accelerators: list[str] = []
        usual: dict[str, tuple[Any, File]] = {}
        common: list[VirtioBit] = []
        for file in files:
            document = self.document(DeviceFile, file)
            accelerators += document.accelerators
            common += document.common_bit
            for system, name in document.usual_accelerators.items():
                _merge(usual, f"usual accelerator of {system}", system, name, file)
            for family in document.family:
                _merge(families, f"device family {family.name}", family.name, family, file)
            for entry in document.backend:
                name = f"{entry.name} {sorted(entry.when.items())}"
                _merge(backends, f"backend {entry.name}", name, entry, file)
        return DeviceTable(
            families=tuple(value for value, _ in families.values()),
            backends=tuple(value for value, _ in backends.values()),
            accelerators=tuple(dict.fromkeys(accelerators)),
            usual_accelerators={system: value for system, (value, _) in usual.items()},
            common_bits=tuple(dict.fromkeys(common)),
        )

    def platform(
        self, name: str, find: Callable[[str], Sequence[File]], known: Iterable[str]
    ) -> Platform | None:
        """Return platform *name* with what it inherits, or None where no file is called so.

        *known* are the names of all platforms, for suggestions.
        """
        places: dict[str, File] = {}

        def document(wanted: str) -> tuple[PlatformFile, str] | None:
            files = find(wanted)
            if not files:
                return None
            found = self._one(PlatformFile, files, f"platform {wanted}")
            _same_name(files[0], "platform.name", wanted, found[0].platform.name)
            places[found[1]] = files[0]
            return found

        def blame(source: str, message: str) -> str:
            return fault(places[source], ("platform", "extends"), message)

        return flatten(name, document, blame, known)

    def masks(self, files: Sequence[File]) -> tuple[Mask, ...]:
        """Return what *files* withdraw."""
        return tuple(
            Mask(
                platform=entry.platform,
                feature=entry.feature,
                reason=entry.reason,
                date=entry.date.isoformat(),
                source=file[1],
            )
            for file in files
            for entry in self.document(MaskFile, file).mask
        )

    def mask_faults(
        self, files: Sequence[File], wrong: Callable[[MaskEntry], tuple[str, str] | None]
    ) -> list[str]:
        """Return the faults of masks, each with its place; *wrong* gives key and message of one."""
        return [
            fault(file, ("mask", index, found[0]), found[1])
            for file in files
            for index, entry in enumerate(self.document(MaskFile, file).mask)
            if (found := wrong(entry))
        ]

    def naming(self, files: Sequence[File]) -> Naming:
        """Return what *files* say of the names of machine types and builds."""
        documents = [self.document(NamesFile, file) for file in files]
        return Naming(
            unversioned=tuple(name for each in documents for name in each.unversioned),
            vendors=tuple(vendor for each in documents for vendor in each.vendor),
        )

    def build(self, name: str, arch: str, files: Sequence[File]) -> QemuBuild:
        """Return build *name* for *arch*."""
        document, source = self._machine_file(name, arch, files)
        head = document.build
        return QemuBuild(
            name=head.name,
            version=head.version,
            arch=head.arch,
            vendor=head.vendor,
            package=head.package,
            machines=tuple(entry.name for entry in document.machine),
            aliases={a: entry.name for entry in document.machine for a in entry.aliases},
            source=source,
        )

    def machine(self, build: str, name: str, arch: str, files: Sequence[File]) -> MachineType:
        """Return machine type *name* of *build*, inherited compat properties before its own."""
        document, source = self._machine_file(build, arch, files)
        entries = {entry.name: entry for entry in document.machine}
        entry = entries[name]
        machine = MachineType(
            name=entry.name,
            family=entry.family,
            arch=arch,
            generation=entry.generation,
            aliases=entry.aliases,
            default=entry.default,
            deprecated=entry.deprecated,
            cpu=entry.cpu,
            compat=tuple(
                CompatProperty(
                    driver=row[0], property=row[1], value=row[2], optional="optional" in row[3:]
                )
                for link in reversed(_chain(entries, entry))
                for row in link.compat
            ),
            source=source,
        )
        return evolve(machine, digest=machine_digest(machine))

    def _machine_file(
        self, build: str, arch: str, files: Sequence[File]
    ) -> tuple[MachineFile, str]:
        found = self._one(MachineFile, files, f"build {build}")
        _same_name(files[0], "build.name", build, found[0].build.name)
        _same_name(files[0], "build.arch", arch, found[0].build.arch)
        return found

    def types(self, build: str, files: Sequence[File]) -> TypeTable:
        """Return the QOM types of *build*, an empty table where no file has them."""
        if not files:
            return TypeTable()
        document, _ = self._one(TypesFile, files, f"types of {build}")
        entries = document.type
        return TypeTable(
            parents={name: entry.parent for name, entry in entries.items()},
            own_properties={
                n: entry.properties for n, entry in entries.items() if entry.properties
            },
            abstract=frozenset(name for name, entry in entries.items() if entry.abstract),
            aliases=document.aliases,
        )

    def driver_properties(
        self, build: str, types: TypeTable, driver: str, files: Sequence[File]
    ) -> dict[str, DriverProperty]:
        """Return every property of *driver* in *build*, sorted; *types* knows its parents."""
        if not files:
            return {}
        document, _ = self._one(PropertiesFile, files, f"properties of {build}")
        rows: dict[str, tuple[str, ...]] = {}
        for step in reversed([*types.ancestry(driver)]):
            rows.update(document.type.get(step, {}))
        return {
            name: DriverProperty(type=row[0], default=row[1] if len(row) > 1 else None)
            for name, row in sorted(rows.items())
        }

    def cpu_models(self, build: str, files: Sequence[File]) -> dict[str, CpuModel]:
        """Return the CPU models of *build*, none where no file has them."""
        if not files:
            return {}
        document, _ = self._one(PropertiesFile, files, f"properties of {build}")
        return {
            name: CpuModel(type=entry.type, alias_of=entry.alias_of, deprecated=entry.deprecated)
            for name, entry in sorted(document.cpu.items())
        }

    def realize(self, files: Sequence[File]) -> RealizeTable:
        """Return what *files* say of realizing devices; of a file's rules the first counts."""
        documents = [self.document(RealizeFile, file) for file in files]
        return RealizeTable(
            rules=tuple(rule for document in documents for rule in document.rule),
            initial=tuple(entry for document in documents for entry in document.initial),
            board=tuple(entry for document in documents for entry in document.board),
            inner=tuple(entry for document in documents for entry in document.inner),
        )

    def guest_devices(self, arch: str, files: Sequence[File]) -> GuestDevices:
        """Return which devices are looked at in a machine of *arch*."""
        document, _ = self._one(GuestFile, files, f"devices looked at on {arch}")
        _same_name(files[0], "arch", arch, document.arch)
        return GuestDevices(
            arch=arch, board=document.board, device=document.device, cpu=document.cpu
        )

    def property_rows(
        self, build: str, files: Sequence[File]
    ) -> Mapping[str, Mapping[str, tuple[str, ...]]]:
        """Return, by type, the type and default of every property that its parent has not so."""
        document, _ = self._one(PropertiesFile, files, f"properties of {build}")
        return document.type

    def options(self, files: Sequence[File]) -> OptionTable:
        """Return what *files* say of QEMU's own options."""
        found = [self.document(OptionFile, file) for file in files]
        return OptionTable(
            argument=frozenset(name for document in found for name in document.argument),
            plain=frozenset(name for document in found for name in document.plain),
            accelerator=next((d.accelerator for d in found if d.accelerator), ""),
            alias={name: words for document in found for name, words in document.alias.items()},
            nic_models={k: v for document in found for k, v in document.nic_models.items()},
            default_nics={k: v for document in found for k, v in document.default_nics.items()},
            devices=tuple(entry for document in found for entry in document.device),
        )

    def visibility(self, files: Sequence[File]) -> Visibility:
        """Return what *files* say of who can tell the values of properties, copies once."""
        found = [self.document(VisibilityFile, file) for file in files]
        return Visibility(
            rules=tuple(dict.fromkeys(rule for document in found for rule in document.rule)),
            boards=tuple(dict.fromkeys(board for document in found for board in document.board)),
            same=tuple(dict.fromkeys(entry for document in found for entry in document.same)),
        )


def machine_digest(machine: MachineType) -> str:
    """Return the digest of a machine type's compat properties, in their order."""
    rows = [[c.driver, c.property, c.value, c.optional] for c in machine.compat]
    return canonical_digest([machine.name, rows])


def _chain(entries: dict[str, MachineEntry], entry: MachineEntry) -> list[MachineEntry]:
    chain = [entry]
    while chain[-1].inherits:
        chain.append(entries[chain[-1].inherits])
    return chain


def _merge(into: dict[str, tuple[Any, File]], what: str, name: str, value: Any, file: File) -> None:
    if name in into and into[name][0] != value:
        raise _two_meanings(what, into[name][1], file)
    into.setdefault(name, (value, file))


def _two_meanings(what: str, first: File, second: File) -> DefinitionError:
    return DefinitionError(
        [f"{what} has two meanings: one in {'/'.join(first)}, another in {'/'.join(second)}"],
        code="definition-conflict",
        help="give one of them another name; a site withdraws features with a mask, not a copy",
    )


def _same_name(file: File, key: str, expected: str, found: str) -> None:
    if found != expected:
        message = f"expected '{expected}' as the file is called, found '{found}'"
        raise DefinitionError([fault(file, tuple(key.split(".")), message)], code="definition-name")
