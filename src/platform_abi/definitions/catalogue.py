"""The catalogue that reads definition files, each when it is first needed."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from platform_abi.definitions.cache import DocumentCache, cache_folder
from platform_abi.definitions.documents import (
    CapabilityFile,
    DeviceFile,
    Document,
    EditionFile,
    FeatureFile,
    MachineEntry,
    MachineFile,
    MaskFile,
    PlatformFile,
    TypesFile,
)
from platform_abi.definitions.inherit import flatten
from platform_abi.definitions.levels import predicted
from platform_abi.definitions.search import search_path
from platform_abi.errors import DefinitionError, HostError, suggest, unknown
from platform_abi.model.capability import Capability
from platform_abi.model.device import DeviceTable, VirtioBit
from platform_abi.model.feature import Examined, Feature
from platform_abi.model.machine import CompatProperty, MachineType, QemuBuild, QomType, TypeTable
from platform_abi.model.platform import Listing, Mask, Platform, edition_key

T = TypeVar("T", bound=Document)

#: ``predicted`` listings hold at every edition.
_ALWAYS = "0.0"


class FileCatalogue:
    """Definitions in one or more folders of the layout of the packaged ones.

    Later folders add to earlier ones. One name with two meanings is an error that shows both
    files; the same bytes twice are not. Every method may raise DefinitionError for a file that it
    has to read, and HostError for one that it cannot.
    """

    def __init__(
        self, roots: Sequence[Path] | None = None, *, cache: DocumentCache | None = None
    ) -> None:
        self._roots = search_path() if roots is None else tuple(roots)
        self._cache = DocumentCache(cache_folder()) if cache is None else cache
        self.memo: dict[Any, Any] = {}

    # --- reading -------------------------------------------------------------------------------

    def _list(self, folder: str, depth: int = 1) -> list[tuple[Path, str]]:
        """Return every TOML file of *folder* in all roots, with its name relative to its root."""
        key = ("list", folder)
        if key not in self.memo:
            self.memo[key] = [
                (root, relative)
                for root in self._roots
                for relative in _toml_files(root, folder, depth)
            ]
        found: list[tuple[Path, str]] = self.memo[key]
        return found

    def _read(self, cls: type[T], root: Path, relative: str) -> tuple[T, bytes]:
        key = ("read", root, relative)
        if key not in self.memo:
            path = os.path.join(root, relative)  # noqa: PTH118 - start-up time
            try:
                with open(path, "rb") as stream:  # noqa: PTH123 - start-up time
                    data = stream.read()
            except OSError as error:
                raise HostError(
                    f"cannot read {path}: {error.strerror}", code="definition-unreadable"
                ) from error
            document = self._cache.get(cls, data)
            if document is None:
                from platform_abi.definitions.structure import load

                document = load(cls, data, path)
                self._cache.put(document, data)
            self.memo[key] = (document, data)
        found: tuple[T, bytes] = self.memo[key]
        return found

    def _once(self, cls: type[T], files: Iterable[tuple[Path, str]], what: str) -> tuple[T, str] | None:
        """Return the one document that *files* hold; identical copies count as one."""
        found: tuple[T, bytes, Path, str] | None = None
        for root, relative in files:
            document, data = self._read(cls, root, relative)
            if found is not None and data != found[1]:
                raise _two_meanings(what, found[2] / found[3], root / relative)
            if found is None:
                found = (document, data, root, relative)
        return None if found is None else (found[0], found[3])

    def locate(self, relative: str) -> Path | None:
        """Return the file that a setting's source *relative* names."""
        return next((r / relative for r in self._roots if (r / relative).is_file()), None)

    # --- features and capabilities -------------------------------------------------------------

    def editions(self) -> tuple[str, ...]:
        names = {_stem(relative) for _, relative in self._list("editions")}
        return tuple(sorted(names, key=edition_key))

    def edition(self, name: str) -> EditionFile:
        """Return the lock of a released edition."""
        files = [(r, f) for r, f in self._list("editions") if _stem(f) == name]
        found = self._once(EditionFile, files, f"edition {name}")
        if found is None:
            raise unknown("edition", name, self.editions(), code="unknown-edition")
        return found[0]

    def feature_stems(self) -> tuple[str, ...]:
        return tuple(sorted({_stem(f) for _, f in self._list("features")} - {"examined"}))

    def features(self, stem: str) -> tuple[Feature, ...]:
        key = ("features", stem)
        if key not in self.memo:
            files = [(r, f) for r, f in self._list("features") if _stem(f) == stem]
            merged: dict[str, tuple[Feature, Path]] = {}
            for root, relative in files:
                document, _ = self._read(FeatureFile, root, relative)
                for feature in document.feature:
                    _own_prefix(feature.id, stem, root / relative)
                    _merge(merged, f"feature {feature.id}", feature.id, feature, root / relative)
            self.memo[key] = tuple(merged[name][0] for name in sorted(merged))
        found: tuple[Feature, ...] = self.memo[key]
        return found

    def examined(self) -> tuple[Examined, ...]:
        """Return the places in QEMU that were found to need no feature, with the reasons."""
        files = [(r, f) for r, f in self._list("features") if _stem(f) == "examined"]
        return tuple(
            entry for root, relative in files for entry in self._read(FeatureFile, root, relative)[0].examined
        )

    def capabilities(self) -> dict[str, Capability]:
        if "capabilities" not in self.memo:
            merged: dict[str, tuple[Capability, Path]] = {}
            for root, relative in self._list("capabilities"):
                document, _ = self._read(CapabilityFile, root, relative)
                for entry in document.capability:
                    _merge(merged, f"capability {entry.id}", entry.id, entry, root / relative)
            self.memo["capabilities"] = {name: merged[name][0] for name in sorted(merged)}
        found: dict[str, Capability] = self.memo["capabilities"]
        return found

    def devices(self) -> DeviceTable:
        if "devices" not in self.memo:
            families: dict[str, tuple[Any, Path]] = {}
            backends: dict[str, tuple[Any, Path]] = {}
            accelerators: list[str] = []
            common: list[VirtioBit] = []
            for root, relative in self._list("devices"):
                document, _ = self._read(DeviceFile, root, relative)
                accelerators += document.accelerators
                common += document.common_bit
                for family in document.family:
                    what = f"device family {family.name}"
                    _merge(families, what, family.name, family, root / relative)
                for entry in document.backend:
                    name = f"{entry.name} {sorted(entry.when.items())}"
                    _merge(backends, f"backend {entry.name}", name, entry, root / relative)
            self.memo["devices"] = DeviceTable(
                families=tuple(value for value, _ in families.values()),
                backends=tuple(value for value, _ in backends.values()),
                accelerators=tuple(dict.fromkeys(accelerators)),
                common_bits=tuple(dict.fromkeys(common)),
            )
        found: DeviceTable = self.memo["devices"]
        return found

    # --- platforms -----------------------------------------------------------------------------

    def platform_names(self) -> tuple[str, ...]:
        names = {_stem(relative) for _, relative in self._list("platforms", depth=2)}
        return tuple(sorted(names, key=_natural))

    def platform(self, name: str) -> Platform:
        key = ("platform", name)
        if key not in self.memo:
            platform = flatten(name, self._platform_file)
            if platform is None:
                raise unknown(
                    "platform",
                    name,
                    self.platform_names(),
                    code="unknown-platform",
                    help="'platform-abi platforms' lists all of them",
                )
            self.memo[key] = platform
        found: Platform = self.memo[key]
        return found

    def _platform_file(self, name: str) -> tuple[PlatformFile, str] | None:
        files = [(r, f) for r, f in self._list("platforms", depth=2) if _stem(f) == name]
        found = self._once(PlatformFile, files, f"platform {name}")
        if found is not None and found[0].platform.name != name:
            fault = f"{found[1]}: platform.name: expected '{name}' as the file is called"
            raise DefinitionError(
                [f"{fault}, found '{found[0].platform.name}'"], code="definition-name"
            )
        return found

    def listing(self, platform: Platform, feature: Feature) -> Listing | None:
        self._check_listings(platform, feature.id.split(".", 1)[0])
        found = platform.listings.get(feature.id)
        if found is not None or not platform.levels or feature.id in platform.removed:
            return found
        if feature.when_supported is None or not predicted(feature, platform.levels, self.capabilities()):
            return None
        return Listing(values={_ALWAYS: feature.when_supported}, source=platform.source)

    def _check_listings(self, platform: Platform, stem: str) -> None:
        """Refuse what *platform* lists of the family *stem* where no feature is meant by it."""
        key = ("checked", platform.name, stem)
        if key in self.memo:
            return
        features = {feature.id: feature for feature in self.features(stem)}
        faults = []
        for name, listing in platform.listings.items():
            family = name.split(".", 1)[0]
            if family != stem:
                if family not in self.feature_stems():
                    hint = suggest(family, self.feature_stems())
                    faults.append((listing.source, name, f"no feature family '{family}'{hint}"))
            elif name not in features:
                faults.append((listing.source, name, f"no feature '{name}'{suggest(name, features)}"))
            else:
                problems = map(features[name].problem, listing.values.values())
                faults += [(listing.source, name, problem) for problem in problems if problem]
        if faults:
            raise DefinitionError(
                [self._spell_fault(*fault) for fault in faults], code="definition-invalid"
            )
        self.memo[key] = True

    def _spell_fault(self, source: str, feature: str, message: str) -> str:
        path = self.locate(source)
        line, column = self.position(source, ("features", feature))
        return f"{path or source}:{line}:{column}: features.\"{feature}\": {message}"

    def position(self, source: str, path: tuple[str | int, ...]) -> tuple[int, int]:
        """Return line and column of the key *path* in the definition file called *source*."""
        from platform_abi.definitions.positions import nearest, positions

        file = self.locate(source)
        if file is None:
            return (1, 1)
        return nearest(positions(file.read_text()), path)

    def masks(self) -> tuple[Mask, ...]:
        if "masks" not in self.memo:
            self.memo["masks"] = tuple(
                Mask(
                    platform=entry.platform,
                    feature=entry.feature,
                    reason=entry.reason,
                    date=entry.date,
                    source=relative,
                )
                for root, relative in self._list("masks")
                for entry in self._read(MaskFile, root, relative)[0].mask
            )
        found: tuple[Mask, ...] = self.memo["masks"]
        return found

    # --- machine types -------------------------------------------------------------------------

    def builds(self, arch: str) -> tuple[str, ...]:
        names = {f.split("/")[1] for _, f in self._list("machines", depth=2) if _stem(f) == arch}
        return tuple(sorted(names, key=_natural, reverse=True))

    def build(self, name: str, arch: str) -> QemuBuild:
        key = ("build", name, arch)
        if key not in self.memo:
            document, source = self._machine_file(name, arch)
            head = document.build
            self.memo[key] = QemuBuild(
                name=head.name,
                version=head.version,
                arch=head.arch,
                vendor=head.vendor,
                package=head.package,
                machines=tuple(entry.name for entry in document.machine),
                aliases={a: entry.name for entry in document.machine for a in entry.aliases},
                source=source,
            )
        found: QemuBuild = self.memo[key]
        return found

    def machine(self, build: str, name: str, arch: str) -> MachineType:
        key = ("machine", build, name, arch)
        if key not in self.memo:
            document, source = self._machine_file(build, arch)
            entries = {entry.name: entry for entry in document.machine}
            if name not in entries:
                raise unknown("machine type", name, entries, code="unknown-machine")
            self.memo[key] = _machine_type(entries, name, arch, source)
        found: MachineType = self.memo[key]
        return found

    def _machine_file(self, build: str, arch: str) -> tuple[MachineFile, str]:
        relative = f"machines/{build}/{arch}.toml"
        files = [(r, f) for r, f in self._list("machines", depth=2) if f == relative]
        found = self._once(MachineFile, files, f"build {build}")
        if found is None:
            raise unknown("QEMU build", build, self.builds(arch), code="unknown-build")
        return found

    def types(self, build: str, arch: str) -> TypeTable:
        key = ("types", build, arch)
        if key not in self.memo:
            relative = f"machines/{build}/{arch}-types.toml"
            files = [(r, f) for r, f in self._list("machines", depth=2) if f == relative]
            found = self._once(TypesFile, files, f"types of {build}")
            self.memo[key] = TypeTable() if found is None else _type_table(found[0])
        table: TypeTable = self.memo[key]
        return table


