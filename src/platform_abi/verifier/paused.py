"""A paused QEMU that is started for nothing but being looked at, against its lockfile.

No guest runs, and nothing is left behind. Unlike a running machine it can be looked at as a guest
would: the 128 feature bits of every virtio device are read through ports and memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from platform_abi.guest.pci_config import VIRTIO_VENDOR
from platform_abi.guest.pci_function import function_facts
from platform_abi.guest.pci_hosts import pci_host
from platform_abi.guest.started import looked_at
from platform_abi.guest.view import LEGACY
from platform_abi.guest.virtio_ccw import VIRTIO_IDENTITY
from platform_abi.guest.virtio_mmio import IDENTITY
from platform_abi.launch.configuration_files import ConfigurationFiles
from platform_abi.model.abi import GuestAbi
from platform_abi.model.catalogue import Catalogue
from platform_abi.model.guest import DeviceView, MachineView
from platform_abi.model.host import HostReport
from platform_abi.model.value import evolve, frozen
from platform_abi.qemu.stdio_qmp import Qmp, QmpCommandError, QmpError
from platform_abi.verifier.buses import Buses, chain_of, place_on_board
from platform_abi.verifier.expected import expected
from platform_abi.verifier.harmless import harmless
from platform_abi.verifier.offered import promised_offer
from platform_abi.verifier.running import Answer, Ask, Command, RunningVm, look, read
from platform_abi.verifier.stand_in import StandIn, stand_in
from platform_abi.verifier.verification import Offer, Verification
from platform_abi.verifier.verify import NOTHING_KNOWN, verify

#: How long QEMU may take to start, and to answer, by default, in seconds.
TIMEOUT = 30.0

#: How the identity of every virtio device begins in a guest's view: on PCI with its vendor (virtio
#: 1.2, 4.1.2).
_VIRTIO = (f"{VIRTIO_VENDOR:04x}:", IDENTITY, VIRTIO_IDENTITY)

#: What is read where no function is, and what is said of that.
_NOTHING = "ffff:ffff"
_NOWHERE = "nothing was found in its place"


def verify_start(
    catalogue: Catalogue,
    abi: GuestAbi,
    binary: str,
    *,
    words: Sequence[str] | None = None,
    host: HostReport = NOTHING_KNOWN,
    timeout: float = TIMEOUT,
) -> Verification:
    """Return whether a *binary* started now gives a guest what *abi* says.

    With the arguments of *abi* and stand-ins for its backends; or with *words*, a whole command
    line, without what would take sockets and files from a QEMU that already runs with it.
    *host* is what is known of this host. *timeout*, in seconds, bounds each start and answer.

    A device that cannot be had here is left out, and unknown.

    Raises HostError (``qemu-failed``, ``qemu-timeout``, ``qemu-not-found``) for a QEMU that does
    not start.
    """
    paused = _paused(catalogue, abi, binary, words, timeout)
    vm = paused.seen.vm
    facts = paused.facts()
    return verify(
        catalogue,
        abi,
        # The arguments of an ABI say nothing of vCPUs and memory.
        evolve(vm, hardware={}) if words is None else vm,
        host=host,
        offers=paused.offers(facts),
        view=paused.view(facts),
        left_out=paused.left_out,
        omitted=paused.omitted,
    )


def look_at(
    catalogue: Catalogue,
    abi: GuestAbi,
    binary: str,
    *,
    words: Sequence[str] | None = None,
    timeout: float = TIMEOUT,
) -> MachineView:
    """Return what a guest of *abi* finds of its devices in a *binary* started for that now.

    *words*, *timeout* and what is raised are as ``verify_start`` has it. A device that cannot be
    had here, or is on no bus that can be looked at, is not in the view.
    """
    paused = _paused(catalogue, abi, binary, words, timeout)
    return paused.view(paused.facts())


def _paused(
    catalogue: Catalogue,
    abi: GuestAbi,
    binary: str,
    words: Sequence[str] | None,
    timeout: float,
) -> _Paused:
    """Return a QEMU that was started for *abi*, or with *words*, and asked of itself."""
    paused = _Paused(catalogue, abi, binary, timeout)
    if words is None:
        paused.start(stand_in(catalogue, abi))
    else:
        paused.start(harmless(catalogue, words, abi.vm, ConfigurationFiles().read))
    return paused


@frozen(kw_only=True)
class _Seen:
    """What a paused QEMU was like: properties, and where its PCI devices are.

    *words* are what it was started with. *chains* has, by the lockfile's labels, the slots and
    functions from the root bus on to the device; none for what is on no such bus. *places* are
    where they are on the board, and *drivers* are by label too.
    """

    words: tuple[str, ...]
    vm: RunningVm
    chains: Mapping[str, tuple[int, ...]]
    places: Mapping[str, str]
    drivers: Mapping[str, str]


class _Paused:
    """One binary, started as often as it takes to see everything."""

    seen: _Seen

    def __init__(self, catalogue: Catalogue, abi: GuestAbi, binary: str, timeout: float) -> None:
        self._catalogue = catalogue
        self._abi = abi
        self._binary = binary
        self._timeout = timeout
        #: Devices that cannot be had, by label, with the reason.
        self.left_out: dict[str, str] = {}
        #: Everything else that was left out.
        self.omitted: tuple[str, ...] = ()

    def start(self, made: StandIn) -> None:
        """Look at a QEMU with *made*, without the devices that it refuses to start with."""
        self.left_out = {part.device: part.why for part in made.parts if part.why}
        self.omitted = made.omitted
        while True:
            try:
                self.look(made.words(self.left_out))
            except QmpError as error:
                said = error.message
                parts = (part for part in made.parts if part.device not in self.left_out)
                blamed = next((part for part in parts if part.blamed(said)), None)
                if blamed is None or error.code != "qemu-failed":
                    raise
                reason = said.splitlines()[-1]
                self.left_out[blamed.device] = f"QEMU does not start with it: {reason}"
            else:
                return

    def look(self, words: Sequence[str]) -> None:
        """Read what a QEMU started with *words* says of itself."""
        with Qmp(self._binary, words, timeout=self._timeout) as qmp:
            ask = asking(qmp)
            vm = look(ask)
            wanted = expected(self._catalogue, self._abi, vm, self.left_out)
            vm = read(ask, vm, wanted.wanted())
            found = wanted.located.found.items()
            chains = {label: chain_of(ask, thing.path) for label, thing in found}
            places = {label: place_on_board(ask, thing.path) for label, thing in found}
            drivers = {label: thing.driver for label, thing in found}
        self.seen = _Seen(words=tuple(words), vm=vm, chains=chains, places=places, drivers=drivers)

    def facts(self) -> Mapping[str, DeviceView | str]:
        """Return what a guest finds of each device, by label, or why nobody could look at it.

        Nothing is said of one that is on no bus where guests look for devices.
        """
        machine, arch = self.seen.vm.machine_type, self._abi.vm.arch
        on_bus = {label: chain for label, chain in self.seen.chains.items() if chain}
        table = self._catalogue.guest_devices(arch)
        board = None if table is None else table.board_of(machine)
        if board is None:
            return dict.fromkeys(on_bus, f"{machine} has no bus that can be looked at")
        drivers, found = self.seen.drivers, dict[str, DeviceView | str]()
        with looked_at(self._binary, self.seen.words, board, timeout=self._timeout) as (guest, bus):
            names = set() if bus is None else {*bus.names()}
            for label, name in self.seen.places.items():
                if bus is not None and name in names and label not in on_bus:
                    facts = bus.facts(name)
                    view = None if facts is None else DeviceView(driver=drivers[label], facts=facts)
                    found[label] = view or _NOWHERE
            host = pci_host(guest, board) if on_bus and board.bus else None
            if host is None:
                return found | dict.fromkeys(
                    on_bus, "no host bridge is where boards of its kind have it"
                )
            buses = Buses(host)
            return found | {
                label: _found(buses, chain, drivers[label]) for label, chain in on_bus.items()
            }

    def offers(self, facts: Mapping[str, DeviceView | str]) -> dict[str, Offer]:
        """Return the feature bits of every virtio device that a definition describes."""
        found = {label: Offer(why=why) for label, why in self.left_out.items()}
        for label in self.seen.chains:
            offer = promised_offer(self._catalogue, self._abi, label)
            if offer is not None:
                seen = facts.get(label, "it is on no bus that can be looked at")
                found[label] = _offered(seen, offer)
        return found

    def view(self, facts: Mapping[str, DeviceView | str]) -> MachineView:
        """Return what a guest finds of the devices, as far as they could be looked at."""
        vm = self.seen.vm
        package = f" ({vm.package})" if vm.package else ""
        return MachineView(
            qemu=f"QEMU {vm.version}{package}",
            looked=True,
            devices={label: f for label, f in facts.items() if isinstance(f, DeviceView)},
        )


def asking(qmp: Qmp) -> Ask:
    """Return who asks a QEMU commands, refused ones too."""

    def one(name: str, arguments: Mapping[str, object]) -> Answer:
        try:
            return Answer(value=qmp.execute(name, **arguments))
        except QmpCommandError as error:
            return Answer(refused=error.message)

    def ask(commands: Sequence[Command]) -> list[Answer]:
        return [one(*command) for command in commands]

    return ask


def _found(buses: Buses, chain: tuple[int, ...], driver: str) -> DeviceView | str:
    """Return what a guest finds of the device at the end of *chain*, or why nobody can tell."""
    space = buses.at(chain)
    if space is None:
        return "it is behind a bridge, which cannot be looked at on this board"
    facts = function_facts(buses.host.ports, space)
    if facts["identity"] == _NOTHING:
        return _NOWHERE
    # The ports of a legacy device behind a bridge are not forwarded: nobody gave that a window.
    unread = [fact for fact in facts if len(chain) > 1 and fact.startswith(LEGACY)]
    return DeviceView(
        driver=driver,
        facts={fact: text for fact, text in facts.items() if fact not in unread},
        untold=tuple(unread),
    )


def _offered(seen: DeviceView | str, offer: Offer) -> Offer:
    """Return *offer* with what the device offers of which this was *seen*."""
    if isinstance(seen, str):
        return Offer(why=seen)
    text = seen.facts.get("features", seen.facts.get("legacy-features"))
    if text is None or not seen.facts["identity"].startswith(_VIRTIO):
        return Offer(why="nothing that can be read was found in its place")
    return Offer(offered=int(text, 16), promised=offer.promised, names=offer.names)
