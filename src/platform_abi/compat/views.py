"""Whether a guest finds in another QEMU the devices that it had.

Two builds can agree in every property of a machine type and still show a guest other queues, BARs
or capabilities; a migration then fails, or the guest's driver meets a device that it never probed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby

from platform_abi.compat.finding import VIEW_UNKNOWN, Finding, Severity
from platform_abi.errors import first_of
from platform_abi.guest.comparison import (
    FactDifference,
    fact_differences,
    global_words,
    lasting,
)
from platform_abi.guest.recorded import RecordedDevice, RecordedMachine, recorded_machine
from platform_abi.model.abi import GuestAbi
from platform_abi.model.catalogue import Catalogue
from platform_abi.model.guest import EVERY_FACT, MachineView
from platform_abi.model.realize import PropertyValue
from platform_abi.model.value import evolve, field, frozen

#: The facts of a virtio device that a migration ends over.
_QUEUES = frozenset({"queues", "legacy-queues"})

#: How many names and differences a message has.
_SHOWN = 3

_LOOK = (
    "'platform-abi resolve --from-lock LOCK --look --lock LOCK' lets it say what they are, "
    "'platform-abi verify --start --qemu BINARY LOCK' what another QEMU makes of them, "
    "'platform-abi host --qemu BINARY --look MACHINE' on both hosts whether they show the same"
)


@frozen(kw_only=True)
class ViewComparison:
    """What a guest finds otherwise, by device; and of what nobody can tell, by device.

    *untold* has the facts that either side does not tell, by names and patterns.
    """

    before: str
    after: str
    differences: Mapping[str, tuple[FactDifference, ...]] = field(factory=dict)
    untold: Mapping[str, tuple[str, ...]] = field(factory=dict)


def compare_views(catalogue: Catalogue, before: MachineView, after: MachineView) -> ViewComparison:
    """Return what a guest that had the devices of *before* finds otherwise in *after*.

    Devices are compared that both have; whether one is missing, others say. A fact that either side
    does not tell is no difference.
    """
    differences: dict[str, tuple[FactDifference, ...]] = {}
    untold: dict[str, tuple[str, ...]] = {}
    for label, first in before.devices.items():
        second = after.devices.get(label)
        if second is None:
            continue
        unknown = {*first.untold, *second.untold}
        if EVERY_FACT in unknown:
            untold[label] = (EVERY_FACT,)
            continue
        sides = [
            {k: v for k, v in lasting(side.facts).items() if first.tells(k) and second.tells(k)}
            for side in (first, second)
        ]
        if found := tuple(fact_differences(catalogue, first.driver, *sides)):
            differences[label] = found
        if unknown:
            untold[label] = tuple(sorted(unknown))
    return ViewComparison(
        before=before.qemu, after=after.qemu, differences=differences, untold=untold
    )


def view_findings(catalogue: Catalogue, abi: GuestAbi, build: str | None) -> list[Finding]:
    """Return what a guest of *abi* would find otherwise in *build*, by what was recorded of it.

    That is compared with what its lockfile says, else with what was recorded of the build that it
    is of. None: no definition is of the QEMU that is asked about. Raises UnknownNameError for no
    such *build*.
    """
    locked = _locked(abi)
    if build is not None and build == locked and (abi.view is None or not abi.view.looked):
        return []
    origin = _recorded(catalogue, abi, locked)
    then = _before(abi, origin)
    if then is None:
        return [_nothing_before(locked)]
    now = _recorded(catalogue, abi, build)
    if now is None:
        return [_not_compared(f"none is recorded of {build or 'this QEMU'}")]
    found = compare_views(catalogue, then, now.view)
    if origin is not None:
        found = _with_recorded(catalogue, found, (origin, now), then)
    found = _with_unseen(abi, found, then, now.view)
    # Of an origin that is recorded, what the builds show otherwise by themselves was compared.
    severity: Severity = "warn" if origin is None else "info"
    return [
        *_differ(found, partial(_keeping, catalogue, origin, now)),
        *_untold(found, severity=severity),
    ]


def _with_unseen(
    abi: GuestAbi, found: ViewComparison, then: MachineView, now: MachineView
) -> ViewComparison:
    """Return *found* with the devices of *abi* that nobody looked at on both sides, untold."""
    unseen = {
        label: (EVERY_FACT,)
        for label, _ in abi.vm.labelled()
        if label not in then.devices or label not in now.devices
    }
    return evolve(found, untold={**found.untold, **unseen})


def _with_recorded(
    catalogue: Catalogue,
    found: ViewComparison,
    builds: tuple[RecordedMachine, RecordedMachine],
    then: MachineView,
) -> ViewComparison:
    """Return *found* with what two builds show otherwise of devices whose properties are the same.

    Where devices that were looked at differ in a fact, and no property of theirs that shows in it,
    the builds themselves do: so does a device with other properties that are the same in both.
    What the guest was seen to find *then* was compared already, where it is known of both.
    """
    before, after = builds
    differences, untold = dict(found.differences), dict(found.untold)
    for label, own in before.devices.items():
        sides = [view.devices[label] for view in (then, after.view) if label in view.devices]
        for each in _by_builds(catalogue, own, after.devices.get(label, ())):
            if not all(side.tells(each.fact) for side in sides):
                differences[label] = (*differences.get(label, ()), each)
        told = {each.fact for each in differences.get(label, ())}
        if label in untold:
            untold[label] = tuple(name for name in untold[label] if name not in told)
    return evolve(
        found, differences=differences, untold={k: names for k, names in untold.items() if names}
    )


def _by_builds(
    catalogue: Catalogue, before: Sequence[RecordedDevice], after: Sequence[RecordedDevice]
) -> Iterator[FactDifference]:
    """Yield in what two builds differ by themselves in all devices that one of a VM is like."""
    others = {each.of: each for each in after}
    pairs = [(each, others[each.of]) for each in before if each.of in others]
    by_pair = [
        [
            each
            for each in fact_differences(
                catalogue, first.of, lasting(first.facts), lasting(second.facts)
            )
            # A bit that has a property is that property's.
            if not each.pin and not _explained(catalogue, each.fact, first, second)
        ]
        for first, second in pairs
    ]
    every = [{each.fact for each in found} for found in by_pair]
    shared = set.intersection(*every) if every else set()
    for (first, _), found in zip(pairs[:1], by_pair[:1], strict=True):
        for each in found:
            if each.fact in shared:
                like = "" if first.of == first.driver else f" of {first.of}, which it is like,"
                yield evolve(each, what=each.what + like)


def _explained(
    catalogue: Catalogue, fact: str, first: RecordedDevice, second: RecordedDevice
) -> bool:
    """Return whether a property shows in *fact* that only the looked at devices have otherwise."""
    others = [*_changed(catalogue, fact, first.types, first.usual, second.usual)]
    own = [*_changed(catalogue, fact, first.types, first.properties, second.properties)]
    return bool(others) and not own


def _changed(
    catalogue: Catalogue,
    fact: str,
    types: frozenset[str],
    before: Mapping[str, PropertyValue],
    after: Mapping[str, PropertyValue],
) -> Iterator[tuple[str, str]]:
    """Yield the properties that show in *fact* and have another value *after*, with the earlier."""
    shows = catalogue.visibility().shows
    for name, value in before.items():
        now = after.get(name)
        if now is None or value.value is None or value.value == now.value:
            continue
        if any(entry.reaches(fact) for entry in shows(types, name)):
            yield name, value.value


def look_findings(catalogue: Catalogue, abi: GuestAbi, looked: MachineView) -> list[Finding]:
    """Return what a guest of *abi* finds otherwise in a QEMU that was *looked* at.

    Compared with the same as by ``view_findings``.
    """
    locked = _locked(abi)
    then = _before(abi, _recorded(catalogue, abi, locked))
    if then is None:
        return [_nothing_before(locked)]
    found = _with_unseen(abi, compare_views(catalogue, then, looked), then, looked)
    severity: Severity = "warn" if _has_queues_untold(then, looked) else "info"
    return [*_differ(found, None), *_untold(found, severity=severity)]


def _has_queues_untold(then: MachineView, looked: MachineView) -> bool:
    """Return whether a device has queues of which nobody knows how large they were.

    A stream has the sizes that a driver chose, and the QEMU that reads it ends where its own are
    smaller. Between builds that are recorded they are compared even so.
    """
    return any(
        before is None or not before.tells(fact)
        for label, now in looked.devices.items()
        for before in (then.devices.get(label),)
        for fact in _QUEUES & now.facts.keys()
    )


def _locked(abi: GuestAbi) -> str | None:
    """Return the build that *abi* was locked for, None where nobody named or started one."""
    if abi.content is not None and (abi.content.ran or abi.vm.build is not None):
        return abi.content.build
    return abi.vm.build


def _recorded(catalogue: Catalogue, abi: GuestAbi, build: str | None) -> RecordedMachine | None:
    """Return what is recorded of *build*, nothing where no definition has it any more."""
    if build is None or not catalogue.has_build(build, abi.vm.arch):
        return None
    return recorded_machine(catalogue, abi, build)


def _before(abi: GuestAbi, origin: RecordedMachine | None) -> MachineView | None:
    """Return what the guest had: as it was locked, and what was plugged in as it is recorded."""
    if abi.view is None or origin is None:
        return abi.view or (None if origin is None else origin.view)
    return evolve(abi.view, devices={**origin.view.devices, **abi.view.devices})


def _nothing_before(locked: str | None) -> Finding:
    """Return what there is to say where nobody knows what the guest had in the build *locked*.

    One that was locked for no build was promised nothing of its devices but their properties.
    """
    if locked is None:
        return _not_compared("none is recorded of the QEMU that it was locked for", severity="info")
    return _not_compared(f"none is recorded of {locked}")


def _not_compared(why: str, severity: Severity = "warn") -> Finding:
    return Finding(
        code=VIEW_UNKNOWN,
        severity=severity,
        message=f"what a guest finds of its devices was not compared: {why}",
        help=_LOOK,
    )


def _differ(found: ViewComparison, keeping: _Keeping | None) -> Iterator[Finding]:
    """Yield a finding for each fact of a device that is not what it was."""
    for label, differences in found.differences.items():
        for fact, group in groupby(differences, key=lambda each: each.fact):
            parts = [*group]
            yield Finding(
                code="guest-view",
                severity="blocked",
                message=f"{label}: {_told(parts)} in {found.after}, not as in {found.before}",
                help=_cure(parts, label, keeping),
                device=label,
                expected=_joined([each.before for each in parts]),
                found=_joined([each.after for each in parts]),
                value=fact,
                seen="guest",
            )


def _told(parts: Sequence[FactDifference]) -> str:
    texts = [f"{p.what} is {_side(p.after)} and was {_side(p.before)}" for p in parts]
    return first_of(texts, _SHOWN)


#: A longer text of a fact is bytes that nobody reads.
_WIDEST = 40


def _side(text: str | None) -> str:
    if text is None:
        return "none"
    return text if len(text) <= _WIDEST else f"{text[:_WIDEST]}..."


def _joined(texts: Iterable[str | None]) -> str | None:
    return ", ".join(_side(text) for text in texts)


_Keeping = Callable[[str, str], list[str]]


def _cure(parts: Sequence[FactDifference], label: str, keeping: _Keeping | None) -> str:
    pins = [each.pin for each in parts]
    if all(pins):
        return f"start it with {' '.join(pins)}"
    if keeping is None:
        return "choose a QEMU that shows what it had"
    words = keeping(label, parts[0].fact)
    if words:
        return f"start it with {' '.join(words)}"
    return "no property gives it back what it had: choose a QEMU that shows that"


def _keeping(
    catalogue: Catalogue,
    before: RecordedMachine | None,
    after: RecordedMachine,
    label: str,
    fact: str,
) -> list[str]:
    """Return the arguments that give the device called *label* its earlier *fact*."""
    first = () if before is None else before.devices.get(label, ())
    second = after.devices.get(label, ())
    if not first or not second or first[0].of != first[0].driver:
        return []
    changed = _changed(catalogue, fact, first[0].types, first[0].properties, second[0].properties)
    return [global_words(second[0].driver, name, value) for name, value in changed]


def _untold(found: ViewComparison, severity: Severity = "info") -> Iterator[Finding]:
    """Yield, in one line, what was not compared."""
    if not found.untold:
        return
    by_facts: dict[tuple[str, ...], list[str]] = {}
    for label, facts in found.untold.items():
        by_facts.setdefault(facts, []).append(label)
    texts = [
        first_of(labels, _SHOWN)
        if facts == (EVERY_FACT,)
        else f"{first_of(facts, _SHOWN)} of {first_of(labels, _SHOWN)}"
        for facts, labels in sorted(by_facts.items())
    ]
    yield Finding(
        code=VIEW_UNKNOWN,
        severity=severity,
        message=f"what a guest finds in {found.before} and in {found.after} was compared but for "
        f"{'; '.join(texts)}",
        help=_LOOK,
    )
