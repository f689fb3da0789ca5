"""What of a virtual machine can be had on this host, for a source to start at all. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from platform_abi.compat.finding import Finding
from platform_abi.errors import printable
from platform_abi.model.option_language import join_options, split_options
from platform_abi.model.value import evolve, field, frozen
from platform_abi.model.vm import VirtualMachine
from platform_abi.verifier.stand_in import Part, StandIn

_NETDEV = "-netdev"
_ACCEL = "-accel"
_KVM, _TCG = "kvm", "tcg"

#: Nobody numbers hubs so (net/hub.c); each NIC that gets one has it alone.
_FIRST_HUB = 0x7A610000


@frozen(kw_only=True)
class Fitting:
    """A virtual machine as it was *made*, and what became of it for this host.

    *refused* are devices that the source does not start with, by label, with its words. *hubs*
    are those whose netdev a hub stands in for, and *emulated* is whether TCG does for KVM.
    """

    made: StandIn
    refused: Mapping[str, str] = field(factory=dict)
    hubs: tuple[str, ...] = ()
    emulated: bool = False

    @property
    def left_out(self) -> dict[str, str]:
        """Return the devices that have no part in it, by label, with the reason."""
        return {part.device: part.why for part in self.made.parts if part.why} | dict(self.refused)

    @property
    def labels(self) -> list[str]:
        """Return the devices that are there, in their order."""
        return [part.device for part in self.made.parts if part.device not in self.left_out]

    def words(self, without: Sequence[str]) -> list[str]:
        """Return the arguments, but for the devices *without*."""
        return self.made.words({**self.refused, **dict.fromkeys(without, "")})

    def blamed(self, said: str) -> list[str]:
        """Return the devices that QEMU names as what it does not start with."""
        parts = (part for part in self.made.parts if part.device in self.labels)
        return [part.device for part in parts if part.blamed(said)]

    def remarks(self) -> Iterator[Finding]:
        """Yield what was otherwise than on a host that has everything."""
        for label in self.hubs:
            yield Finding(
                code="stand-in",
                severity="info",
                message=f"behind {label} was a hub, as this user can have no tap here: what only a "
                "tap has, neither QEMU offered",
                device=label,
            )
        if self.emulated:
            yield Finding(
                code="stand-in",
                severity="info",
                message="TCG stood in for KVM, which is not to be had here: what only KVM gives a "
                "vCPU had no part in it",
            )
        if self.made.omitted:
            yield Finding(
                code="options-left-out",
                severity="info",
                message=f"rehearsed without {', '.join(self.made.omitted)}: they may reach what is "
                "outside of a throw-away QEMU",
            )


def fitted(fitting: Fitting, said: str) -> Fitting | None:
    """Return *fitting* changed for a source that did not start and *said* why.

    None where nothing is known that would help.
    """
    # Of what it goes on with, QEMU may say something before that.
    lines = said.strip().splitlines()[::-1]
    blamed = [name for line in lines for name in fitting.blamed(line)][:1]
    for index, part in enumerate(fitting.made.parts):
        if part.device not in blamed:
            continue
        hub = _on_hub(part, index, said)
        if hub is None or part.device in fitting.hubs:
            why = f"the source does not start with it: {_about(part, lines)}"
            return evolve(fitting, refused={**fitting.refused, part.device: why})
        parts = (*fitting.made.parts[:index], hub, *fitting.made.parts[index + 1 :])
        hubs = (*fitting.hubs, part.device)
        return evolve(fitting, made=evolve(fitting.made, parts=parts), hubs=hubs)
    common = tuple(_without_kvm(option) for option in fitting.made.common)
    if fitting.emulated or common == fitting.made.common or _KVM not in said.lower():
        return None
    return evolve(fitting, made=evolve(fitting.made, common=common), emulated=True)


def _about(part: Part, lines: Sequence[str]) -> str:
    """Return which of *lines* is about *part*: what QEMU says after that is a hint."""
    return next(printable(line.strip()) for line in lines if part.blamed(line))


def _on_hub(part: Part, index: int, said: str) -> Part | None:
    """Return *part* with a hub for its netdev, None where that is not what QEMU blames."""
    words = []
    for option, value in part.words:
        if option == _NETDEV and f"{option} {value}:" in said:
            ident = dict(split_options(value, "type")).get("id", "")
            hub = (("id", ident), ("hubid", str(_FIRST_HUB + index)))
            words.append((option, join_options("hubport", hub)))
        else:
            words.append((option, value))
    return None if tuple(words) == part.words else evolve(part, words=tuple(words))


def _without_kvm(option: tuple[str, ...]) -> tuple[str, ...]:
    name, *values = option
    if name == "-enable-kvm":
        return (_ACCEL, _TCG)
    if name == _ACCEL and values[0].split(",")[0].removeprefix("accel=") == _KVM:
        return (_ACCEL, _TCG)
    if name in ("-machine", "-M") and f"accel={_KVM}" in values[0].split(","):
        kept = [f"accel={_TCG}" if w == f"accel={_KVM}" else w for w in values[0].split(",")]
        return (name, ",".join(kept))
    return option


def needs(vm: VirtualMachine) -> dict[str, str]:
    """Return which device of *vm* each is plugged into, by labels; none for the board's own buses.

    What a device calls its bus is its id, or that, a dot and a number (qdev_monitor.c, qbus_find).
    """
    labels = [label for label, _ in vm.labelled()]
    found = {}
    for label, device in vm.labelled():
        bus = dict(device.properties).get("bus", "")
        owner = bus if bus in labels else bus.rpartition(".")[0]
        if owner in labels and owner != label:
            found[label] = owner
    return found
