"""Lineages: whose kernels the platforms of one line are of, and how a host is told to run one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from platform_abi.model.value import frozen


@frozen(kw_only=True)
class Lineage:
    """One line of platforms.

    *clones* and *distributions* are IDs of os-release(5) of which the kernels are its own: those of
    the same version numbers, under whose names its platforms go as well, and all others. *kernels*
    are patterns of which one is in what uname(2) says of its kernels; where none is, no host that
    says so is of it, whatever its os-release says.
    """

    name: str
    title: str = ""
    clones: tuple[str, ...] = ()
    distributions: tuple[str, ...] = ()
    kernels: tuple[str, ...] = ()

    def has(self, distribution: str) -> bool:
        """Return whether the kernels of *distribution* are of this lineage."""
        return distribution in (self.name, *self.clones, *self.distributions)

    def built(self, release: str) -> bool:
        """Return whether *release*, as uname(2) has it, is by its name a kernel of this lineage."""
        return any(re.search(pattern, release) for pattern in self.kernels)

    def other_names(self, platform: str) -> Iterator[str]:
        """Yield what *platform* of this lineage is called after its clones."""
        before, separator, version = platform.partition(f"-{self.name}-")
        if separator:
            yield from (f"{before}-{clone}-{version}" for clone in self.clones)


def lineage_of(lineages: Iterable[Lineage], distribution: str) -> Lineage:
    """Return the one of *lineages* that *distribution* is of, else one that is called like it."""
    return next((each for each in lineages if each.has(distribution)), Lineage(name=distribution))
