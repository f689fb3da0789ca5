"""Which questions a QEMU can be asked about its host: worked out from the catalogue.

A feature drives properties, and requires something of the host. So a property that is forced on,
and the bit, the flag or the start by which QEMU shows what became of it, are a question about that.
Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from platform_abi.guest.virtio_ccw import channel_device
from platform_abi.host.conclude import Observation
from platform_abi.model.catalogue import Catalogue
from platform_abi.model.device import MACHINE, DeviceFamily, VirtioBit
from platform_abi.model.feature import Feature
from platform_abi.model.value import frozen
from platform_abi.qemu.inventory import Inventory, accelerator_type, board_type

#: Where a device is plugged in to be asked about: free on every board with a PCI bus.
SLOT = 5
#: And where one behind a channel is, which boards have free as well.
CHANNEL = channel_device(SLOT)


@frozen(kw_only=True)
class BitQuestion:
    """A property to be forced on, the bit that shows whether it came to be, and what that takes."""

    property: str
    bit: VirtioBit
    needs: tuple[str, ...]
    opt_in: bool


@frozen(kw_only=True)
class DeviceQuestion:
    """A device behind a kind of backend, with everything on that depends on the host there."""

    driver: str
    backend: str
    #: The device's own options, and the netdev that they name, if it is one that has one.
    options: str
    netdev: str
    bits: tuple[BitQuestion, ...]
    #: Where it is plugged in.
    place: str = f"addr={SLOT:#x}"

    @property
    def needs(self) -> frozenset[str]:
        """Return every capability that is asked about."""
        return frozenset(name for question in self.bits for name in question.needs)

    def arguments(self, bits: Sequence[BitQuestion]) -> list[str]:
        """Return what QEMU is started with to be asked about *bits*."""
        forced = "".join(f",{question.property}=on" for question in bits)
        device = ["-device", f"{self.driver},{self.place},{self.options}{forced}"]
        return ["-netdev", self.netdev, *device] if self.netdev else device

    def seen(self, bits: Sequence[BitQuestion], offered: int) -> Iterator[Observation]:
        """Yield what the feature bits *offered* by such a device say."""
        for question in bits:
            granted = bool(offered >> question.bit.bit & 1)
            yield Observation(
                needs=question.needs,
                granted=granted,
                detail=f"{self.driver},{question.property}=on behind {self.backend}"
                f" {'offers' if granted else 'lacks'} {question.bit.name}",
            )


@frozen(kw_only=True)
class BoardQuestion:
    """An option that QEMU starts with where the host can do it, and refuses elsewhere."""

    arguments: tuple[str, ...]
    needs: tuple[str, ...]

    def seen(self, started: bool, words: str) -> Observation:
        """Return what it says that QEMU has *started* with the option, or not, with these words."""
        return Observation(
            needs=self.needs,
            granted=started,
            detail=f"{' '.join(self.arguments)}: " + ("starts" if started else words),
        )


def device_drivers(catalogue: Catalogue) -> list[str]:
    """Return the drivers that ``device_questions`` has to know the properties of."""
    return [driver for family, *_ in _asked(catalogue) for driver in family.proxies]


def device_questions(
    catalogue: Catalogue, known: Inventory, *, channels: bool = False
) -> Iterator[DeviceQuestion]:
    """Yield the questions that virtio devices answer by the feature bits that they offer.

    They are on PCI, or behind *channels*.
    """
    looked_at = catalogue.guest_devices(known.arch)
    behind = {d.driver for d in (looked_at.device if looked_at else ()) if d.on == "ccw"}
    common = catalogue.devices().common_bits
    for family, backend, netdev in _asked(catalogue):
        # The first is the one that PCI names without a suffix.
        names = [name for name in family.proxies if not channels or name in behind]
        driver = next((name for name in names if known.options.get(name)), None)
        if driver is None:
            continue
        bits = {bit.property: bit for bit in (*common, *family.bit) if not bit.never | bit.legacy}
        bits = {name: bit for name, bit in bits.items() if name in known.options[driver]}
        asked = [
            BitQuestion(property=name, bit=bits[name], needs=needs, opt_in=feature.opt_in)
            for feature, needs in _features(catalogue, family, backend)
            if not feature.drivers
            for name in _own_properties(feature, family)
            if name in bits
        ]
        if asked:
            yield DeviceQuestion(
                driver=driver,
                backend=backend,
                options="netdev=n0" if netdev else family.asked,
                netdev=netdev,
                bits=tuple(asked),
                place=f"devno={CHANNEL}" if channels else f"addr={SLOT:#x}",
            )


def cpu_observations(
    catalogue: Catalogue, known: Inventory, accelerator: str
) -> Iterator[Observation]:
    """Yield what the flags of ``-cpu host`` say; each is on where the accelerator lets it through.

    Not granted by default is not refused: what nobody turns on by itself was not asked for.
    """
    for name, needs in cpu_flags(catalogue, known, accelerator):
        value = known.cpu.get(name)
        if isinstance(value, bool):
            yield Observation(
                needs=needs,
                granted=value,
                detail=f"-cpu host under {accelerator} has {name} {'on' if value else 'off'}",
            )


def cpu_flags(
    catalogue: Catalogue, known: Inventory, accelerator: str
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each property of ``-cpu host`` that follows the host, with what it takes."""
    for family in catalogue.devices().families:
        if family.driver != f"{known.arch}-cpu":
            continue
        for feature, needs in _features(catalogue, family, accelerator):
            if not feature.opt_in and _exists(feature, known, accelerator):
                yield from ((name, needs) for name in _own_properties(feature, family))


