"""What a move says against a migration, in findings."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final

from platform_abi.compat.finding import Finding
from platform_abi.diagnosis.diagnosis import ExplainedMessage, diagnose
from platform_abi.emit.arguments import shell_words
from platform_abi.errors import printable
from platform_abi.guest.comparison import FactDifference, fact_differences, lasting
from platform_abi.guest.pci_function import queue_sizes
from platform_abi.model.catalogue import Catalogue
from platform_abi.model.value import evolve
from platform_abi.rehearsal.end import Sight
from platform_abi.rehearsal.move import Ending, Move

#: What a rehearsal cannot show, whatever it says.
SCOPE: Final = Finding(
    code="rehearsal-scope",
    severity="info",
    message="this was a rehearsal of the two QEMUs, not of the hosts: kernels, privileges, CPUs, "
    "devices of the hosts and what really stands behind a device had no part in it",
    help="'platform-abi check LOCK --from REPORT --to REPORT' compares the hosts",
)

_WHAT_HAPPENED: Final[Mapping[Ending, str]] = {
    "source": "the source does not start with {what}",
    "destination": "the destination does not start with {what}",
    "refused": "the source does not let {what} go",
    "failed": "the destination does not take {what}",
    "died": "a QEMU does not survive it with {what}",
    "late": "nothing comes of it with {what}",
}

#: Where QEMU says which device's part of a stream it could not read (migration/vmstate.c; the
#: places of PCI devices are of hw/pci/pci.c, pcibus_get_dev_path).
_SECTION: Final = re.compile(r"\b[0-9a-f]{4}:00:((?:[0-9a-f]{2}\.[0-7])(?::[0-9a-f]{2}\.[0-7])*)/")


def called(label: str, drivers: Mapping[str, str]) -> str:
    """Return what a person calls the device *label*."""
    return f"{label} ({drivers[label]})" if label in drivers else label


def likely(move: Move) -> list[str]:
    """Return the labels of the devices that QEMU itself names for a move that failed."""
    named = {match[1] for match in _SECTION.finditer(move.said)}
    return [label for label, place in move.places.items() if place in named]


def stopped(
    catalogue: Catalogue, move: Move, labels: Sequence[str], drivers: Mapping[str, str]
) -> Finding:
    """Return what stands against a move with the devices *labels*; with none, with the machine."""
    told = [each for each in diagnose(catalogue, move.said).findings if each.severity == "error"]
    cause = next((each for each in told if each.explained), None)
    what = " and ".join(called(label, drivers) for label in labels)
    if what and cause is not None and cause.backend:
        what = f"what stands behind {what}"
    what = what or f"the machine {move.machine}".rstrip()
    happened = _WHAT_HAPPENED[move.ended].format(what=what)
    return Finding(
        code="machine-stopped" if not labels else "device-stopped",
        severity="blocked",
        message=f"{happened}: {_why(move, cause)}",
        help=_help(cause),
        device=labels[0] if labels else None,
        cause="" if cause is None else cause.code,
    )


def _why(move: Move, cause: ExplainedMessage | None) -> str:
    if cause is not None:
        return f"{cause.says} ({cause.text.strip()})"
    lines = [line for line in move.said.splitlines() if ": warning: " not in line and line.strip()]
    # What follows the first is what came of it.
    return move.why if not lines or move.ended in {"died", "late"} else printable(lines[0].strip())


def _help(cause: ExplainedMessage | None) -> str:
    if cause is None:
        return ""
    words = cause.arguments
    pinned = [f"at the start of the source: {shell_words(words)}"] if words else []
    return "; ".join([*pinned, *cause.helps])


def changed(catalogue: Catalogue, move: Move, drivers: Mapping[str, str]) -> list[Finding]:
    """Return what a guest finds otherwise once it has moved; *drivers* are of devices, by label."""
    return [*_differences(catalogue, move, (move.before, move.after), drivers)]


def changed_by_reset(
    catalogue: Catalogue, move: Move, drivers: Mapping[str, str], without: Iterable[Finding] = ()
) -> Iterator[Finding]:
    """Yield what a guest finds otherwise only once it has reset the machine where it came to.

    What a driver has settled moves with the guest: the size of a queue, say. *without* are the
    findings that it is told by already.
    """
    told = {(finding.device, finding.message) for finding in without}
    drove = move.fresh[0].bound.keys() & move.fresh[1].bound.keys()
    before, after = (_next_start(sight, drove) for sight in move.fresh)
    for finding in _differences(catalogue, move, (before, after), drivers):
        if (finding.device, finding.message) not in told:
            message = f"at its next start there: {finding.message}"
            yield evolve(finding, code="reset-shows-change", message=message)


def _next_start(sight: Sight, drove: Collection[str]) -> Sight:
    """Return what a driver finds of *sight* at its next start, with queues as those *drove* them.

    A driver looks for its queues when features are agreed on (VIRTIO 1.3, 3.1.1), for how many
    there are depends on these: before that a NIC of several queues has all of them in one QEMU, and
    those of one pair in another (hw/net/virtio-net.c, virtio_net_device_realize, 5.2.0 and 7.2.22).
    """
    functions = {}
    for at, found in sight.functions.items():
        facts = dict(lasting(found))
        if at in drove:
            undriven = facts.get(_QUEUES)
            facts[_QUEUES] = queue_sizes(sight.bound[at].queues)
            # By either interface they are the same queues.
            if facts.get(_LEGACY_QUEUES) == undriven:
                facts.pop(_LEGACY_QUEUES, None)
        functions[at] = facts
    return Sight(functions=functions, cpu=sight.cpu)


_QUEUES, _LEGACY_QUEUES = "queues", "legacy-queues"


def _differences(
    catalogue: Catalogue, move: Move, sides: tuple[Sight, Sight], drivers: Mapping[str, str]
) -> Iterator[Finding]:
    labels = {place: label for label, place in move.places.items() if place}
    before, after = sides
    for place in sorted({*before.functions, *after.functions}):
        label = labels.get(place)
        of = called(label, drivers) if label else f"the board's function {place}"
        facts = [side.functions.get(place, {}) for side in sides]
        for each in fact_differences(catalogue, drivers.get(label or "", ""), *facts):
            yield _changed(each, of, label)
        agreed = [side.bound.get(place) for side in sides]
        if agreed[0] != agreed[1]:
            was, now = (None if each is None else str(each) for each in agreed)
            what = "what its driver agreed on"
            each = FactDifference(fact="bound", what=what, before=was, after=now)
            yield _changed(each, of, label)
    for fact in sorted({*before.cpu, *after.cpu}):
        was, now = before.cpu.get(fact), after.cpu.get(fact)
        if was != now:
            each = FactDifference(fact=fact, what=fact, before=was, after=now)
            yield _changed(each, "the CPU", None)


def _changed(each: FactDifference, of: str, label: str | None) -> Finding:
    before, after = ("none" if v is None else v for v in (each.before, each.after))
    return Finding(
        code="guest-sees-change",
        severity="blocked",
        message=f"{each.what} of {of}: a guest finds {before} before and {after} after",
        help=f"at the start of the source: {each.pin}" if each.pin else "",
        device=label,
        expected=each.before,
        found=each.after,
        seen="guest",
    )


def unrehearsed(left_out: Mapping[str, str]) -> Iterator[Finding]:
    """Yield each device that had no part in it, by label, with the reason."""
    for label, why in left_out.items():
        yield Finding(
            code="not-rehearsed",
            severity="unknown",
            message=f"{label} had no part in it: {why}",
            help="compare what is behind it on the two hosts; or let it pass with --allow-unknown",
            device=label,
        )


def unseen(move: Move) -> Iterator[Finding]:
    """Yield each device that moved without a driver, for nobody could get at it."""
    for label, place in move.places.items():
        if place and place not in move.before.functions:
            yield Finding(
                code="not-seen",
                severity="unknown",
                message=f"{label} moved without a driver, and unseen: its bus cannot be reached",
                device=label,
            )
