"""Which platforms a host supports, why not the others, and which one to choose."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, get_args

from platform_abi.compat.met import fact_of
from platform_abi.compat.needs import Need, PlatformNeeds, Scope, platform_needs
from platform_abi.compat.preference import (
    CONSERVATIVE,
    Recognition,
    preference,
    recognition,
    recognitions,
)
from platform_abi.errors import DefinitionError, HostError, unknown
from platform_abi.model.host import Fact, HostReport
from platform_abi.model.platform import (
    Platform,
    PlatformReference,
    kernel_number,
    version_key,
)
from platform_abi.model.value import evolve, field, frozen

if TYPE_CHECKING:
    from platform_abi.model.catalogue import Catalogue

Answer = Literal["yes", "no", "unknown"]
Policy = Literal["newest", "conservative"]


@frozen(kw_only=True)
class Missing:
    """A need that a host does not meet, or is not known to, with what was found of it."""

    feature: str
    backend: str
    value: str
    capability: str
    fact: Fact


@frozen(kw_only=True)
class PlatformVerdict:
    """Whether a host supports one platform.

    *behind* is the same by kind of network backend. Where nobody names backends, a host that
    supports the platform behind one of the usual ones supports it; named ones count together.
    *missing* is why not, there or behind some of them. *limits* are what the platform promises only
    to virtual machines that ask for it, and this host cannot keep, or is not known to. *notes* name
    what the site has masked.
    """

    name: str
    #: The canonical spelling: ``linux-6.9@2026.1``.
    platform: str
    lineage: str
    version: str
    #: The operating system that it is of; empty: none in particular.
    system: str
    #: How the release of its kernels begins, where the platform says so.
    kernel: str
    #: The upstream releases that its kernel is made of.
    kernels: frozenset[str]
    #: How a host is told to be of its lineage.
    told: Recognition
    supported: Answer
    needs: PlatformNeeds
    behind: Mapping[str, Answer] = field(factory=dict)
    missing: tuple[Missing, ...] = ()
    limits: tuple[Missing, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def works_behind(self) -> frozenset[str]:
        """Return the network backends behind which it is supported, of those asked about."""
        return frozenset(name for name, answer in self.behind.items() if answer == "yes")

    @property
    def turned_on(self) -> frozenset[Need]:
        """Return what its defaults rest on, but not behind backends where it is not supported."""
        lost = self.behind.keys() - self.works_behind
        return frozenset(need for need in self.needs.defaults if need.backend not in lost)

    @property
    def everywhere(self) -> bool:
        """Return whether it is supported behind every network backend that was asked about."""
        return self.supported == "yes" and all(each == "yes" for each in self.behind.values())


def query_platforms(
    catalogue: Catalogue,
    report: HostReport,
    *,
    scope: Scope | None = None,
    edition: str | None = None,
) -> tuple[PlatformVerdict, ...]:
    """Return for every platform whether the host of *report* supports it.

    A platform is supported where the host has every capability that the platform's defaults rest
    on, for the virtual machines of *scope*: with the system's usual accelerator, and behind a tap
    with or without vhost, where nothing else is said. What is not known is not there. The host's
    own lineage comes first, the newest platform first within each. One whose definition is wrong
    is left out (``Catalogue.leave_out``), unless that is so of all.
    """
    asked = scope_for(catalogue, report) if scope is None else scope
    lacking = _Lacking(catalogue, report)
    names = [
        platform.name
        for platform in catalogue.every_platform()
        if edition is None or platform.is_at(edition)
    ]
    found, wrong = _all_judged(catalogue, reversed(names), lacking, asked, edition)
    _leave_out(catalogue, wrong, judged=bool(found))
    known = recognitions(catalogue)
    place = {name: index for index, name in enumerate(preference(report, known))}
    # Sorting is stable: within a lineage the newest stays first.
    return tuple(
        sorted(found, key=lambda v: (place.get(v.lineage, len(place)), _rank(v), v.lineage))
    )


def _all_judged(
    catalogue: Catalogue,
    names: Iterable[str],
    lacking: _Lacking,
    scope: Scope,
    edition: str | None = None,
) -> tuple[list[PlatformVerdict], _Wrong]:
    """Return the verdicts on the platforms called *names*, and which cannot be judged, and why."""
    verdicts: list[PlatformVerdict] = []
    wrong: _Wrong = {}
    for name in names:
        reference = PlatformReference(name=name, edition=edition)
        try:
            verdicts.append(_judged(catalogue, reference, lacking, scope))
        except (DefinitionError, HostError) as error:
            wrong[name] = error
    return verdicts, wrong


#: Platforms of which a definition is wrong, and how.
_Wrong = dict[str, DefinitionError | HostError]


def _leave_out(catalogue: Catalogue, wrong: _Wrong, *, judged: bool) -> None:
    """Leave out what is *wrong*; where nothing could be *judged* it is no fault of single ones."""
    for name, error in wrong.items():
        if not judged:
            raise error
        catalogue.leave_out(f"platform {name}", error)


def _rank(verdict: PlatformVerdict) -> int:
    """Return 1 for the platform that everything falls back to: it comes last."""
    return int(verdict.name == CONSERVATIVE)


def scope_for(catalogue: Catalogue, report: HostReport) -> Scope:
    """Return the virtual machines to judge for where nobody says: the usual ones of the host."""
    scope = Scope()
    if report.system:
        usual = catalogue.devices().usual_accelerators
        scope = evolve(scope, accelerator=usual.get(report.system, EMULATOR))
    return evolve(scope, arch=report.arch) if report.arch else scope


#: The accelerator that every host has.
EMULATOR = "tcg"


def judge(
    catalogue: Catalogue, platform: PlatformReference | str, report: HostReport, scope: Scope
) -> PlatformVerdict:
    """Return whether the host of *report* supports *platform* for virtual machines of *scope*."""
    return _judged(catalogue, platform, _Lacking(catalogue, report), scope)


def _judged(
    catalogue: Catalogue, platform: PlatformReference | str, lacking: _Lacking, scope: Scope
) -> PlatformVerdict:
    needs = platform_needs(catalogue, platform, scope)
    described = catalogue.platform(needs.name)
    paged = paged_for(described, lacking.report)
    # What is of another kernel need not be asked what this one lacks.
    missing, limits = (
        ((), ()) if paged == "no" else map(lacking.of, (needs.defaults, needs.promises))
    )
    behind = _behind(catalogue, scope, missing)
    own = [entry for entry in missing if entry.backend not in behind]
    together = _worst if scope.backends else _best
    supported = _worst((paged, _answer(own), together(behind.values()) if behind else "yes"))
    return PlatformVerdict(
        name=needs.name,
        platform=needs.platform,
        lineage=needs.lineage,
        version=described.version,
        system=described.system,
        kernel=described.kernel,
        kernels=_kernels(catalogue, described),
        told=recognition(catalogue, needs.lineage),
        supported=supported,
        needs=needs,
        behind={name: _worst((paged, _answer(own), answer)) for name, answer in behind.items()},
        missing=missing,
        limits=limits,
        notes=(*_masked(catalogue, described), *_contradicted(described, lacking.report)),
    )


#: From what a host can do to what nobody may count on.
_ANSWERS: tuple[Answer, ...] = ("yes", "unknown", "no")


def _best(answers: Iterable[Answer]) -> Answer:
    return min(answers, key=_ANSWERS.index)


def _worst(answers: Iterable[Answer]) -> Answer:
    return max(answers, key=_ANSWERS.index)


def _answer(missing: Iterable[Missing]) -> Answer:
    states = {entry.fact.proven for entry in missing}
    return "no" if "absent" in states else "unknown" if states else "yes"


def _behind(catalogue: Catalogue, scope: Scope, missing: Sequence[Missing]) -> dict[str, Answer]:
    """Return what the host supports behind each network backend in question, beside all else."""
    usual = (f.assumed_backends for f in catalogue.devices().families)
    names = scope.backends or tuple(dict.fromkeys(name for each in usual for name in each))
    return {name: _answer(e for e in missing if e.backend == name) for name in names}


def _kernels(catalogue: Catalogue, platform: Platform) -> frozenset[str]:
    if platform.levels or not platform.extends:
        return frozenset(platform.levels.values())
    return frozenset({catalogue.platform(platform.extends[0]).version})


class _Lacking:
    """What the host of one report lacks; platforms that need the very same have one answer."""

    def __init__(self, catalogue: Catalogue, report: HostReport) -> None:
        self._catalogue = catalogue
        self.report = report
        self._known: list[tuple[tuple[Need, ...], tuple[Missing, ...]]] = []

    def of(self, needs: tuple[Need, ...]) -> tuple[Missing, ...]:
        """Return which of *needs* the host does not meet, or is not known to."""
        missing = next((found for asked, found in self._known if asked is needs), None)
        if missing is None:
            missing = tuple(self._missing(needs))
            self._known.append((needs, missing))
        return missing

    def _missing(self, needs: Iterable[Need]) -> Iterator[Missing]:
        for need in needs:
            fact = fact_of(self._catalogue, self.report, need.capability)
            if fact.proven != "present":
                yield Missing(
                    feature=need.feature,
                    backend=need.backend,
                    value=need.value,
                    capability=need.capability,
                    fact=fact,
                )


def _masked(catalogue: Catalogue, platform: Platform) -> list[str]:
    return [
        f"masked here: {mask.feature}, {mask.date}: {mask.reason} ({mask.source})"
        for mask in catalogue.masks()
        if mask.covers(platform.name)
    ]


def _contradicted(platform: Platform, report: HostReport) -> list[str]:
    """Return what the name takes for granted of a kernel, and the host's is otherwise."""
    without = [option for option in platform.assumes if report.config.get(option) == "n"]
    said = [f"this kernel is built without CONFIG_{option}" for option in without]
    if paged_for(platform, report) == "no":
        here = report.numbers[_PAGE_SIZE]
        said.append(f"this kernel has pages of {here} bytes, not of {platform.page_size}")
    return said