def board_questions(
    catalogue: Catalogue, known: Inventory, accelerator: str
) -> Iterator[BoardQuestion]:
    """Yield the questions that QEMU answers by starting, or not, under the accelerator."""
    board, under = board_type(known.board), accelerator_type(accelerator)
    for family in catalogue.devices().families:
        if family.driver != MACHINE:
            continue
        for feature, needs in _features(catalogue, family, accelerator):
            if not _exists(feature, known, accelerator):
                continue
            asked = [f"{name}=on" for name in _own_properties(feature, family)]
            for option in asked or feature.when:
                name = option.partition("=")[0]
                words = ["-machine", known.board, "-accel", accelerator]
                if name in known.options.get(board, ()):
                    words[1] += f",{option}"
                elif name in known.options.get(under, ()):
                    words[3] += f",{option}"
                else:
                    continue
                yield BoardQuestion(arguments=tuple(words), needs=needs)


def _asked(catalogue: Catalogue) -> Iterator[tuple[DeviceFamily, str, str]]:
    """Yield the device families whose bits are known, with each backend and netdev to be had."""
    devices = catalogue.devices()
    netdevs = {backend.name: backend.asked for backend in devices.backends if backend.asked}
    for family in devices.families:
        if not family.virtio_id:
            continue
        if family.assumed_backends:
            names = (name for name in family.assumed_backends if name in netdevs)
            yield from ((family, name, netdevs[name]) for name in names)
        elif family.asked:
            yield family, family.backend, ""


def _features(
    catalogue: Catalogue, family: DeviceFamily, backend: str
) -> Iterator[tuple[Feature, tuple[str, ...]]]:
    """Yield the features that *backend* carries only where the host can, with what that takes."""
    for feature in catalogue.family_features(family):
        needs = feature.needs(backend)
        if needs:
            yield feature, needs


def _own_properties(feature: Feature, family: DeviceFamily) -> Iterator[str]:
    """Yield the names of properties that turn *feature* on."""
    if feature.type == "bool":
        yield from (name for driver, name in feature.drives if driver == family.driver)


def _exists(feature: Feature, known: Inventory, accelerator: str) -> bool:
    """Return whether the newest board of this QEMU has *feature* at all."""
    return (
        (not feature.arch or known.arch in feature.arch)
        and (not feature.accelerators or accelerator in feature.accelerators)
        and (not feature.machines or known.board.startswith(feature.machines))
        and feature.until is None
    )
