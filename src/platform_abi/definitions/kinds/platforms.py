"""``platforms/**/NAME.toml``: a platform, and how a chain of such files becomes a flat one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from functools import lru_cache
from typing import Literal

from platform_abi.definitions.checks import (
    Fault,
    Level,
    ListedValue,
    Path,
    edition_faults,
    name_fault,
    version_faults,
)
from platform_abi.definitions.files import File
from platform_abi.definitions.reading import Reader
from platform_abi.errors import DefinitionError, suggest
from platform_abi.model.capability import Confidence
from platform_abi.model.feature import UNDECIDED
from platform_abi.model.platform import ALWAYS, KERNEL, Listing, Platform, edition_key
from platform_abi.model.reference import Reference
from platform_abi.model.value import field, frozen


@frozen(kw_only=True)
class PlatformHead:
    """The ``[platform]`` table."""

    name: str
    lineage: str
    system: str = ""
    version: str = ""
    title: str = ""
    #: The edition that brought it; empty: the first.
    edition: str = ""
    extends: str = ""
    released: date | None = None
    levels: Mapping[str, Level] = field(factory=dict)
    assumes: tuple[str, ...] = ()
    page_size: int = 0
    #: How the release of its kernels begins, as uname(2) says it; inherited by nothing.
    kernel: str = ""
    #: Other names of this one.
    aliases: tuple[str, ...] = ()
    #: How sure it is that every such host has what is listed; empty: nobody said.
    confidence: Confidence | Literal[""] = ""
    #: What nobody knows of it, and what is therefore off.
    unknown: tuple[str, ...] = ()
    reference: tuple[Reference, ...] = ()


@frozen(kw_only=True)
class Document:
    """What such a file contains."""

    schema: int
    platform: PlatformHead
    features: Mapping[str, ListedValue] = field(factory=dict)

    def faults(self) -> Iterator[Fault]:
        """Yield what is wrong beyond types."""
        head = self.platform
        yield from name_fault(("platform", "name"), head.name)
        if head.extends:
            yield from name_fault(("platform", "extends"), head.extends)
        for index, alias in enumerate(head.aliases):
            yield from name_fault(("platform", "aliases", index), alias)
        if head.kernel and not KERNEL.fullmatch(head.kernel):
            message = f"expected how a release begins, as 6.8 or 5.14.0-427, found '{head.kernel}'"
            yield ("platform", "kernel"), message
        if head.edition:
            yield from edition_faults(("platform", "edition"), head.edition)
        for subsystem, level in head.levels.items():
            path: Path = ("platform", "levels", subsystem)
            for place, release in _levels(path, level):
                yield from version_faults(place, release, "a kernel release such as '5.14'")
            if isinstance(level, dict):
                yield from _table_faults(path, level)
        yield from _listed_faults(self.features)


def _listed_faults(features: Mapping[str, ListedValue]) -> Iterator[Fault]:
    for feature, value in features.items():
        path: Path = ("features", feature)
        yield from name_fault(path, feature)
        if isinstance(value, str) and value in UNDECIDED:
            yield path, f"'{value}' leaves the value to the host; write a concrete one"
        if isinstance(value, dict):
            yield from _table_faults(path, value)
            for edition, chosen in value.items():
                if chosen in UNDECIDED:
                    yield (*path, edition), f"'{chosen}' leaves the value to the host"


def _levels(path: Path, level: Level) -> Iterator[tuple[Path, str]]:
    """Yield each release that *level* names, and where."""
    if isinstance(level, str):
        yield path, level
    else:
        yield from (((*path, edition), release) for edition, release in level.items())


def _table_faults(path: Path, values: Mapping[str, object]) -> Iterator[Fault]:
    """Yield what is wrong with the editions of a table of values by edition."""
    if not values:
        yield path, "expected at least one edition"
    for edition in values:
        yield from edition_faults((*path, edition), edition)


def merged(reader: Reader, name: str) -> Platform | None:
    """Return platform *name* with what it inherits, or None where no file is called so."""
    places: dict[str, File] = {}

    def find(wanted: str) -> tuple[Document, str] | None:
        if not reader.files.of("platforms", wanted):
            return None
        document, file = reader.one(Document, f"platform {wanted}", "platforms", wanted)
        reader.same_name(file, ("platform", "name"), wanted, document.platform.name)
        places[file[1]] = file
        return document, file[1]

    def blame(source: str, message: str) -> str:
        return reader.fault(places[source], ("platform", "extends"), message)

    known = (key[0] for key in reader.files.keys("platforms"))
    return flatten(name, find, blame, known)


#: More ancestors than any real lineage has.
MAX_DEPTH = 64

#: Finds a platform file by name: returns its document and what errors and sources call the file.
Find = Callable[[str], "tuple[Document, str] | None"]

#: Spells a fault of ``platform.extends``: given the file, as a source calls it, and what is wrong.
Blame = Callable[[str, str], str]


def flatten(name: str, find: Find, blame: Blame, known: Iterable[str]) -> Platform | None:
    """Return platform *name* with all that it inherits, or None where there is no such file.

    *known* are the names of all platforms, for suggestions.

    A child's listing replaces its parent's, ``false`` removes it, a level replaces the parent's
    level of that subsystem. Raises DefinitionError on an unknown parent, a cycle, or a chain of
    more than 64.
    """
    chain = _chain(name, find, blame, known)
    if not chain:
        return None
    listings: dict[str, Listing] = {}
    levels: dict[str, Level] = {}
    assumes: list[str] = []
    system = ""
    page_size = 0
    removed: set[str] = set()
    for document, source in reversed(chain):
        levels.update(document.platform.levels)
        assumes += document.platform.assumes
        system = document.platform.system or system
        page_size = document.platform.page_size or page_size
        for feature, value in document.features.items():
            if value is False:
                listings.pop(feature, None)
                removed.add(feature)
            else:
                removed.discard(feature)
                listings[feature] = _listing(_by_edition(value), source)
    head, source = chain[0][0].platform, chain[0][1]
    return Platform(
        name=head.name,
        lineage=head.lineage,
        system=system,
        edition=head.edition,
        version=head.version,
        title=head.title,
        released=None if head.released is None else head.released.isoformat(),
        extends=tuple(document.platform.name for document, _ in chain[1:]),
        levels={name: _newest(level) for name, level in levels.items()},
        dated_levels={name: level for name, level in levels.items() if isinstance(level, Mapping)},
        assumes=tuple(dict.fromkeys(assumes)),
        page_size=page_size,
        kernel=head.kernel,
        aliases=head.aliases,
        confidence=head.confidence,
        unknown=head.unknown,
        reference=head.reference,
        listings=listings,
        removed=frozenset(removed),
        source=source,
    )


def _chain(name: str, find: Find, blame: Blame, known: Iterable[str]) -> list[tuple[Document, str]]:
    """Return *name*'s file, its parent's, and so on to the root."""
    chain: list[tuple[Document, str]] = []
    seen: list[str] = []
    while name:
        found = find(name)
        if found is None:
            if not chain:
                return []
            fault = blame(chain[-1][1], f"no platform '{name}'{suggest(name, known)}")
            raise DefinitionError([fault], code="definition-unknown-parent")
        seen.append(name)
        chain.append(found)
        name = found[0].platform.extends
        if name in seen:
            path = " -> ".join([*seen[seen.index(name) :], name])
            fault = blame(found[1], f"cycle: {path}")
            raise DefinitionError([fault], code="definition-cycle")
        if name and len(chain) > MAX_DEPTH:
            fault = blame(chain[0][1], f"more than {MAX_DEPTH} ancestors")
            raise DefinitionError([fault], code="definition-depth")
    return chain


def _newest(level: Level) -> str:
    return level if isinstance(level, str) else level[max(level, key=edition_key)]


def _by_edition(value: ListedValue) -> tuple[tuple[str, str | None], ...]:
    """Return a listing's values by edition; a plain value has always held."""
    if isinstance(value, Mapping):
        return tuple((name, v if isinstance(v, str) else None) for name, v in value.items())
    return ((ALWAYS, str(value)),)


@lru_cache(maxsize=1024)
def _listing(values: tuple[tuple[str, str | None], ...], source: str) -> Listing:
    """Return one listing for all features that a file says the same of, and for its children."""
    return Listing(values=dict(values), source=source)
