"""What is known of builds of QEMU: what is defined, and what a QEMU has said of itself."""

from __future__ import annotations

import copy
import re
from typing import TYPE_CHECKING, Final, Self, TypeVar

from platform_abi.definitions.files import natural
from platform_abi.definitions.values import DefinitionValues
from platform_abi.errors import unknown

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping, Sequence

    from platform_abi.definitions.kinds.properties import Document as PropertiesFile
    from platform_abi.definitions.learned import LearnedDefinitions
    from platform_abi.definitions.machines import BuildMachines
    from platform_abi.model.driver import CpuModel, DriverProperty
    from platform_abi.model.machine import MachineType, QemuBuild, TypeTable
    from platform_abi.model.stream import StreamTable


T = TypeVar("T")

#: What the name of a build ends with that a QEMU has said of itself: the begin of its identity.
LEARNED: Final = re.compile(r".+-[0-9a-f]{12}")


class BuildValues(DefinitionValues):
    """The half of a catalogue that is about builds of QEMU: see ``FileCatalogue``."""

    def __init__(
        self, roots: Sequence[str | os.PathLike[str]] | None = None, *, compiled: bool = True
    ) -> None:
        """*roots* and *compiled* are as of ``DefinitionValues``.

        What QEMUs have said is looked for with the default roots only.
        """
        super().__init__(roots, compiled=compiled)
        self._looks_for_learned = roots is None
        self._learned: dict[tuple[str, str], LearnedDefinitions] = {}

    # --- QEMUs that were asked -------------------------------------------------------------------

    def with_learned(self, learned: LearnedDefinitions) -> Self:
        """Return this catalogue with what one QEMU has said, wherever that is kept."""
        made = copy.copy(self)
        made.__dict__["_learned"] = {**self._learned, (learned.build, learned.arch): learned}
        # It may have been asked again: what was worked out of its earlier answers goes.
        made.memo = {
            key: value
            for key, value in self.memo.items()
            if type(key) is tuple and learned.build not in key
        }
        return made

    def learned(self, arch: str) -> tuple[str, ...]:
        """Return what QEMUs for *arch* are called that were asked, newest first."""
        names = {name for name, its in {**self._kept(), **self._learned} if its == arch}
        return tuple(sorted(names, key=natural, reverse=True))

    def has_build(self, name: str, arch: str) -> bool:
        """Return whether *name* is a build, of the definitions or of a QEMU that was asked."""
        return self._has("machines", name, arch)

    def _kept(self) -> dict[tuple[str, str], LearnedDefinitions]:
        def read() -> dict[tuple[str, str], LearnedDefinitions]:
            from platform_abi.definitions.learned import every_learned
            from platform_abi.definitions.state import state_folders

            folders = state_folders() if self._looks_for_learned else ()
            return {(e.build, e.arch): e for e in every_learned(folders) if not e.defined}

        return self.kept(("learned",), read)

    def _from_learned(self, build: str, arch: str) -> LearnedDefinitions | None:
        """Return what a QEMU called *build* has said, None where no QEMU that was asked is."""
        if self._files.of("machines", build, arch) or not LEARNED.fullmatch(build):
            return None
        return self._learned.get((build, arch)) or self._kept().get((build, arch))

    def _has(self, kind: str, *key: str) -> bool:
        """Return whether anything is known of *kind* under *key*, of a build."""
        if self._files.of(kind, *key):
            return True
        learned = self._from_learned(*key)
        return learned is not None and learned.has((_LEARNED_KINDS.get(kind, kind), *key))

    def _settled(self, key: tuple[str, ...], read: Callable[[], T]) -> T:
        """Return the value called *key* as ``DefinitionValues`` does, or as a QEMU has said it."""

        def read_or_learned() -> T:
            learned = self._from_learned(*key[1:]) if len(key) == _OF_BUILD else None
            if learned is None or not learned.has(key):
                return read()
            value: T = learned.value(key)
            return value

        return super()._settled(key, read_or_learned)

    # --- machine types ---------------------------------------------------------------------------

    def builds(self, arch: str) -> tuple[str, ...]:
        """Return the names of the QEMU builds known for *arch*, newest first."""

        def read() -> tuple[str, ...]:
            names = {build for build, its in self._files.keys("machines") if its == arch}
            return tuple(sorted(names, key=natural, reverse=True))

        return self.kept(("builds", arch), read)

    def _check_build(self, build: str, arch: str) -> None:
        if not self._has("machines", build, arch):
            raise unknown("QEMU build", build, self.builds(arch), code="unknown-build")

    def _machines(self, build: str, arch: str) -> BuildMachines:
        self._check_build(build, arch)
        found: BuildMachines = self.value("machines", build, arch)
        return found

    def build(self, name: str, arch: str) -> QemuBuild:
        """Return one build; raises UnknownNameError with the nearest names."""
        self._check_build(name, arch)
        return self._settled(("build", name, arch), lambda: self._machines(name, arch).build)

    def machine(self, build: str, name: str, arch: str) -> MachineType:
        """Return one machine type of one build, with its compat properties."""
        known = self._machines(build, arch)
        if name not in known.entries:
            raise unknown("machine type", name, known.entries, code="unknown-machine")
        return self.kept(("machine", build, name, arch), lambda: known.machine(name))

    def types(self, build: str, arch: str) -> TypeTable:
        """Return the QOM types that one build knows; empty where that was never recorded."""
        if not self._has("types", build, arch):
            from platform_abi.model.machine import TypeTable

            return self.kept(("types", build, arch), TypeTable)
        found: TypeTable = self.value("types", build, arch)
        return found

    def unmigratable(self, build: str, arch: str) -> frozenset[str] | None:
        """Return the QOM types with which one build refuses to migrate; None: never recorded."""
        if not self._has("migration", build, arch):
            return None
        found: frozenset[str] = self.value("migration", build, arch)
        return found

    def streams(self, arch: str) -> StreamTable | None:
        """Return what was found out by moving guests between builds; None: it was never tried."""
        if not self._files.of("streams", arch):
            return None
        found: StreamTable = self.value("streams", arch)
        return found

    def _properties(self, build: str, arch: str) -> PropertiesFile:
        found: PropertiesFile = self.value("properties", build, arch)
        return found

    def driver_properties(self, build: str, arch: str, driver: str) -> Mapping[str, DriverProperty]:
        """Return every property of *driver*, inherited ones included, sorted by name.

        Empty where the properties of that build were never recorded, or it has no such driver.
        """

        def read() -> Mapping[str, DriverProperty]:
            from platform_abi.model.driver import DriverProperty

            types = self.types(build, arch)
            every = self.property_rows(build, arch)
            if driver not in types:
                return {}
            rows: dict[str, tuple[str, ...]] = {}
            for step in reversed([*types.ancestry(driver)]):
                rows.update(every.get(step, {}))
            return {
                name: DriverProperty(type=row[0], default=row[1] if len(row) > 1 else None)
                for name, row in sorted(rows.items())
            }

        return self.kept(("driver-properties", build, arch, driver), read)

    def cpu_models(self, build: str, arch: str) -> Mapping[str, CpuModel]:
        """Return the CPU models of one build by name; empty where that was never recorded."""
        if not self._has("properties", build, arch):
            return {}
        return self._settled(
            ("cpu-models", build, arch),
            lambda: dict(sorted(self._properties(build, arch).cpu.items())),
        )

    def property_rows(self, build: str, arch: str) -> Mapping[str, Mapping[str, tuple[str, ...]]]:
        """Return, by type, the type and default of every property that its parent has not so.

        Empty where the properties of that build were never recorded.
        """
        if not self._has("properties", build, arch):
            return {}
        return self._settled(
            ("property-rows", build, arch), lambda: self._properties(build, arch).type
        )


#: A kind, a build and an architecture.
_OF_BUILD = 3

#: What of a kind of file is kept of a QEMU that was asked, where that is called otherwise.
_LEARNED_KINDS = {"properties": "property-rows"}