def load_catalogue() -> FileCatalogue:
    """Return the catalogue of the packaged definitions and of this site's own.

    Nothing is read yet: each file is when it is first needed.
    """
    return FileCatalogue()


def _type_table(document: TypesFile) -> TypeTable:
    return TypeTable(
        types={
            name: QomType(
                parent=entry.parent,
                abstract=entry.abstract,
                properties=frozenset(entry.properties),
            )
            for name, entry in document.type.items()
        },
        aliases=document.aliases,
    )


def _machine_type(
    entries: dict[str, MachineEntry], name: str, arch: str, source: str
) -> MachineType:
    entry = entries[name]
    chain = [entry]
    while chain[-1].inherits:
        chain.append(entries[chain[-1].inherits])
    return MachineType(
        name=entry.name,
        family=entry.family,
        arch=arch,
        generation=entry.generation,
        aliases=entry.aliases,
        default=entry.default,
        deprecated=entry.deprecated,
        cpu=entry.cpu,
        compat=tuple(
            CompatProperty(driver=row[0], property=row[1], value=row[2], optional=len(row) > 3)  # noqa: PLR2004
            for link in reversed(chain)
            for row in link.compat
        ),
        source=source,
    )


def _toml_files(root: Path, folder: str, depth: int) -> list[str]:
    """Return the TOML files *depth* levels below root/folder, relative to *root*, sorted."""
    try:
        entries = sorted(os.scandir(f"{root}/{folder}"), key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise HostError(
            f"cannot list {root}/{folder}: {error.strerror}", code="definition-unreadable"
        ) from error
    found: list[str] = []
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if depth > 1 and entry.is_dir():
            found += _toml_files(root, f"{folder}/{entry.name}", depth - 1)
        elif entry.name.endswith(".toml"):
            found.append(f"{folder}/{entry.name}")
    return found


def _stem(relative: str) -> str:
    return relative[relative.rfind("/") + 1 : -len(".toml")]


def _natural(name: str) -> tuple[object, ...]:
    """Return what sorts ``linux-6.9`` before ``linux-6.10``."""
    return tuple((1, int(p), "") if p.isdigit() else (0, 0, p) for p in re.split(r"(\d+)", name) if p)


def _merge(into: dict[str, tuple[Any, Path]], what: str, name: str, value: Any, path: Path) -> None:
    if name in into and into[name][0] != value:
        raise _two_meanings(what, into[name][1], path)
    into.setdefault(name, (value, path))


def _two_meanings(what: str, first: Path, second: Path) -> DefinitionError:
    return DefinitionError(
        [f"{what} has two meanings: one in {first}, another in {second}"],
        code="definition-conflict",
        help="give one of them another name; a site withdraws features with a mask, not a copy",
    )


def _own_prefix(name: str, stem: str, path: Path) -> None:
    if name.split(".", 1)[0] != stem:
        fault = f"{path}: feature '{name}': the file of its family would be {name.split('.', 1)[0]}.toml"
        raise DefinitionError([fault], code="definition-name")

