"""The verb ``kernel``: what a kernel's source has, and whether a platform of it is right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from platform_abi.author.installing import completed
from platform_abi.author.kernel_platform import PromiseSeen, promises, proposed
from platform_abi.author.kernel_tree import (
    KernelConfiguration,
    KernelTree,
    read_configuration,
    read_tree,
)
from platform_abi.author.kernel_witness import KernelWitness, SourceSeen, State
from platform_abi.cli.install import destination, put
from platform_abi.cli.options import KernelOptions
from platform_abi.cli.render import print_json, say, table
from platform_abi.definitions.catalogue import FileCatalogue, load_catalogue
from platform_abi.definitions.levels import EVERY, reached
from platform_abi.emit.plain import Shapes, document
from platform_abi.errors import UsageError
from platform_abi.model.capability import Capability
from platform_abi.model.kernel_source import KernelSources
from platform_abi.model.platform import PlatformReference, edition_key
from platform_abi.model.value import frozen
from platform_abi.resolver.choice import choose_edition, parse_platform


@frozen(kw_only=True)
class CapabilitySeen:
    """One capability in the source: what was seen, and what its release, or a platform, says.

    *expected* is ``present`` or ``absent``, and null where no release predicts it.
    """

    seen: SourceSeen
    since: str | None
    expected: State | None

    @property
    def agrees(self) -> bool:
        """Return whether nothing is to be looked at."""
        return self.expected in (None, self.seen.state)


@frozen(kw_only=True)
class KernelSeen:
    """A kernel's source, held against a platform; without one, against its own release."""

    release: str
    vendor: str
    platform: str
    capabilities: tuple[CapabilitySeen, ...]
    features: tuple[PromiseSeen, ...]

    @property
    def ok(self) -> bool:
        """Return whether no promise of the platform's is broken."""
        return not any(each.kept == "broken" for each in self.features)


SHAPES: Final[Shapes] = {
    KernelSeen: ("ok", "release", "vendor", "platform?", "capabilities", "features"),
    CapabilitySeen: (
        "capability:seen.capability",
        "state:seen.state",
        "witness:seen.witness",
        "since",
        "expected",
        "lacking:seen.lacking",
        "unread:seen.unread",
    ),
    PromiseSeen: ("feature", "kept", "value?", "because"),
}


def run(options: KernelOptions) -> int:
    """Print what the source has and where that is otherwise than is said of it; or begin a file."""
    catalogue = load_catalogue()
    sources = catalogue.kernel_sources()
    tree, configuration = _read(options, sources)
    witness = KernelWitness(tree, sources, configuration)
    seen = witness.all(catalogue.capabilities().values())
    if options.propose is not None:
        begun = proposed(
            catalogue,
            options.propose,
            tree,
            seen,
            options=None if configuration is None else configuration.options,
            title=options.title,
        )
        folder = destination(options.output, system=False)
        text = completed(folder, begun)
        return put(folder, {begun.relative: text}, force=False, as_json=options.json)
    found = _held(catalogue, tree, seen, _reference(catalogue, tree, options.platform))
    if options.json:
        print_json(document(found, SHAPES))
    else:
        _show(found, everything=options.all)
    return int(not found.ok)


def _read(
    options: KernelOptions, sources: KernelSources
) -> tuple[KernelTree, KernelConfiguration | None]:
    if options.tree is None and options.config is None:
        raise UsageError(
            "there is no kernel to look at", code="usage", help="name a TREE, or a --config"
        )
    tree = KernelTree()
    if options.tree is not None:
        tree = read_tree(options.tree, sources, revision=options.revision)
    return tree, None if options.config is None else read_configuration(options.config)


def _reference(
    catalogue: FileCatalogue, tree: KernelTree, named: str | None
) -> PlatformReference | None:
    """Return the platform to hold the tree against: *named*, else the one called as its release."""
    if named is not None:
        reference = parse_platform(named)
        catalogue.platform(reference.name)
        return reference
    if tree.vendor or not tree.version:
        return None
    lineage = catalogue.kernel_sources().upstream
    platforms = map(catalogue.platform, catalogue.platform_names())
    names = (e.name for e in platforms if (e.lineage, e.version) == (lineage, tree.version))
    name = next(names, None)
    return None if name is None else PlatformReference(name=name)


def _held(
    catalogue: FileCatalogue,
    tree: KernelTree,
    seen: Sequence[SourceSeen],
    reference: PlatformReference | None,
) -> KernelSeen:
    levels = {EVERY: tree.version} if tree.version else {}
    edition: tuple[int, ...] = edition_key(catalogue.editions()[-1])
    spelled = ""
    if reference is not None:
        name = choose_edition(catalogue, reference)
        edition, spelled = edition_key(name), f"{reference.name}@{name}"
        levels = dict(catalogue.platform(reference.name).levels_at(edition)) or levels
    capabilities = catalogue.capabilities()
    return KernelSeen(
        release=tree.release,
        vendor=tree.vendor,
        platform=spelled,
        capabilities=tuple(
            CapabilitySeen(
                seen=each,
                since=capabilities[each.capability].since_at(edition),
                expected=_expected(capabilities[each.capability], edition, levels),
            )
            for each in seen
        ),
        features=promises(catalogue, reference, seen) if reference is not None else (),
    )


def _expected(
    capability: Capability, edition: tuple[int, ...], levels: dict[str, str]
) -> State | None:
    since = capability.since_at(edition)
    if since is None or not levels:
        return None
    return "present" if reached(since, capability.subsystem, levels) else "absent"


def _show(found: KernelSeen, *, everything: bool) -> None:
    counts = Counter(each.seen.state for each in found.capabilities)
    named = " ".join(filter(None, (found.release or "a kernel without a release", found.vendor)))
    told = ", ".join(f"{counts[state]} {state}" for state in ("present", "absent", "unknown"))
    say(f"{named}: {told}")
    # Of headers nearly all is unknown: only what is certain is worth a line then.
    sparse = counts["unknown"] > counts["present"] and not everything
    rows = [
        [e.seen.capability, e.seen.state, e.since or "-", e.expected or "-", e.seen.witness]
        for e in found.capabilities
        if everything or not (e.agrees or (sparse and e.seen.state == "unknown"))
    ]
    if rows:
        say("" if everything else "otherwise than its release or platform says:")
        table(["CAPABILITY", "IN THE SOURCE", "SINCE", "EXPECTED", "WITNESS"], rows)
    kept = Counter(each.kept for each in found.features)
    if found.platform:
        unknown = f", of {kept['unknown']} nobody can tell" if kept["unknown"] else ""
        say(f"{found.platform}: {kept['kept']} of its features are kept{unknown}")
    differing = [
        each
        for each in found.features
        if each.kept != "kept" and not (sparse and each.kept == "unknown")
    ]
    if differing:
        table(
            ["FEATURE", "LISTED", "IN THE SOURCE", "BECAUSE"],
            [[e.feature, e.value or "-", e.kept, ", ".join(e.because)] for e in differing],
        )
