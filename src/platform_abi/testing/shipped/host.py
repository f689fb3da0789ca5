"""Strategies of hosts: kernels that there are, with a few facts that are otherwise."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import strategies as st

from platform_abi.compat.evidence import predict
from platform_abi.model.catalogue import Catalogue
from platform_abi.model.host import Fact, HostReport
from platform_abi.model.memo import remembered
from platform_abi.model.value import evolve
from platform_abi.testing.hosts import facts
from platform_abi.testing.shipped.machine import architectures, one_of, packaged


@st.composite
def hosts(
    draw: st.DrawFn,
    catalogue: Catalogue | None = None,
    *,
    arch: str | None = None,
    changes: int = 3,
) -> HostReport:
    """Draw a host with a kernel of a shipped platform: what that has is proven, or its absence.

    Of up to *changes* capabilities something else was found. Shrinks to the oldest kernel as it is.
    """
    known = packaged() if catalogue is None else catalogue
    system, release = draw(one_of(_kernels(known)))
    arches = architectures(known) if arch is None else (arch,)
    as_it_is = _host(known, system, release, draw(one_of(arches)))
    return evolve(as_it_is, facts={**as_it_is.facts, **draw(_changed(known, changes))})


@st.composite
def host_pairs(
    draw: st.DrawFn,
    catalogue: Catalogue | None = None,
    *,
    arch: str | None = None,
    changes: int = 3,
) -> tuple[HostReport, HostReport]:
    """Draw two hosts of one architecture: the second is any, or the first but for a few facts.

    Shrinks to two that are the same.
    """
    known = packaged() if catalogue is None else catalogue
    first = draw(hosts(known, arch=arch, changes=changes))
    alike = _changed(known, changes).map(lambda new: evolve(first, facts={**first.facts, **new}))
    return first, draw(st.one_of(alike, hosts(known, arch=first.arch, changes=changes)))


def _changed(catalogue: Catalogue, most: int) -> st.SearchStrategy[dict[str, Fact]]:
    """Return what is found of up to *most* capabilities, which probes do find."""
    return st.dictionaries(_capabilities(catalogue), facts(), max_size=most)


@st.composite
def _capabilities(draw: st.DrawFn, catalogue: Catalogue) -> str:
    """Draw a capability; as a composite one, it is not shown with every name that there is."""
    return draw(one_of(sorted(catalogue.capabilities())))


@remembered()
def _kernels(catalogue: Catalogue) -> list[tuple[str, str]]:
    """Return the system and the release of a kernel of each platform of which one is predicted."""
    known = [(p.system, p.kernel or p.version) for p in catalogue.every_platform() if p.system]
    arch, *_ = architectures(catalogue)
    return [each for each in dict.fromkeys(known) if _host(catalogue, *each, arch).facts]


@remembered()
def _host(catalogue: Catalogue, system: str, release: str, arch: str) -> HostReport:
    """Return a host of which a probe has found what the release of its kernel predicts."""
    report = predict(catalogue, HostReport(system=system, release=release, arch=arch))
    found: Mapping[str, Fact] = {
        name: Fact(state=fact.state, source="ioctl") for name, fact in report.facts.items()
    }
    return evolve(report, facts=found)
