"""A lockfile for what a virtual machine has become since its start: by what its QEMU says.

A device that was plugged in by hand has the values that it was given there. Of what the host calls
things, nothing is stored: who writes the next command line knows that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from platform_abi.errors import UsageError
from platform_abi.guest.buses import place_of
from platform_abi.launch.plugged import Plugged, with_plugged
from platform_abi.model.abi import GuestAbi
from platform_abi.model.catalogue import Catalogue
from platform_abi.model.realize import PropertyValue
from platform_abi.model.value import evolve, frozen
from platform_abi.model.vm import BEHIND, DEVICE, Device, Properties, VirtualMachine
from platform_abi.resolver.admission import Known, portable
from platform_abi.resolver.full import full_properties
from platform_abi.resolver.hotplug import fixed_devices
from platform_abi.resolver.machine_choice import choose_machine
from platform_abi.resolver.machine_table import KnownBuild, known_build
from platform_abi.resolver.places import described_devices, slot_text
from platform_abi.resolver.virtual_machine import known_backend
from platform_abi.verifier.expected import ADDRESS, BUS, Expected
from platform_abi.verifier.located import Located
from platform_abi.verifier.properties import same
from platform_abi.verifier.running import RunningObject, RunningVm
from platform_abi.verifier.verification import Verification

_CPUS = "smp.cpus"
_BUS, _NETDEV = "bus", "netdev"


@frozen(kw_only=True)
class Updated:
    """A lockfile's ABI as it is now, and in a line each what is to be said of it."""

    abi: GuestAbi
    remarks: tuple[str, ...] = ()


def wanted_of_plugged(catalogue: Catalogue, expected: Expected, arch: str) -> dict[str, list[str]]:
    """Return the properties that have to be read of devices that were plugged in, by path."""
    if expected.build is None:
        return {}
    known = known_build(catalogue, expected.build, arch)
    return {
        thing.path: [*known.kinds(thing.driver), BUS]
        for thing in expected.located.plugged
        if thing.driver in known.types
    }


def hindrances(found: Verification, located: Located) -> tuple[str, ...]:
    """Return in a line each what is otherwise and was not plugged: it is no later state of it."""
    plugged = {thing.name for thing in located.plugged}
    return tuple(
        finding.message
        for finding in found.findings
        if finding.severity == "drift"
        and finding.code != "device-missing"
        and (finding.device is None or finding.device not in plugged)
    )


def updated(
    catalogue: Catalogue,
    stored: GuestAbi,
    vm: RunningVm,
    expected: Expected,
    backends: Mapping[str, str],
) -> Updated:
    """Return *stored* for what *vm*, whose properties were read, has now.

    *backends* are the kinds of netdevs, by id, as far as somebody said so.

    Raises UsageError: ``lock-other-vm`` where something went that cannot be plugged out,
    ``driver-undefined`` for a device that the definitions do not know, ``backend-untold`` where
    QEMU does not tell what is behind one.
    """
    if expected.build is None or expected.undefined:
        names = ", ".join(thing.name for thing in expected.undefined) or vm.machine_type
        raise UsageError(
            f"the definitions do not know all of it: {names}",
            code="driver-undefined",
            help="'platform-abi import-qemu' writes definitions of this very binary",
        )
    located = expected.located
    stuck = sorted(fixed_devices(catalogue, stored.vm).intersection(located.gone))
    if stuck:
        raise UsageError(
            f"not there, though none that can be plugged out: {', '.join(stuck)}",
            code="lock-other-vm",
            help="it is another virtual machine's lockfile",
        )
    cpus = _cpus(stored.vm, vm)
    if not (located.plugged or located.gone or cpus):
        return Updated(abi=stored)
    work = _Update(
        catalogue=catalogue, stored=stored, vm=vm, build=expected.build, backends=backends
    )
    abi = work.machine(located, cpus)
    came = abi.vm.labels()[len(abi.vm.devices) - len(located.plugged) :]
    plugged = Plugged(came=tuple(came), went=located.gone, cpus=cpus)
    abi, added = with_plugged(catalogue, stored, abi, plugged)
    return Updated(abi=abi, remarks=(*plugged.remarks(), *added))


def _cpus(stored: VirtualMachine, vm: RunningVm) -> tuple[str, str] | None:
    """Return how many vCPUs there were and are, None where that is the same or untold."""
    before = dict(stored.hardware or ()).get(_CPUS)
    if before is None or vm.present is None or before == str(vm.present):
        return None
    return before, str(vm.present)


