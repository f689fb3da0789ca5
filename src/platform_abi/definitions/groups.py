"""What features require of groups of backends, said of each backend.

A feature says ``any-tap`` where a tap, one with vhost and the two of a macvtap need the same, but
for what their kind always adds. What is read is by backend alone, as if each had a line of its own:
a digest, an answer, an older edition cannot tell which of the two was written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from platform_abi.definitions.checks import Fault, Path
from platform_abi.errors import suggest
from platform_abi.model.backend_group import GROUP, BackendGroup
from platform_abi.model.value import evolve

if TYPE_CHECKING:
    from platform_abi.model.feature import Feature

Requires = Mapping[str, tuple[str, ...]]


def said_of(feature: Feature) -> Iterator[tuple[Path, Requires]]:
    """Yield each ``requires`` of *feature*, that of corrections as well, with its place in it."""
    yield ("requires",), feature.requires
    for edition, before in feature.before.items():
        if before.requires is not None:
            yield ("before", edition, "requires"), before.requires


def spread(requires: Requires, groups: Mapping[str, BackendGroup]) -> Requires:
    """Return *requires* with a line for each backend in the place of one for a group.

    A backend's own line wins over what follows for it. Of groups that there are not, nothing does.
    """
    found: dict[str, tuple[str, ...]] = {}
    for name, needs in requires.items():
        if name in groups:
            follows = groups[name].needs(needs).items()
            found.update((each, need) for each, need in follows if each not in requires)
        else:
            found[name] = needs
    return found


def spread_feature(feature: Feature, groups: Mapping[str, BackendGroup]) -> Feature:
    """Return *feature* with ``requires`` by backend alone, at every edition."""
    before = {
        edition: said
        if said.requires is None
        else evolve(said, requires=spread(said.requires, groups))
        for edition, said in feature.before.items()
    }
    return evolve(feature, requires=spread(feature.requires, groups), before=before)


def group_faults(requires: Requires, groups: Mapping[str, BackendGroup]) -> Iterator[Fault]:
    """Yield which groups of *requires* are none, or say of one backend what another one does."""
    by: dict[str, str] = {}
    for name in requires:
        if not name.startswith(GROUP):
            continue
        if name not in groups:
            yield (name,), f"no group of backends '{name}'{suggest(name, groups)}"
            continue
        for member in groups[name].member:
            first = by.setdefault(member.backend, name)
            if first != name and member.backend not in requires:
                yield (
                    (name,),
                    f"'{member.backend}' is of '{first}' as well; give it a line of its own",
                )


def repeated(requires: Requires, groups: Mapping[str, BackendGroup]) -> Iterator[tuple[str, str]]:
    """Yield each backend with a line that says what follows from a group's, and that group."""
    for name in (each for each in requires if each in groups):
        for backend, needs in groups[name].needs(requires[name]).items():
            if requires.get(backend) == needs:
                yield backend, name