#: The number of a report that has the size of the kernel's pages, in bytes.
_PAGE_SIZE = "page-size"


def paged_for(platform: Platform, report: HostReport) -> Answer:
    """Return whether the host's kernel has pages of the size that *platform* is of."""
    here = report.numbers.get(_PAGE_SIZE)
    if not platform.page_size or here == platform.page_size:
        return "yes"
    return "unknown" if here is None else "no"


def newest(
    verdicts: Sequence[PlatformVerdict], report: HostReport, policy: Policy | str = "newest"
) -> PlatformVerdict | None:
    """Return the platform to choose where none was named, or None where none is supported.

    *newest* takes the first lineage of ``preference`` that has a supported platform, and there the
    newest one of those that are supported behind the most backends: what a host has of one
    platform behind a plain tap alone is no reason to leave another that it has behind vhost too.
    *verdicts* are in the order of ``query_platforms``. Where others of it turn on as much
    there, the name is the one that fits the host's own release best. Without any such lineage
    it is the conservative platform, which the policy *conservative* takes in any case. Raises
    UnknownNameError for another policy.
    """
    if policy not in get_args(Policy):
        raise unknown("policy", policy, get_args(Policy), code="unknown-policy")
    supported = [verdict for verdict in verdicts if verdict.supported == "yes"]
    if policy == "newest":
        told = {verdict.lineage: verdict.told for verdict in supported}
        for lineage in preference(report, told.values()):
            found = [verdict for verdict in supported if verdict.lineage == lineage]
            if found:
                return _fitting(_behind_most(found), report)
    return next((verdict for verdict in supported if verdict.name == CONSERVATIVE), None)


