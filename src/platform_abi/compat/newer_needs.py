"""What editions after that of a guest ABI have learned of hosts; its values stay its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from platform_abi.errors import PlatformAbiError
from platform_abi.model.abi import Precondition
from platform_abi.model.platform import edition_key
from platform_abi.model.value import evolve
from platform_abi.resolver.choice import parse_platform

if TYPE_CHECKING:
    from collections.abc import Collection

    from platform_abi.model.abi import GuestAbi
    from platform_abi.model.catalogue import Catalogue

#: Features that have no value: what they say is true of a guest whatever its edition.
_OF_HOSTS = frozenset({"precondition", "unpinnable"})


def with_newer_needs(catalogue: Catalogue, abi: GuestAbi) -> GuestAbi:
    """Return *abi* with what the newest edition knows that it needs of a host, and leaves to it.

    A lockfile goes on meaning what it meant, and gives the same arguments; but a verdict that knew
    no more than it would allow what is known to fail by now. Its values are its own.
    """
    newest = catalogue.newest_edition()
    if newest is None or edition_key(newest) <= edition_key(abi.edition):
        return abi
    from platform_abi.resolver.resolve import resolve

    later = _later(catalogue, edition_key(abi.edition))
    try:
        platform = evolve(parse_platform(abi.platform), edition=newest)
        now = resolve(catalogue, abi.vm, platform, hotplug=not abi.notes)
    except PlatformAbiError:  # a lockfile outlives definitions
        return abi
    known = {entry.capability for entry in abi.preconditions}
    left_open = {entry.what for entry in abi.unpinned}
    return evolve(
        abi,
        preconditions=(
            *abi.preconditions,
            *(
                Precondition(capability=entry.capability, because=because)
                for entry in now.preconditions
                if entry.capability not in known
                and (because := tuple(name for name in entry.because if name in later))
            ),
        ),
        unpinned=(
            *abi.unpinned,
            *(
                entry
                for entry in now.unpinned
                if entry.what not in left_open and entry.what.partition(" ")[0] in later
            ),
        ),
    )


def _later(catalogue: Catalogue, edition: tuple[int, ...]) -> Collection[str]:
    """Return the features without a value that came, or were corrected, after *edition*."""
    return {
        feature.id
        for feature in catalogue.every_feature()
        if feature.kind in _OF_HOSTS and feature.at(edition) is not feature
    }
