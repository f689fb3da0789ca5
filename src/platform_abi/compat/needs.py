"""What a platform asks of every host that is to support it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from platform_abi.errors import unknown
from platform_abi.model.device import ACCELERATOR, MACHINE, NETDEV
from platform_abi.model.feature import Feature
from platform_abi.model.memo import remembered
from platform_abi.model.platform import PlatformReference, edition_key
from platform_abi.model.value import frozen
from platform_abi.resolver.choice import Choice, choose, decide, reference_of

if TYPE_CHECKING:
    from platform_abi.model.catalogue import Catalogue
    from platform_abi.model.device import DeviceFamily


@frozen(kw_only=True)
class Scope:
    """Which virtual machines a platform is judged for.

    *backends* are those of devices that have several, such as ``tap`` and ``tap+vhost``; without
    any, the ones whose values hold where a resolution is given no devices.
    """

    accelerator: str = "kvm"
    backends: tuple[str, ...] = ()
    arch: str = "x86_64"


@frozen(kw_only=True)
class Need:
    """One host capability that a feature of a platform rests on, behind one backend."""

    feature: str
    backend: str
    value: str
    capability: str


@frozen(kw_only=True)
class PlatformNeeds:
    """What a platform rests on.

    *defaults* are for what it turns on for every virtual machine in the scope: a host without one
    of them does not support the platform. *promises* are for what it lists besides, and only a
    virtual machine that asks for it needs: opt-in features, other kinds of device and backend.
    What no kernel gives (a privilege, a backend process) is not for a platform to promise.
    """

    name: str
    #: The canonical spelling: ``linux-6.9@2026.1``.
    platform: str
    lineage: str
    defaults: tuple[Need, ...]
    promises: tuple[Need, ...]

    @property
    def guarantees(self) -> frozenset[str]:
        """Return the capabilities without which a host does not support the platform."""
        return frozenset(need.capability for need in self.defaults)


def platform_needs(
    catalogue: Catalogue, platform: PlatformReference | str, scope: Scope
) -> PlatformNeeds:
    """Return what *platform* asks of a host, for the virtual machines of *scope*.

    Judged are the newest machine types: those have every feature. Raises UnknownNameError for a
    platform, an accelerator or a backend that nothing defines.
    """
    return _needs(catalogue, reference_of(platform), scope)


@remembered()
def _needs(catalogue: Catalogue, reference: PlatformReference, scope: Scope) -> PlatformNeeds:
    choice = choose(catalogue, reference)
    judged = _judged(catalogue, choice.edition, scope)
    # Most platforms say the very same as another one.
    needs = next((needs for other, needs in judged if choice.says_the_same(other)), None)
    if needs is None:
        needs = _asked(catalogue, choice, scope)
        judged.append((choice, needs))
    return PlatformNeeds(
        name=choice.platform.name,
        platform=choice.spelled,
        lineage=choice.platform.lineage,
        defaults=needs[0],
        promises=needs[1],
    )


#: What is asked of a host by default, and what only of virtual machines that ask for it.
_Needs = tuple[tuple[Need, ...], tuple[Need, ...]]


@remembered()
def _judged(catalogue: Catalogue, edition: str, scope: Scope) -> list[tuple[Choice, _Needs]]:
    """Return what was worked out so far, which who asks adds to."""
    del catalogue, edition, scope
    return []


def _asked(catalogue: Catalogue, choice: Choice, scope: Scope) -> _Needs:
    """Return what *choice* asks of a host, by feature, backend and capability."""
    edition = edition_key(choice.edition)
    defaults: list[Need] = []
    promises: list[Need] = []
    # What a feature asks of a host is the same for all platforms that list the same of it.
    known = _known(catalogue, edition, scope)
    for feature, places in _places(catalogue, edition, scope):
        listing = catalogue.listing(choice.platform, feature)
        listed = None if listing is None else listing.at(edition)
        said = (feature.id, listed, choice.overrides.get(feature.id), feature.id in choice.masks)
        if said not in known:
            known[said] = _feature_needs(catalogue, choice, places)
        default, promised = known[said]
        defaults += default
        promises += promised
    return tuple(defaults), tuple(promises)


@remembered()
def _known(
    catalogue: Catalogue, edition: tuple[int, ...], scope: Scope
) -> dict[tuple[object, ...], _Needs]:
    """Return what was worked out of single features for any platform; others are added to it."""
    del catalogue, edition, scope
    return {}


def _feature_needs(
    catalogue: Catalogue, choice: Choice, places: Sequence[_BackedFeature]
) -> _Needs:
    """Return what a platform asks of a host at *places*, which are all of one feature."""
    defaults: dict[Need, None] = {}
    promises: dict[Need, None] = {}
    for place in places:
        feature, backend = place.feature, place.backend
        decision = decide(catalogue, choice, feature, backend)
        default = place.core and feature.demands(decision.value)
        names = place.needs if default else place.kernels if decision.guaranteed else ()
        for name in names:
            need = Need(feature=feature.id, backend=backend, value=decision.value, capability=name)
            (defaults if default else promises)[need] = None
    return _sorted(defaults), _sorted(need for need in promises if need not in defaults)


def _sorted(needs: Iterable[Need]) -> tuple[Need, ...]:
    return tuple(sorted(needs, key=lambda n: (n.backend, n.capability)))


def _check(catalogue: Catalogue, scope: Scope) -> None:
    devices = catalogue.devices()
    if scope.accelerator not in devices.accelerators:
        raise unknown(
            "accelerator", scope.accelerator, devices.accelerators, code="unknown-accelerator"
        )
    known = {backend.name for backend in devices.backends}
    for name in scope.backends:
        if name not in known:
            raise unknown("backend", name, known, code="unknown-backend")


@frozen(kw_only=True)
class _BackedFeature:
    """A feature behind a backend, as far as it asks anything of a host."""

    feature: Feature
    backend: str
    #: Whether what a platform turns on must hold there.
    core: bool
    needs: tuple[str, ...]
    #: Those of them that a kernel release gives.
    kernels: tuple[str, ...]


@remembered()
def _places(
    catalogue: Catalogue, edition: tuple[int, ...], scope: Scope
) -> tuple[tuple[Feature, tuple[_BackedFeature, ...]], ...]:
    """Return the features that newest machine types have, by id, each behind its backends."""
    _check(catalogue, scope)
    by_id: dict[str, list[_BackedFeature]] = {}
    for place in _find(catalogue, edition, scope):
        by_id.setdefault(place.feature.id, []).append(place)
    return tuple((places[0].feature, tuple(places)) for _, places in sorted(by_id.items()))


def _find(catalogue: Catalogue, edition: tuple[int, ...], scope: Scope) -> Iterator[_BackedFeature]:
    dates = catalogue.kernel_dates()
    for family, feature in _features(catalogue, edition, scope):
        core = () if feature.cpus else _core(family, scope)
        for backend in dict.fromkeys((*core, *_others(family, feature))):
            needs = feature.needs(backend)
            if needs:
                yield _BackedFeature(
                    feature=feature,
                    backend=backend,
                    core=backend in core,
                    needs=needs,
                    kernels=tuple(n for n in needs if n in dates),
                )


def _features(
    catalogue: Catalogue, edition: tuple[int, ...], scope: Scope
) -> Iterator[tuple[DeviceFamily, Feature]]:
    """Yield every feature with a value that newest machine types have, with each family of it."""
    for family in catalogue.devices().families:
        if family.arch and scope.arch not in family.arch:
            continue
        for stem in family.feature_files:
            for known in catalogue.features(stem):
                feature = known.at(edition)
                if (
                    feature is not None
                    and feature.kind in ("setting", "guard")
                    and feature.until is None
                    and (not feature.arch or scope.arch in feature.arch)
                    and (not feature.accelerators or scope.accelerator in feature.accelerators)
                    and any(driver in (family.driver, NETDEV) for driver, _ in feature.drives)
                ):
                    yield family, feature


def _core(family: DeviceFamily, scope: Scope) -> tuple[str, ...]:
    """Return the backends for which what the platform turns on must hold."""
    if family.driver == MACHINE or family.backend == ACCELERATOR:
        return (scope.accelerator,)
    return scope.backends or family.assumed_backends if family.assumed_backends else ()


def _others(family: DeviceFamily, feature: Feature) -> tuple[str, ...]:
    """Return the backends that a virtual machine may have besides."""
    if family.driver == MACHINE or family.backend == ACCELERATOR:
        return ()
    return tuple(sorted(feature.requires.keys()))