def _behind_most(found: Sequence[PlatformVerdict]) -> Sequence[PlatformVerdict]:
    """Return those of *found* that are supported behind as many backends as any of them is.

    A later kernel's platform that asks for more of vhost alone is still supported behind a tap: a
    host of 6.2 has ``linux-6.3`` there, and is none.
    """
    most = max(len(verdict.works_behind) for verdict in found)
    return [verdict for verdict in found if len(verdict.works_behind) == most]


def newest_supported(
    catalogue: Catalogue,
    report: HostReport,
    *,
    scope: Scope | None = None,
    policy: Policy | str = "newest",
) -> PlatformVerdict | None:
    """Return what ``newest`` chooses of ``query_platforms``, and judge no lineage in vain."""
    asked = scope_for(catalogue, report) if scope is None else scope
    lineages: dict[str, list[str]] = {}
    for platform in reversed([*catalogue.every_platform()]):
        lineages.setdefault(platform.lineage, []).append(platform.name)
    known = recognitions(catalogue)
    preferred = preference(report, known) if policy == "newest" else ()
    lacking = _Lacking(catalogue, report)
    fallback = [name for name in catalogue.platform_names() if name == CONSERVATIVE]
    wrong: _Wrong = {}
    judged = False
    chosen = None
    for names in (*(lineages.get(lineage, []) for lineage in preferred), fallback):
        verdicts, its_wrong = _all_judged(catalogue, names, lacking, asked)
        wrong |= its_wrong
        judged = judged or bool(verdicts)
        chosen = newest(verdicts, report, policy)
        if chosen is not None:
            break
    _leave_out(catalogue, wrong, judged=judged)
    return chosen