@frozen(kw_only=True)
class _Update:
    """What a running QEMU has, on its way to the words of a virtual machine."""

    catalogue: Catalogue
    stored: GuestAbi
    vm: RunningVm
    build: str
    backends: Mapping[str, str]

    @property
    def _known(self) -> KnownBuild:
        return known_build(self.catalogue, self.build, self.stored.vm.arch)

    def machine(self, located: Located, cpus: tuple[str, str] | None) -> GuestAbi:
        """Return the stored ABI without what is gone, and with what was plugged at the end."""
        before = self.stored.vm
        left = [(label, d) for label, d in before.labelled() if label not in located.gone]
        kept = tuple(device for _, device in left)
        bare = evolve(before, devices=(*kept, *map(self._bare, located.plugged)))
        shown = full_properties(
            self.catalogue,
            evolve(self.stored, vm=bare),
            build=self.build,
            vcpus=self.vm.vcpus,
        )
        new = bare.labels()[len(kept) :]
        came = tuple(
            evolve(
                device,
                properties=(*device.properties, *self._properties(thing, shown[label].properties)),
            )
            for label, thing, device in zip(
                new, located.plugged, bare.devices[len(kept) :], strict=True
            )
        )
        # One without an id is called by its place, and that may be another one now.
        called = dict(zip((label for label, _ in left), bare.labels(), strict=False))
        seen = (*(called[label] for label in before.seen if label in called), *new)
        now = portable(self.catalogue, evolve(bare, devices=(*kept, *came), seen=seen))
        return evolve(
            self.stored,
            vm=evolve(now, hardware=self._hardware(now, called, cpus)),
            settings=tuple(
                s if s.device is None else evolve(s, device=called[s.device])
                for s in self.stored.settings
                if s.device is None or s.device in called
            ),
        )

    def _bare(self, thing: RunningObject) -> Device:
        name = thing.name if thing.place == "peripheral" else None
        bus = thing.properties.get(BUS, "").rpartition("/")[2]
        return Device(
            driver=thing.driver,
            id=name,
            properties=((_BUS, bus),) if bus else (),
            backend=self._backend(thing),
        )

    def _backend(self, thing: RunningObject) -> str:
        """Return the kind of what is behind a NIC: what was said, or all that it can be."""
        name = thing.properties.get(_NETDEV)
        if not name:
            return ""
        table = self.catalogue.devices()
        if name in self.backends:
            return known_backend(table, self.backends[name])
        told = (self.vm.netdevs or {}).get(name, "")
        kinds = sorted(
            {kind.name for kind in table.backends if told in {*kind.netdev, *kind.shown_as}}
        )
        if len(kinds) == 1:
            return kinds[0]
        raise UsageError(
            f"QEMU does not tell what is behind {thing.name}"
            + (f": {', '.join(kinds)} look alike" if kinds else ""),
            code="backend-untold",
            help=f"say it: --backend {name}=KIND",
        )

    def _properties(
        self, thing: RunningObject, shown: Mapping[str, PropertyValue]
    ) -> Iterator[tuple[str, str]]:
        """Yield the place of *thing*, and properties that are not what they are by themselves."""
        admitted = Known(self.catalogue, self.stored.vm)
        lineage = (*self._known.types.ancestry(thing.driver),)
        visibility = self.catalogue.visibility()
        for name, value in thing.properties.items():
            if name in {BUS, _NETDEV} or visibility.seen(lineage, name) == "host":
                continue
            if name == ADDRESS:
                yield name, _slot(value)
            elif (
                name in shown
                and _own(shown[name], value)
                and admitted.property(thing.driver, name, value)
            ):
                yield name, value

    def _hardware(
        self, now: VirtualMachine, called: Mapping[str, str], cpus: tuple[str, str] | None
    ) -> Properties | None:
        """Return what is known of *now* besides: of what came, only what it is and where.

        *called* has what stayed, by its earlier label.
        """
        if now.hardware is None:
            return None
        facts: dict[str, str] = {}
        for key, text in now.hardware:
            prefix = next((p for p in (DEVICE, BEHIND) if key.startswith(p)), "")
            label = key.removeprefix(prefix)
            if not prefix or label in called:
                facts[prefix + called[label] if prefix else key] = text
        if cpus is not None:
            facts[_CPUS] = cpus[1]
        build, machine = choose_machine(self.catalogue, now.machine, now.arch, now.build)
        behind = {k.removeprefix(BEHIND): text for k, text in facts.items() if k.startswith(BEHIND)}
        texts = described_devices(self.catalogue, now, build.name, machine, behind)
        for label, text in texts.items():
            facts.setdefault(f"{DEVICE}{label}", text)
        return tuple(sorted(facts.items()))


def _own(by_itself: PropertyValue, value: str) -> bool:
    """Return whether a property would not be *value* by itself, as far as anybody can tell."""
    if by_itself.final is None:
        return by_itself.left_to == "placement"
    return not same(by_itself.final, value)


def _slot(value: str) -> str:
    """Return the place of a PCI device as it is written, from the number that QEMU reads back."""
    return place_of((int(value),)) if value.isdecimal() else slot_text(value)
