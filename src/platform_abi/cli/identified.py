"""What an id stands for, as text and as a document: the half of ``explain`` that needs no VM."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

from platform_abi.cli.options import NamedOptions
from platform_abi.cli.render import Painted, print_json, say, table
from platform_abi.definitions.catalogue import FileCatalogue
from platform_abi.emit.plain import Shapes, document
from platform_abi.errors import unknown
from platform_abi.model.capability import Capability
from platform_abi.model.feature import Feature
from platform_abi.model.names import feature_stem
from platform_abi.model.platform import Platform
from platform_abi.model.reference import Reference
from platform_abi.model.value import frozen
from platform_abi.resolver.identified import (
    CapabilityEntry,
    CodeEntry,
    Entry,
    FeatureEntry,
    MessageEntry,
    PieceEntry,
    identified,
)

T = TypeVar("T")


@frozen(kw_only=True)
class Identified:
    """Everything that an id stands for, each in the list of its kind."""

    id: str
    features: tuple[FeatureEntry, ...] = ()
    capabilities: tuple[CapabilityEntry, ...] = ()
    platforms: tuple[Platform, ...] = ()
    codes: tuple[CodeEntry, ...] = ()
    messages: tuple[MessageEntry, ...] = ()
    pieces: tuple[PieceEntry, ...] = ()


SHAPES: Final[Shapes] = {
    FeatureEntry: (
        *(f"{key}:feature.{key}" for key in ("id", "title", "kind", "edition", "generation")),
        *(f"{key}:feature.{key}" for key in ("until", "arch", "accelerators", "machines")),
        *(f"{key}:feature.{key}" for key in ("properties", "values", "fallback", "when_supported")),
        *(f"{key}:feature.{key}" for key in ("opt_in", "requires", "migration", "pin", "note")),
        *("reference:feature.reference", "platforms"),
    ),
    CapabilityEntry: (
        *(f"{key}:capability.{key}" for key in ("id", "title", "subsystem", "since")),
        *(f"{key}:capability.{key}" for key in ("confidence", "symbol", "systems", "config")),
        *("method:capability.probe.method", "node:capability.probe.node"),
        *("note:capability.note", "reference:capability.reference", "features"),
    ),
    Platform: ("name", "lineage", "title", "version", "released"),
    Reference: ("source", "note"),
}


def run_identified(catalogue: FileCatalogue, name: str, *, as_json: bool) -> int:
    """Print what *name* stands for; a label or a trait stands for its platform."""
    from platform_abi.compat.labels import selected

    entries = identified(catalogue, selected(catalogue.platform_names(), name) or name)
    if as_json:
        found = Identified(
            id=name,
            features=tuple(e for e in entries if isinstance(e, FeatureEntry)),
            capabilities=tuple(e for e in entries if isinstance(e, CapabilityEntry)),
            platforms=tuple(e for e in entries if isinstance(e, Platform)),
            codes=tuple(e for e in entries if isinstance(e, CodeEntry)),
            messages=tuple(e for e in entries if isinstance(e, MessageEntry)),
            pieces=tuple(e for e in entries if isinstance(e, PieceEntry)),
        )
        print_json(document(found, SHAPES))
        return 0
    for number, entry in enumerate(entries):
        if number:
            say("")
        show(catalogue, entry)
    return 0


def chosen(what: str, known: Mapping[str, T], name: str | None, *, code: str) -> dict[str, T]:
    """Return those of *known* that are called *name*, or begin with it before a dot; None: all.

    Raises UnknownNameError of *code* where none is, with the nearest *what*.
    """
    found = {
        each: value
        for each, value in known.items()
        if name is None or each == name or each.startswith(f"{name}.")
    }
    if not found:
        families = (each.partition(".")[0] for each in known)
        raise unknown(what, name or "", (*known, *families), code=code)
    return found


def show_chosen(
    catalogue: FileCatalogue,
    options: NamedOptions,
    rows: Sequence[Sequence[str]],
    headings: Sequence[str],
    entry: Callable[[str], Entry],
) -> None:
    """Print *rows*, whose first cells are ids: as a table, their ids, or the one that is named."""
    if options.names:
        for row in rows:
            say(row[0])
    elif [options.name] == [row[0] for row in rows]:
        show(catalogue, entry(rows[0][0]))
    else:
        table(headings, rows)


def show(catalogue: FileCatalogue, entry: Entry) -> None:
    """Print one *entry* for people."""
    _SHOWN[type(entry)](catalogue, entry)


def _show_feature(catalogue: FileCatalogue, entry: FeatureEntry) -> None:
    feature = entry.feature
    say(Painted(feature.id, "bold"), f"  {feature.title}")
    say(f"  {_KINDS[feature.kind]}, since edition {feature.edition}")
    since = f"since those of QEMU {feature.generation}" if feature.generation else "of any release"
    until = f", before {feature.until}" if feature.until else ""
    of = f" of {', '.join(feature.machines)}" if feature.machines else ""
    on = f" for {', '.join(feature.arch)}" if feature.arch else ""
    say(f"  machine types{of}{on} {since}{until} leave it to the host")
    for name in feature.properties:
        say(
            f"  sets {name}: {feature.when_supported or 'on'} where the platform has it, "
            f"else {feature.fallback}"
        )
    for backend, needs in sorted(feature.requires.items()):
        behind = "" if backend == "*" else f"behind {backend}: "
        say(f"  {behind}needs {', '.join(needs) or 'nothing of the host'}")
    for lineage, platform in sorted(entry.platforms.items()):
        say(f"  first platform of {lineage} with it: {platform}")
    if feature.pin:
        say(f"  to pin it: {feature.pin}")
    _notes(feature)
    _say_place(catalogue, "features", feature_stem(feature.id))


#: What each kind of feature does.
_KINDS = {
    "setting": "a setting, written as a property",
    "precondition": "a precondition: the host must have what it needs",
    "guard": "a guard: QEMU ends where the host lacks it, and does not go on with less",
    "unpinnable": "left to the host, as no value is right everywhere",
}


def _show_capability(_: FileCatalogue, entry: CapabilityEntry) -> None:
    capability = entry.capability
    say(Painted(capability.id, "bold"), f"  {capability.title}")
    since = capability.since
    told = (
        f"Linux {since} has it ({capability.confidence} confidence)"
        if since
        else ("no release of a kernel tells")
    )
    say(f"  {told}")
    if capability.symbol:
        say(f"  symbol {capability.symbol}")
    if capability.config:
        say(f"  kernel configuration: {', '.join(capability.config)}")
    if capability.probe is not None:
        node = f" on {capability.probe.node}" if capability.probe.node else ""
        say(f"  a host is asked by {capability.probe.method}{node}")
    say(f"  needed by {', '.join(entry.features) or 'no feature'}")
    _notes(capability)


def _show_platform(_: FileCatalogue, platform: Platform) -> None:
    say(Painted(platform.name, "bold"), f"  {platform.title}")
    say(
        f"  a platform of the lineage {platform.lineage}; "
        f"'platform-abi platforms {platform.name}' lists what it turns on"
    )


def _show_code(_: FileCatalogue, entry: CodeEntry) -> None:
    say(Painted(entry.code, "bold"), f"  {entry.means}")


def _show_message(_: FileCatalogue, entry: MessageEntry) -> None:
    say(Painted(entry.code, "bold"), f"  a message of {entry.of}: {entry.says}")
    for text in entry.texts:
        say(f"  {text}")
    say("  'platform-abi explain-error' tells what a line of it means")


def _show_piece(_: FileCatalogue, entry: PieceEntry) -> None:
    say(Painted(entry.piece, "bold"), f"  a piece of {entry.of}")
    say(f"  {entry.means}")


_SHOWN: Final[dict[type, Callable[[FileCatalogue, Any], None]]] = {
    FeatureEntry: _show_feature,
    CapabilityEntry: _show_capability,
    Platform: _show_platform,
    CodeEntry: _show_code,
    MessageEntry: _show_message,
    PieceEntry: _show_piece,
}


def _notes(of: Feature | Capability) -> None:
    if of.note:
        say(f"  {of.note}")
    for reference in of.reference:
        note = f": {reference.note}" if reference.note else ""
        say(f"  source: {reference.source}{note}")


def _say_place(catalogue: FileCatalogue, kind: str, stem: str) -> None:
    for file in catalogue.files.of(kind, stem):
        say(f"  defined in {'/'.join(file)}")