def next_newer(
    catalogue: Catalogue, report: HostReport, chosen: PlatformVerdict | None
) -> PlatformVerdict | None:
    """Return the first platform after *chosen* that the host does not support, in its lineage.

    One that it supports behind fewer backends than what was chosen counts as well. Where what was
    chosen is of none of the host's lineages, it is the oldest of the operating system's. None where
    nothing is newer.
    """
    known = [*catalogue.every_platform()]
    lineages = preference(report, recognitions(catalogue))
    pages = report.numbers.get(_PAGE_SIZE)
    own = chosen is not None and chosen.lineage in lineages
    lineage = chosen.lineage if own and chosen is not None else lineages[-1] if lineages else ""
    names = [p.name for p in known if p.lineage == lineage and p.page_size in (0, pages)]
    if own and chosen is not None:
        names = names[names.index(chosen.name) + 1 :]
    scope, lacking = scope_for(catalogue, report), _Lacking(catalogue, report)
    verdicts = (v for n in names for v in _all_judged(catalogue, [n], lacking, scope)[0])
    has = chosen.works_behind if own and chosen is not None else frozenset[str]()
    return next((v for v in verdicts if v.supported != "yes" or not v.works_behind >= has), None)


def _turns_on_all_of(verdict: PlatformVerdict, other: PlatformVerdict) -> bool:
    """Return whether *verdict* turns on all that *other* does: most often the same, or less."""
    own, its = verdict.needs.defaults, other.needs.defaults
    if verdict.behind == other.behind and own == its:
        return True
    # Needs are listed once each: fewer cannot be all of more, and sets of many take long.
    if verdict.everywhere and other.everywhere and len(own) < len(its):
        return False
    return verdict.turned_on >= other.turned_on


def _fitting(found: Sequence[PlatformVerdict], report: HostReport) -> PlatformVerdict:
    """Return the first of *found*, or what turns on as much under a name that fits the host.

    A kernel that brings nothing of interest supports the names of later ones as well; a host of
    6.18 should still not be told to call itself 7.3. Nor is a later name the better for turning on
    less, as it may where an earlier platform was written again at a later edition. Of a
    distribution's platforms those of the running kernel's line fit: the distribution's own by its
    version; else those of the latest build that is no later than what runs; and of them the newest
    that is no newer than the distribution says.
    """
    alike = [verdict for verdict in found if _turns_on_all_of(verdict, found[0])]
    release = _VERSION.match(report.release)
    upstream = found[0].lineage == report.system
    if release is not None and not upstream:
        numbers = {v.name: kernel_number(v.kernel, report.release) for v in alike}
        alike = [
            v
            for v in alike
            if numbers[v.name] is not None or (not v.kernel and release[0] in v.kernels)
        ] or alike
        exact = [v for v in alike if v.version == report.distribution_version]
        latest = max((n for v in alike if (n := numbers[v.name]) is not None), default=None)
        alike = exact or [v for v in alike if numbers[v.name] == latest]
    own = release if upstream else _VERSION.match(report.distribution_version)
    if own is None:
        return alike[0]
    at = version_key(own[0])
    fitting = [v for v in alike if _VERSION.fullmatch(v.version) and version_key(v.version) <= at]
    return fitting[0] if fitting else alike[-1] if upstream else alike[0]


#: A release as far as platforms are named by it: 6.18 of 6.18.44-generic, 24.04 of Ubuntu.
_VERSION = re.compile(r"[0-9]+(\.[0-9]+)?")
