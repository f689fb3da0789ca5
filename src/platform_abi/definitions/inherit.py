"""A chain of platform files becomes one flat platform."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from platform_abi.definitions.documents import ListedValue, PlatformFile
from platform_abi.errors import DefinitionError, suggest
from platform_abi.model.platform import Listing, Platform

#: More ancestors than any real lineage has.
MAX_DEPTH = 64

#: Finds a platform file by name: returns its document and what errors and sources call the file.
Find = Callable[[str], "tuple[PlatformFile, str] | None"]

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
    removed: set[str] = set()
    for document, source in reversed(chain):
        levels.update(document.platform.levels)
        assumes += document.platform.assumes
        for feature, value in document.features.items():
            if value is False:
                listings.pop(feature, None)
                removed.add(feature)
            else:
                removed.discard(feature)
                listings[feature] = Listing(values=_by_edition(value), source=source)
    head, source = chain[0][0].platform, chain[0][1]
    return Platform(
        name=head.name,
        lineage=head.lineage,
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


def _chain(
    name: str, find: Find, blame: Blame, known: Iterable[str]
) -> list[tuple[PlatformFile, str]]:
    """Return *name*'s file, its parent's, and so on to the root."""
    chain: list[tuple[PlatformFile, str]] = []
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


def _by_edition(value: ListedValue) -> dict[str, str]:
    """Return a listing's values by edition; a plain value has always held."""
    if isinstance(value, dict):
        return dict(value)
    return {"0.0": str(value)}
