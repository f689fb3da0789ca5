"""What the properties of a running QEMU have to be, by a lockfile and the definitions of its build.

A QEMU reads back what it made of a value when it realized the device, so that is what is expected:
the rules of ``definitions/realize`` say what becomes of ``auto`` and the like.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from platform_abi.model.abi import GuestAbi
from platform_abi.model.catalogue import Catalogue
from platform_abi.model.device import MACHINE
from platform_abi.model.machine import QemuBuild, TypeTable
from platform_abi.model.realize import PropertyValue
from platform_abi.model.value import evolve, frozen
from platform_abi.model.vm import Device
from platform_abi.resolver.cpu_models import cpu_model
from platform_abi.resolver.full import full_properties
from platform_abi.resolver.machine_choice import nearest_build, release_of
from platform_abi.resolver.machine_table import KnownBuild, known_build
from platform_abi.verifier.located import Located, locate
from platform_abi.verifier.running import RunningObject, RunningVm

#: Where a PCI device is: on which bus, and its slot and function as one number.
BUS, ADDRESS = "parent_bus", "addr"


def _is_placed(values: Mapping[str, PropertyValue]) -> bool:
    return ADDRESS in values and values[ADDRESS].left_to is not None


@frozen(kw_only=True)
class ExpectedObject:
    """One object of a running QEMU, and the values that its properties have to have.

    *device* is the label of the lockfile's device, or what QEMU calls one that it does not have;
    None for the board and the CPU. *listed* is whether the lockfile has the device.
    """

    path: str
    driver: str
    device: str | None
    values: Mapping[str, PropertyValue]
    listed: bool = True


@frozen(kw_only=True)
class Expected:
    """What a running QEMU has to be by a lockfile.

    *build* is the one by whose definitions that was worked out, None where none has the machine
    type; *exact* is whether it is of the running QEMU's own release. *undefined* are objects whose
    driver it does not know.
    """

    build: str | None
    exact: bool
    located: Located
    #: The QOM type of the CPU model; empty where nobody knows it.
    cpu: str = ""
    objects: tuple[ExpectedObject, ...] = ()
    undefined: tuple[RunningObject, ...] = ()

    def wanted(self) -> dict[str, list[str]]:
        """Return the properties that have to be read, by path.

        Where QEMU gives PCI devices their places, that is among them: their order is promised.
        """
        return {
            thing.path: [
                *(name for name, value in thing.values.items() if value.left_to is None),
                *((ADDRESS, BUS) if _is_placed(thing.values) else ()),
            ]
            for thing in self.objects
        }


def expected(
    catalogue: Catalogue, abi: GuestAbi, vm: RunningVm, left_out: Collection[str] = ()
) -> Expected:
    """Return what *vm* has to be by *abi*; only what it consists of has to be known of it.

    Of another machine type or architecture nothing is expected. *left_out* are devices, by label,
    that it was not given.
    """
    same = (abi.vm.machine, abi.vm.arch) == (vm.machine_type, vm.arch)
    build = (
        nearest_build(catalogue, abi.vm.machine, vm.arch, vm.version, vm.package) if same else None
    )
    if build is None:
        return Expected(build=None, exact=False, located=locate(TypeTable(), abi.vm, vm, left_out))
    located = locate(catalogue.types(build.name, vm.arch), abi.vm, vm, left_out)
    work = _Expectation(catalogue, abi, vm, build, located)
    return Expected(
        build=build.name,
        exact=release_of(build.version) == release_of(vm.version),
        located=located,
        cpu=work.cpu_type(),
        objects=tuple(work.objects()),
        undefined=tuple(work.unknown),
    )


class _Expectation:
    """What is expected of one running machine, in the making."""

    def __init__(
        self,
        catalogue: Catalogue,
        abi: GuestAbi,
        vm: RunningVm,
        build: QemuBuild,
        located: Located,
    ) -> None:
        self._catalogue = catalogue
        self._abi = abi
        self._vm = vm
        self._build = build
        self._located = located
        self._known: KnownBuild = known_build(catalogue, build.name, abi.vm.arch)
        #: Objects whose driver the build does not know.
        self.unknown: list[RunningObject] = []

    def objects(self) -> Iterator[ExpectedObject]:
        """Yield the board, the CPU and every device of which something is expected."""
        yield ExpectedObject(
            path=self._vm.machine.path, driver=MACHINE, device=None, values=self._options()
        )
        full = self._full()
        for label, thing in self._located.found.items():
            if label in full:
                yield ExpectedObject(
                    path=thing.path, driver=thing.driver, device=label, values=full[label]
                )
        for thing in (*self._located.plugged, *self._located.board):
            values = self._promised(thing.driver, full.get(thing.path, {}))
            if values:
                yield ExpectedObject(
                    path=thing.path,
                    driver=thing.driver,
                    device=thing.name,
                    values=values,
                    listed=False,
                )
        cpu = self._vm.cpu
        if cpu is not None and cpu.driver == self.cpu_type():
            yield ExpectedObject(
                path=cpu.path, driver=cpu.driver, device=None, values=self._decided(full[cpu.path])
            )

    def cpu_type(self) -> str:
        """Return the QOM type of the CPU model, nothing where the build does not know it."""
        vm = self._abi.vm
        if vm.cpu is None:
            machine = self._catalogue.machine(self._build.name, vm.machine, vm.arch)
            return machine.cpu if machine.cpu in self._known.types else ""
        model = cpu_model(self._catalogue, self._build.name, vm.arch, vm.cpu.model)
        return model.type if model is not None and model.type in self._known.types else ""

    def _options(self) -> dict[str, PropertyValue]:
        """Return the options of ``-machine``, which are properties of the board."""
        platform = {
            s.property: PropertyValue(value=s.value, layer=s.layer, source=s.source)
            for s in self._abi.settings
            if s.driver == MACHINE
        }
        return platform | {
            name: PropertyValue(value=value, layer="device", source="argument")
            for name, value in self._abi.vm.machine_options
        }

    def _full(self) -> dict[str, Mapping[str, PropertyValue]]:
        """Return every property of the lockfile's devices, by label, and of all others, by path."""
        vm = self._abi.vm
        devices = [
            evolve(device, id=label)
            for label, device in vm.labelled()
            if label in self._located.found and self._knows(self._located.found[label])
        ]
        devices += [
            Device(driver=thing.driver, id=thing.path)
            for thing in self._located.plugged
            if self._knows(thing)
        ]
        board = [t for t in self._located.board if t.driver in self._known.types]
        devices += [Device(driver=thing.driver, id=thing.path) for thing in board]
        cpu = self._vm.cpu
        if cpu is not None and cpu.driver == self.cpu_type():
            devices.append(Device(driver=cpu.driver, id=cpu.path, properties=vm.cpu_properties))
        whole = evolve(self._abi, vm=evolve(vm, devices=tuple(devices)))
        found = full_properties(
            self._catalogue, whole, build=self._build.name, vcpus=self._vm.vcpus
        )
        return {label: device.properties for label, device in found.items()}

    def _knows(self, thing: RunningObject) -> bool:
        """Return whether the build knows the driver of *thing*, and remember it where not."""
        if thing.driver in self._known.types:
            return True
        self.unknown.append(thing)
        return False

    def _promised(
        self, driver: str, values: Mapping[str, PropertyValue]
    ) -> dict[str, PropertyValue]:
        """Return those of *values* that the lockfile gives to every device of *driver*."""
        names = self._names(driver)
        return {name: value for name, value in values.items() if name in names}

    def _names(self, driver: str) -> set[str]:
        """Return the properties that the lockfile sets on every device of *driver*."""
        types = self._known.device_types(driver).every
        return {s.property for s in self._abi.settings if s.device is None and s.driver in types}

    def _decided(self, values: Mapping[str, PropertyValue]) -> dict[str, PropertyValue]:
        """Return those of a CPU's *values* that something besides its model decides.

        What a model is made of is no default that QEMU lists, and a vCPU's own numbers follow from
        the topology.
        """
        names = self._names(self.cpu_type())
        return {
            name: value
            for name, value in values.items()
            if value.final is not None and (value.layer != "default" or name in names)
        }
