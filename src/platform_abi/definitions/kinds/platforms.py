"""``platforms/**/NAME.toml``: a platform, and how a chain of such files becomes a flat one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from functools import lru_cache

from attrs import field

from platform_abi.definitions.checks import (
    Fault,
    ListedValue,
    Path,
    edition_faults,
    name_fault,
    version_faults,
)
from platform_abi.definitions.files import File
from platform_abi.definitions.reading import Reader
from platform_abi.errors import DefinitionError, suggest
from platform_abi.model.feature import UNDECIDED
from platform_abi.model.platform import Listing, Platform
from platform_abi.model.value import frozen


@frozen(kw_only=True)
class PlatformHead:
    """The ``[platform]`` table."""

    name: str
    lineage: str
    system: str = ""
    version: str = ""
    title: str = ""
    extends: str = ""
    released: date | None = None
    levels: Mapping[str, str] = field(factory=dict)
    assumes: tuple[str, ...] = ()


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
        for subsystem, level in head.levels.items():
            path: Path = ("platform", "levels", subsystem)
            yield from version_faults(path, level, "a kernel release such as '5.14'")
        for feature, value in self.features.items():
            path = ("features", feature)
            yield from name_fault(path, feature)
            if isinstance(value, str) and value in UNDECIDED:
                yield path, f"'{value}' leaves the value to the host; write a concrete one"
            if isinstance(value, dict):
                yield from _edition_table_faults(path, value)


def _edition_table_faults(path: Path, values: Mapping[str, str]) -> Iterator[Fault]:
    if not values:
        yield path, "expected at least one edition"
    for edition, chosen in values.items():
        yield from edition_faults((*path, edition), edition)
        if chosen in UNDECIDED:
            yield (*path, edition), f"'{chosen}' leaves the value to the host"


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
    levels: dict[str, str] = {}
    assumes: list[str] = []
    system = ""
    removed: set[str] = set()
    for document, source in reversed(chain):
        levels.update(document.platform.levels)
        assumes += document.platform.assumes
        system = document.platform.system or system
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
        version=head.version,
        title=head.title,
        released=None if head.released is None else head.released.isoformat(),
        extends=tuple(document.platform.name for document, _ in chain[1:]),
        levels=levels,
        assumes=tuple(dict.fromkeys(assumes)),
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


def _by_edition(value: ListedValue) -> tuple[tuple[str, str], ...]:
    """Return a listing's values by edition; a plain value has always held."""
    if isinstance(value, dict):
        return tuple(value.items())
    return (("0.0", str(value)),)


@lru_cache(maxsize=1024)
def _listing(values: tuple[tuple[str, str], ...], source: str) -> Listing:
    """Return one listing for all features that a file says the same of, and for its children."""
    return Listing(values=dict(values), source=source)
