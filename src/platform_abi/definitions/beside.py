"""A catalogue with builds beside its own: those of the QEMUs that host reports hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from platform_abi.model.value import evolve

if TYPE_CHECKING:
    from platform_abi.model.catalogue import Catalogue
    from platform_abi.model.driver import CpuModel, DriverProperty
    from platform_abi.model.machine import MachineType, QemuBuild, TypeTable


def builds_beside(
    catalogue: Catalogue, more: Mapping[str, tuple[Catalogue, str, str]]
) -> Catalogue:
    """Return *catalogue* with *more* builds, which come last.

    *more* has, by the name to call it, a build: its catalogue, its name there, its architecture.
    """
    return cast("Catalogue", _Beside(catalogue, more))


class _Beside:
    """All that a catalogue says, and builds of other catalogues under names that it has not."""

    def __init__(
        self, catalogue: Catalogue, more: Mapping[str, tuple[Catalogue, str, str]]
    ) -> None:
        self.memo: dict[Any, Any] = {}
        self._catalogue = catalogue
        self._more = more

    def __getattr__(self, name: str) -> Any:
        # What no build has a part in.
        return getattr(self._catalogue, name)

    def builds(self, arch: str) -> tuple[str, ...]:
        """Return the names of the builds, the catalogue's own first."""
        more = [name for name, (_, _, its) in self._more.items() if its == arch]
        return (*self._catalogue.builds(arch), *more)

    def has_build(self, name: str, arch: str) -> bool:
        """Return whether *name* is a build, also of a QEMU that was asked."""
        return name in self.builds(arch) or self._catalogue.has_build(name, arch)

    def _of(self, build: str) -> tuple[Catalogue, str]:
        catalogue, name, _ = self._more.get(build, (self._catalogue, build, ""))
        return catalogue, name

    def build(self, name: str, arch: str) -> QemuBuild:
        """Return one build; raises UnknownNameError with the nearest names."""
        catalogue, its = self._of(name)
        found = catalogue.build(its, arch)
        return found if found.name == name else evolve(found, name=name)

    def machine(self, build: str, name: str, arch: str) -> MachineType:
        """Return one machine type of one build, with its compat properties."""
        catalogue, its = self._of(build)
        return catalogue.machine(its, name, arch)

    def types(self, build: str, arch: str) -> TypeTable:
        """Return the QOM types that one build knows; empty where that was never recorded."""
        catalogue, its = self._of(build)
        return catalogue.types(its, arch)

    def unmigratable(self, build: str, arch: str) -> frozenset[str] | None:
        """Return the QOM types with which one build refuses to migrate; None: never recorded."""
        catalogue, its = self._of(build)
        return catalogue.unmigratable(its, arch)

    def driver_properties(self, build: str, arch: str, driver: str) -> Mapping[str, DriverProperty]:
        """Return every property of *driver* in one build, sorted by name."""
        catalogue, its = self._of(build)
        return catalogue.driver_properties(its, arch, driver)

    def cpu_models(self, build: str, arch: str) -> Mapping[str, CpuModel]:
        """Return the CPU models of one build by name; empty where that was never recorded."""
        catalogue, its = self._of(build)
        return catalogue.cpu_models(its, arch)

    def property_rows(self, build: str, arch: str) -> Mapping[str, Mapping[str, tuple[str, ...]]]:
        """Return, by type, the type and default of every property that its parent has not so."""
        catalogue, its = self._of(build)
        return catalogue.property_rows(its, arch)
