"""The catalogue of definition files, each read when it is first needed."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from platform_abi.definitions.cache import ValueCache, cache_folder
from platform_abi.definitions.files import DefinitionFiles, File, natural, stem_of
from platform_abi.definitions.search import search_path
from platform_abi.errors import DefinitionError, unknown
from platform_abi.model.catalogue import Catalogue
from platform_abi.model.names import feature_stem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from platform_abi.definitions.documents import EditionFile, Examined
    from platform_abi.definitions.reading import Reader
    from platform_abi.model.capability import Capability
    from platform_abi.model.device import DeviceTable
    from platform_abi.model.feature import Feature
    from platform_abi.model.guest import GuestDevices
    from platform_abi.model.machine import (
        CpuModel,
        DriverProperty,
        MachineType,
        Naming,
        QemuBuild,
        TypeTable,
    )
    from platform_abi.model.option_table import OptionTable
    from platform_abi.model.platform import Listing, Mask, Platform
    from platform_abi.model.realize import RealizeTable
    from platform_abi.model.visibility import Visibility

T = TypeVar("T")


class FileCatalogue(Catalogue):
    """Definitions in one or more folders of the layout of the packaged ones.

    Later folders add to earlier ones. One name with two meanings is an error that shows both
    files; the same twice is not. Every method may raise DefinitionError for a file that it has to
    read, and HostError for one that it cannot.
    """

    def __init__(
        self, roots: Sequence[str | os.PathLike[str]] | None = None, *, cache: str | None = None
    ) -> None:
        """*roots* default to the search path; *cache* is a folder, empty for none."""
        found = search_path() if roots is None else tuple(os.fspath(r) for r in roots)
        self._files = DefinitionFiles(found)
        self._cache = ValueCache(cache_folder() if cache is None else cache or None)
        self._made_reader: Reader | None = None
        self.memo: dict[Any, Any] = {}

    @property
    def roots(self) -> tuple[str, ...]:
        """Return the folders that the definitions are in, first to last."""
        return self._files.roots

    def locate(self, relative: str) -> str | None:
        """Return the path of the definition file that a source calls *relative*."""
        return self._files.locate(relative)

    def position(self, source: str, path: tuple[str | int, ...]) -> tuple[int, int]:
        """Return line and column of the key *path* in the definition file called *source*."""
        return self._files.position(source, path)

    def _value(
        self,
        key: tuple[str, ...],
        names: Sequence[str],
        files: Callable[[Sequence[str]], list[File]],
        read: Callable[[], tuple[T, Sequence[str]]],
    ) -> T:
        """Return the value called *key*: remembered, cached, or read.

        *read* returns it with the names of what it depends on, for which *files* finds the files.
        """
        if key not in self.memo:
            spelled = " ".join((*key, *self._files.roots[1:]))

            def paths(depends: Sequence[str]) -> list[str]:
                return [f"{root}/{relative}" for root, relative in files(depends)]

            found = self._cache.get(spelled, paths) if len(spelled) < _LONGEST_KEY else None
            if found is None:
                started = time.time_ns()
                found, names = read()
                if len(spelled) < _LONGEST_KEY:
                    self._cache.put(spelled, found, names, paths(names), started)
            self.memo[key] = found
        value: T = self.memo[key]
        return value

    def _reader(self) -> Reader:
        """Return what reads files; only what no cache knows comes to that."""
        if self._made_reader is None:
            from platform_abi.definitions.reading import Reader

            self._made_reader = Reader()
        return self._made_reader

    # --- features and capabilities ---------------------------------------------------------------

    def editions(self) -> tuple[str, ...]:
        """Return the released editions, oldest first."""
        if "editions" not in self.memo:
            from platform_abi.model.platform import EDITION

            files = {stem_of(file[1]): "/".join(file) for file in self._files.listed("editions")}
            wrong = [files[name] for name in sorted(files) if not EDITION.fullmatch(name)]
            if wrong:
                raise DefinitionError(
                    [f"{path}: expected a file name such as 2026.1.toml" for path in wrong],
                    code="definition-name",
                )
            self.memo["editions"] = tuple(sorted(files, key=natural))
        found: tuple[str, ...] = self.memo["editions"]
        return found

    def edition(self, name: str) -> EditionFile:
        """Return the lock of a released edition."""
        files = self._files.by_stem("editions").get(name, [])
        if not files:
            raise unknown("edition", name, self.editions(), code="unknown-edition")
        return self._reader().edition(name, files)

    def feature_stems(self) -> tuple[str, ...]:
        """Return the names of all feature files, sorted."""
        if "stems" not in self.memo:
            names = self._files.by_stem("features").keys() - {"examined"}
            self.memo["stems"] = tuple(sorted(names))
        found: tuple[str, ...] = self.memo["stems"]
        return found

    def features(self, stem: str) -> tuple[Feature, ...]:
        """Return the features of one family, sorted by id; empty where nothing defines any."""

        def read() -> tuple[tuple[Feature, ...], list[str]]:
            return self._reader().features(stem, self._files.by_stem("features").get(stem, [])), [
                stem
            ]

        return self._value(
            ("features", stem),
            [stem],
            lambda names: self._files.by_stem("features").get(names[0], []),
            read,
        )

    def examined(self) -> tuple[Examined, ...]:
        """Return the places in QEMU that were found to need no feature, with the reasons."""
        return self._reader().examined(self._files.by_stem("features").get("examined", []))

    def capabilities(self) -> dict[str, Capability]:
        """Return every host capability by id."""

        def read() -> tuple[dict[str, Capability], list[str]]:
            return self._reader().capabilities(self._files.listed("capabilities")), []

        return self._value(
            ("capabilities",), [], lambda _: self._files.listed("capabilities"), read
        )

    def devices(self) -> DeviceTable:
        """Return device families, network backends and accelerators."""

        def read() -> tuple[DeviceTable, list[str]]:
            return self._reader().devices(self._files.listed("devices")), []

        return self._value(("devices",), [], lambda _: self._files.listed("devices"), read)

    # --- platforms -------------------------------------------------------------------------------

    def platform_names(self) -> tuple[str, ...]:
        """Return the names of all platforms, sorted by lineage and version."""
        if "platforms" not in self.memo:
            self.memo["platforms"] = tuple(sorted(self._files.by_stem("platforms"), key=natural))
        found: tuple[str, ...] = self.memo["platforms"]
        return found

    def platform(self, name: str) -> Platform:
        """Return one platform with what it inherits; raises UnknownNameError."""

        def read() -> tuple[Platform, list[str]]:
            found = self._reader().platform(name, self.platform_files, self.platform_names())
            if found is None:
                raise unknown(
                    "platform",
                    name,
                    self.platform_names(),
                    code="unknown-platform",
                    help="'platform-abi platforms' lists all of them",
                )
            return found, [found.name, *found.extends]

        return self._value(
            ("platform", name),
            [name],
            lambda names: [file for each in names for file in self.platform_files(each)],
            read,
        )

    def platform_files(self, name: str) -> list[File]:
        """Return the files that define platform *name*; several are copies, or an error."""
        return self._files.by_stem("platforms").get(name, [])

    def listing(self, platform: Platform, feature: Feature) -> Listing | None:
        """Return what *platform* says of *feature*, by its list or by its levels."""
        key = ("meant", platform.name, stem := feature_stem(feature.id))
        if key not in self.memo:
            from platform_abi.definitions.meaning import check_listings

            check_listings(self, platform, stem)
            self.memo[key] = True
        found = platform.listings.get(feature.id)
        if found is not None or not platform.levels or feature.id in platform.removed:
            return found
        from platform_abi.definitions.levels import implied

        return implied(platform, feature, self.capabilities())

    def masks(self) -> tuple[Mask, ...]:
        """Return what this site withdraws."""
        files = self._files.listed("masks")
        if not files:
            return ()

        def read() -> tuple[tuple[Mask, ...], list[str]]:
            return self._reader().masks(files), []

        masks = self._value(("masks",), [], lambda _: files, read)
        from platform_abi.definitions.meaning import mask_fault

        if any(mask_fault(self, mask) for mask in masks):
            faults = self._reader().mask_faults(files, partial(mask_fault, self))
            raise DefinitionError(faults, code="definition-invalid")
        return masks

    # --- machine types ---------------------------------------------------------------------------

    def naming(self) -> Naming:
        """Return what the names of machine types and builds are made of."""
        return self._reader().naming(self._files.listed("machines"))

    def builds(self, arch: str) -> tuple[str, ...]:
        """Return the names of the QEMU builds known for *arch*, newest first."""
        key = ("builds", arch)
        if key not in self.memo:
            folders = self._files.listed("machines", depth=2)
            called = "" if arch.endswith((_TYPES, _PROPERTIES)) else arch
            names = {f.split("/")[1] for _, f in folders if stem_of(f) == called}
            self.memo[key] = tuple(sorted(names, key=natural, reverse=True))
        found: tuple[str, ...] = self.memo[key]
        return found

    def _machine_files(self, build: str, stem: str) -> list[File]:
        wanted = f"machines/{build}/{stem}.toml"
        return [file for file in self._files.listed("machines", depth=2) if file[1] == wanted]

    def build(self, name: str, arch: str) -> QemuBuild:
        """Return one build; raises UnknownNameError with the nearest names."""
        files = self._machine_files(name, arch)
        if not files:
            raise unknown("QEMU build", name, self.builds(arch), code="unknown-build")

        def read() -> tuple[QemuBuild, list[str]]:
            return self._reader().build(name, arch, files), []

        return self._value(("build", name, arch), [], lambda _: files, read)

    def machine(self, build: str, name: str, arch: str) -> MachineType:
        """Return one machine type of one build, with its compat properties."""
        known = self.build(build, arch)
        if name not in known.machines:
            raise unknown("machine type", name, known.machines, code="unknown-machine")
        files = self._machine_files(build, arch)

        def read() -> tuple[MachineType, list[str]]:
            return self._reader().machine(build, name, arch, files), []

        return self._value(("machine", build, name, arch), [], lambda _: files, read)

    def types(self, build: str, arch: str) -> TypeTable:
        """Return the QOM types that one build knows; empty where that was never recorded."""
        files = self._machine_files(build, f"{arch}{_TYPES}")

        def read() -> tuple[TypeTable, list[str]]:
            return self._reader().types(build, files), []

        return self._value(("types", build, arch), [], lambda _: files, read)

    def driver_properties(self, build: str, arch: str, driver: str) -> Mapping[str, DriverProperty]:
        """Return every property of *driver*, inherited ones included, sorted by name.

        Empty where the properties of that build were never recorded, or it has no such driver.
        """
        key = ("properties", build, arch, driver)
        if key in self.memo:
            known: Mapping[str, DriverProperty] = self.memo[key]
            return known
        types = self.types(build, arch)
        files = self._machine_files(build, f"{arch}{_PROPERTIES}")
        if not files or driver not in types:
            return {}

        def read() -> tuple[Mapping[str, DriverProperty], list[str]]:
            return self._reader().driver_properties(build, types, driver, files), []

        # The types say what is inherited.
        both = [*self._machine_files(build, f"{arch}{_TYPES}"), *files]
        return self._value(key, [], lambda _: both, read)

    def cpu_models(self, build: str, arch: str) -> Mapping[str, CpuModel]:
        """Return the CPU models of one build by name; empty where that was never recorded."""
        files = self._machine_files(build, f"{arch}{_PROPERTIES}")
        if not files:
            return {}

        def read() -> tuple[Mapping[str, CpuModel], list[str]]:
            return self._reader().cpu_models(build, files), []

        return self._value(("cpu-models", build, arch), [], lambda _: files, read)

    def realize(self) -> RealizeTable:
        """Return the rules of what values become when a device is realized."""

        def read() -> tuple[RealizeTable, list[str]]:
            return self._reader().realize(self._files.listed("realize")), []

        return self._value(("realize",), [], lambda _: self._files.listed("realize"), read)

    def guest_devices(self, arch: str) -> GuestDevices | None:
        """Return which devices are looked at in a machine of *arch*, None where none can be."""
        files = self._files.by_stem("guests").get(arch, [])
        return self._reader().guest_devices(arch, files) if files else None

    def property_rows(self, build: str, arch: str) -> Mapping[str, Mapping[str, tuple[str, ...]]]:
        """Return, by type, the type and default of every property that its parent has not so.

        Empty where the properties of that build were never recorded.
        """
        files = self._machine_files(build, f"{arch}{_PROPERTIES}")
        if not files:
            return {}

        def read() -> tuple[Mapping[str, Mapping[str, tuple[str, ...]]], list[str]]:
            return self._reader().property_rows(build, files), []

        return self._value(("property-rows", build, arch), [], lambda _: files, read)

    def options(self) -> OptionTable:
        """Return what there is to know of the options of QEMU's command line."""
        files = self._files.listed("options")

        def read() -> tuple[OptionTable, list[str]]:
            return self._reader().options(files), []

        return self._value(("options",), [], lambda _: files, read)

    def visibility(self) -> Visibility:
        """Return who can tell the values of which properties, and what boards come with."""
        files = self._files.listed("visibility")

        def read() -> tuple[Visibility, list[str]]:
            return self._reader().visibility(files), []

        return self._value(("visibility",), [], lambda _: files, read)

    def kept(self, key: tuple[str, ...], work_out: Callable[[], T]) -> T:
        """Return what *work_out* makes of definitions, plain data, kept under *key*.

        It is worked out again when a definition file changed that it may depend on: machine types,
        devices and who sees their properties, and features.
        """

        def files(_: Sequence[str]) -> list[File]:
            listed = self._files.listed
            single = [f for folder in _KEPT_FROM for f in listed(folder)]
            return [*listed("machines", depth=2), *single]

        return self._value(key, [], files, lambda: (work_out(), []))


#: What follows the architecture in the names of a build's other files.
_TYPES = "-types"
_PROPERTIES = "-properties"

#: Folders, besides that of machine types, that what is kept may be worked out from.
_KEPT_FROM = ("devices", "visibility", "realize", "features")

#: File names have at most 255 bytes; a catalogue of many long roots goes without a cache.
_LONGEST_KEY = 200


def load_catalogue() -> FileCatalogue:
    """Return the catalogue of the packaged definitions and of this site's own.

    Nothing is read yet: each file is when it is first needed.
    """
    return FileCatalogue()
