"""What a QEMU binary is held to: a build that is known, or another binary, on this very host."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from platform_abi.author.audited import Audited, ask, catalogue_with, look
from platform_abi.author.devices import Progress
from platform_abi.author.difference import (
    AuditVerdict,
    Difference,
    common_drivers,
    compared_devices,
    host_bits,
    passed_over,
    property_differences,
    view_differences,
)
from platform_abi.definitions.catalogue import FileCatalogue
from platform_abi.errors import HostError, UsageError, printable, unknown
from platform_abi.guest.document import recorded_view
from platform_abi.guest.look import can_be_seen
from platform_abi.guest.view import BinaryView
from platform_abi.model.guest import label
from platform_abi.model.machine import QemuBuild
from platform_abi.model.value import evolve


def expected_build(catalogue: FileCatalogue, name: str | None, found: QemuBuild) -> QemuBuild:
    """Return the build called *name*, or else the nearest of the version of *found*."""
    names = catalogue.builds(found.arch)
    if name is not None:
        if name not in names:
            raise unknown("QEMU build", name, names, code="unknown-build")
        return catalogue.build(name, found.arch)
    builds = [catalogue.build(each, found.arch) for each in names]
    release, _, micro = found.version.rpartition(".")
    near = [build for build in builds if build.version.rpartition(".")[0] == release]
    if not near:
        raise UsageError(
            f"no build of QEMU {release} for {found.arch} is known to compare with",
            code="no-build",
            help=f"name one with --against: {', '.join(names) or 'none is known'}",
        )

    def distance(build: QemuBuild) -> tuple[bool, bool, int, bool]:
        return (
            build.vendor != found.vendor,
            build.confidence != "high",
            abs(int(build.version.split(".")[-1]) - int(micro)),
            build.package != found.package,
        )

    return min(near, key=distance)


def other_binary(
    catalogue: FileCatalogue, binary: str, name: str, found: Audited, *, timeout: float
) -> Audited:
    """Return what *binary* says of itself, as a build called *name* that *found* is held to.

    Raises HostError: ``qemu-architecture`` where guests of the two cannot be compared, else as
    ``ask`` does.
    """
    other = ask(catalogue, binary, name, timeout=timeout)
    if other.build.arch != found.build.arch:
        raise HostError(
            f"{printable(binary)} emulates {printable(other.build.arch)}, "
            f"{printable(found.binary)} {printable(found.build.arch)}",
            code="qemu-architecture",
            help=f"name another QEMU for {printable(found.build.arch)}",
        )
    return other


def against_build(
    catalogue: FileCatalogue,
    expected: QemuBuild,
    found: Audited,
    view: BinaryView,
    machines: Sequence[str],
) -> AuditVerdict:
    """Return how a binary, of which *view* is what guests find, keeps the promises of a build."""
    recorded = recorded_view(catalogue.locate, expected.name, expected.arch)
    asked_all = set(machines) == set(found.machines)
    differences: list[Difference] = []
    if asked_all and expected.version == found.build.version:
        differences += _missing(expected, found)
    common = [name for name in machines if name in expected.machines]
    unseen = {}
    if not common:
        unseen["machine types"] = f"{expected.name} has none of these names"
    for name in sorted(set(machines) - set(common)):
        unseen[name] = f"{expected.name} has no machine type of this name"
    with catalogue_with(catalogue, [found]) as both:
        properties = _comparable(both, expected, found, None)
        if properties:
            differences += _properties(both, expected, found, None, common)
        elif not found.reason:
            unseen["properties"] = f"none are recorded of {expected.name} for {expected.arch}"
        compared = _compared(
            both, expected, found, None, common, views=(recorded, view), properties=properties
        )
    if recorded is None and view.machines:
        unseen["guest view"] = f"none is recorded of {expected.name} for {expected.arch}"
    elif recorded is not None:
        ignored = _host_bits(catalogue, view)
        differences += _views(catalogue, recorded, view, common, ignored)
        unseen |= _unseen(recorded, view, common)
        if ignored:
            unseen |= {
                f"feature bits {bits:#x} of {name}": "this host's backend does not offer them"
                for name, bits in ignored.items()
            }
    return AuditVerdict(
        expected=expected.name,
        found=found.binary,
        machines=tuple(common),
        properties=len(common) if properties else 0,
        views=0 if recorded is None else len(_both(recorded, view, common)),
        compared=compared,
        differences=tuple(differences),
        unseen=unseen,
    )


def against_binary(
    catalogue: FileCatalogue,
    other: Audited,
    found: Audited,
    view: BinaryView,
    machines: Sequence[str],
    *,
    timeout: float,
    progress: Progress | None = None,
) -> AuditVerdict:
    """Return in what a binary, of which *view* is what guests find, differs from the *other*.

    The *other* one, of the same architecture, is looked at now, on the same host. *timeout* in
    seconds bounds each answer.
    """
    common = [name for name in machines if name in other.machines]
    unseen = dict.fromkeys(
        sorted(set(machines) - set(common)), "the other binary has no machine type of this name"
    )
    others = look(catalogue, other, common, timeout=timeout, progress=progress)
    with catalogue_with(catalogue, [found, other]) as both:
        properties = _comparable(both, other.build, found, other)
        differences = (
            list(_properties(both, other.build, found, other, common)) if properties else []
        )
        compared = _compared(
            both, other.build, found, other, common, views=(others, view), properties=properties
        )
    differences += _views(catalogue, others, view, common, {})
    unseen |= _unseen(others, view, common)
    return AuditVerdict(
        expected=other.binary,
        found=found.binary,
        machines=tuple(common),
        properties=len(common) if properties else 0,
        views=len(_both(others, view, common)),
        compared=compared,
        differences=tuple(differences),
        unseen=unseen,
    )


def whole(
    catalogue: FileCatalogue, verdict: AuditVerdict, binaries: Sequence[Audited]
) -> AuditVerdict:
    """Return *verdict* with what the binaries themselves could not be asked."""
    said = dict(verdict.unseen)
    for each in binaries:
        if each.reason:
            said[f"compat properties of {each.binary}"] = each.reason
        for driver in sorted(each.unlisted):
            said[f"properties of {driver}"] = f"{each.binary} does not list them"
    arch = binaries[0].build.arch
    looked_at = catalogue.guest_devices(arch)
    for name in verdict.machines:
        if not can_be_seen(looked_at, name):
            said.setdefault(f"guest view of {name}", "it has no PCI bus that can be looked at")
    return evolve(verdict, unseen=said)


def _missing(expected: QemuBuild, found: Audited) -> Iterator[Difference]:
    """Yield the machine types that only one has; an unknown package may have more of its own."""
    known = expected.package == found.build.package
    for name in (*expected.machines, *(found.machines if known else ())):
        words = [
            "there" if name in names else None for names in (expected.machines, found.machines)
        ]
        if None in words:
            yield Difference(
                machine=name, device="-", what="machine type", expected=words[0], found=words[1]
            )


def _comparable(
    both: FileCatalogue, expected: QemuBuild, found: Audited, other: Audited | None
) -> bool:
    """Return whether properties are known of either side."""
    if found.reason or (other is not None and other.reason):
        return False
    return bool(both.property_rows(expected.name, expected.arch))


def _properties(
    both: FileCatalogue,
    expected: QemuBuild,
    found: Audited,
    other: Audited | None,
    machines: Sequence[str],
) -> Iterator[Difference]:
    unlisted = _unlisted(found, other)
    arch = found.build.arch
    every = expected.version == found.build.version
    for machine in machines:
        for difference in property_differences(
            both,
            expected.name,
            found.build.name,
            machine,
            arch,
            every=every,
            no_user=found.no_user,
        ):
            if difference.device not in unlisted:
                yield difference


def _unlisted(found: Audited, other: Audited | None) -> frozenset[str]:
    return found.unlisted | (frozenset() if other is None else other.unlisted)


def _compared(
    both: FileCatalogue,
    expected: QemuBuild,
    found: Audited,
    other: Audited | None,
    machines: Sequence[str],
    *,
    views: tuple[BinaryView | None, BinaryView],
    properties: bool,
) -> dict[str, tuple[str, ...]]:
    """Return by machine type that of which properties were compared, or what a guest finds."""
    unlisted = _unlisted(found, other)
    pair = expected.name, found.build.name
    compared: dict[str, tuple[str, ...]] = {}
    for name in machines:
        names: set[str] = set()
        if properties:
            drivers = common_drivers(both, *pair, name, found.build.arch, no_user=found.no_user)
            names |= drivers - unlisted
        first, second = (None if each is None else each.machines.get(name) for each in views)
        if first is not None and second is not None:
            names.update(compared_devices(first, second))
        compared[name] = tuple(sorted(names))
    return compared


def _views(
    catalogue: FileCatalogue,
    expected: BinaryView,
    found: BinaryView,
    machines: Sequence[str],
    ignored: Mapping[str, int],
) -> Iterator[Difference]:
    for name in _both(expected, found, machines):
        sides = expected.machines[name], found.machines[name]
        yield from view_differences(catalogue, *sides, ignored)


def _both(expected: BinaryView, found: BinaryView, machines: Sequence[str]) -> list[str]:
    """Return the machine types that either side was looked at."""
    return [name for name in machines if name in expected.machines and name in found.machines]


def _unseen(expected: BinaryView, found: BinaryView, machines: Sequence[str]) -> dict[str, str]:
    unseen: dict[str, str] = {}
    for name in machines:
        if name in expected.machines and name in found.machines:
            unseen |= passed_over(expected.machines[name], found.machines[name])
        elif name in found.machines:
            unseen[f"guest view of {name}"] = "none is recorded"
    return unseen


def _host_bits(catalogue: FileCatalogue, view: BinaryView) -> dict[str, int]:
    """Return the feature bits by device that this host cannot offer, as far as they matter."""
    from platform_abi.host.probe import probe

    looked_at = catalogue.guest_devices(view.arch)
    devices = [d for d in looked_at.device if d.backend] if looked_at else []
    if not any(label(d) in machine.devices for d in devices for machine in view.machines.values()):
        return {}
    facts = probe(catalogue.capabilities()).facts
    present = frozenset(name for name, fact in facts.items() if fact.proven == "present")
    bits = {label(d): host_bits(catalogue, d.driver, d.backend, present) for d in devices}
    return {name: mask for name, mask in bits.items() if mask}


def incomplete(catalogue: FileCatalogue, view: BinaryView) -> dict[str, str]:
    """Return the devices of which this host shows too little for others to compare with."""
    bits = _host_bits(catalogue, view)
    return dict.fromkeys(bits, "the host that looked could not offer all of it")
