"""Which platforms of a host come before others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from platform_abi.model.lineage import Lineage, lineage_of
from platform_abi.model.memo import remembered
from platform_abi.model.platform import release_key
from platform_abi.model.value import field, frozen

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from platform_abi.model.catalogue import Catalogue
    from platform_abi.model.host import HostReport

#: The platform that the policy of this name means: everything that a host decides is off.
CONSERVATIVE = "conservative"


@frozen(kw_only=True)
class Recognition:
    """How a host is told to be of *lineage*.

    *lines* are the first two numbers of its platforms' kernels, where each says how these begin.
    """

    lineage: Lineage
    lines: frozenset[tuple[int, ...]] = field(factory=frozenset)

    def admits(self, release: str) -> bool:
        """Return whether a host of which uname(2) says *release* can be of it.

        What says nothing of a kernel, or of which nothing is known, goes with any.
        """
        line = release_key(release)
        if not line:
            return True
        named = not self.lineage.kernels or self.lineage.built(release)
        return named and (not self.lines or line in self.lines)


@remembered()
def recognitions(catalogue: Catalogue) -> tuple[Recognition, ...]:
    """Return how hosts of each lineage of *catalogue* are told."""
    known = dict(catalogue.lineages())
    kernels: dict[str, list[str]] = {name: [] for name in known}
    for platform in catalogue.every_platform():
        kernels.setdefault(platform.lineage, []).append(platform.kernel)
    return tuple(
        Recognition(
            lineage=known.get(name) or Lineage(name=name),
            lines=frozenset(map(release_key, said) if all(said) else ()),
        )
        for name, said in kernels.items()
    )


def recognition(catalogue: Catalogue, lineage: str) -> Recognition:
    """Return how hosts of *lineage* are told, by their os-release where nothing is known of it."""
    found = (each for each in recognitions(catalogue) if each.lineage.name == lineage)
    return next(found, Recognition(lineage=Lineage(name=lineage)))


def preference(report: HostReport, known: Iterable[Recognition]) -> tuple[str, ...]:
    """Return the lineages to choose from, best first.

    Those that the running kernel's release names, then the distribution's own, then those that it
    says it is like (ID and ID_LIKE of os-release), then the operating system's upstream. A lineage
    whose kernels are known is none of a host that runs another: upstream's name fits that better.
    """
    words = (*_told(report, [*known]), report.system)
    return tuple(dict.fromkeys(word for word in words if word))


def _told(report: HostReport, known: list[Recognition]) -> Iterator[str]:
    admitted = {each.lineage.name for each in known if each.admits(report.release)}
    lineages = [each.lineage for each in known]
    for each in lineages:
        if each.name in admitted and each.built(report.release):
            yield each.name
    names = {each.name for each in lineages}
    for word in (report.distribution, *report.distribution_like):
        name = lineage_of(lineages, word).name
        if name in admitted or name not in names:
            yield name
