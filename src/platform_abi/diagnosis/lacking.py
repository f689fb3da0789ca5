"""What a host lacks, as the catalogue knows it: from a bit or a flag to kernels and arguments."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from platform_abi.compat.preference import CONSERVATIVE
from platform_abi.model.capability import NO_KERNEL, Capability
from platform_abi.model.catalogue import Catalogue
from platform_abi.model.device import ACCELERATOR, DeviceFamily, VirtioBit
from platform_abi.model.feature import Feature
from platform_abi.model.memo import remembered
from platform_abi.model.names import feature_stem
from platform_abi.model.platform import PlatformReference, version_key
from platform_abi.model.value import evolve, field, frozen
from platform_abi.resolver.choice import choose, decide


@frozen(kw_only=True)
class Lacking:
    """One thing that a guest was given and a host cannot give.

    *name* is empty for a bit that no definition names. *kernels* has the first upstream kernel by
    backend, and is empty where no kernel version decides. *argument* is the ``-global`` that keeps
    it off, where there is one.
    """

    name: str
    bit: int | None = None
    property: str = ""
    #: The id of the feature that describes it; empty where none does.
    feature: str = ""
    title: str = ""
    kernels: Mapping[str, str] = field(factory=dict)
    #: First machine-type generation, and so first QEMU, that has it.
    generation: str | None = None
    argument: str = ""


def bits_of(mask: int) -> Iterator[int]:
    """Yield the numbers of the bits that *mask* has, lowest first."""
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest


def known_bits(catalogue: Catalogue, family: DeviceFamily) -> dict[int, VirtioBit]:
    """Return the bits that a device of *family* can have, its own before those of all."""
    common = {bit.bit: bit for bit in catalogue.devices().common_bits}
    return common | {bit.bit: bit for bit in family.bit}


def lacking_bits(catalogue: Catalogue, family: DeviceFamily, mask: int) -> tuple[Lacking, ...]:
    """Return every bit of *mask* as a device of *family* has it: named, or at least numbered."""
    known = known_bits(catalogue, family)
    features = _by_property(catalogue, family)
    return tuple(
        _bit(catalogue, family, known[bit], features) if bit in known else Lacking(name="", bit=bit)
        for bit in bits_of(mask)
    )


def follows_host(catalogue: Catalogue, family: DeviceFamily, bit: VirtioBit) -> bool:
    """Return whether QEMU by itself gives *bit* to guests on some hosts and not on others."""
    feature = _by_property(catalogue, family).get(f"{family.driver}.{bit.property}")
    return feature is not None and not feature.opt_in and bool(_asking(feature))


def lacking_flag(catalogue: Catalogue, name: str) -> Lacking:
    """Return the CPU flag that QEMU and libvirt call *name*."""
    return _flags(catalogue).get(name) or Lacking(name=name)


@remembered()
def _flags(catalogue: Catalogue) -> dict[str, Lacking]:
    return dict(_known_flags(catalogue))


def _is_flag(capability: Capability) -> bool:
    """Return whether a capability is a CPU flag; one without a probe says it by its symbol."""
    if capability.probe is not None:
        return capability.probe.method == "kvm-cpuid"
    return capability.symbol.startswith(_REGISTER)


#: What the symbols of bits of CPUID begin with.
_REGISTER = "CPUID "


def _known_flags(catalogue: Catalogue) -> Iterator[tuple[str, Lacking]]:
    """Yield the CPU flags of the catalogue: those of capabilities, then those of features."""
    for capability in catalogue.capabilities().values():
        if not _is_flag(capability) or capability.since is None:
            continue
        for name in (capability.id.rpartition(".")[2], *_WORDS.findall(capability.title)):
            kernels = {"kvm": capability.since}
            yield name, Lacking(name=name, title=capability.title, kernels=kernels)
    for family in catalogue.devices().families:
        if family.backend == ACCELERATOR:
            for place, feature in _by_property(catalogue, family).items():
                name = place.removeprefix(f"{family.driver}.")
                if name != place:
                    plain = Lacking(name=name, property=place)
                    yield name, _described(catalogue, plain, feature)


def lacking_feature(catalogue: Catalogue, feature: Feature) -> Lacking:
    """Return *feature* as a whole, by its title."""
    place = feature.properties[0] if feature.properties else ""
    plain = Lacking(name=feature.title, property=place)
    if feature.kind == "setting":
        return _described(catalogue, plain, feature)
    return evolve(
        plain,
        feature=feature.id,
        title=feature.title,
        kernels=first_kernels(catalogue, feature),
        generation=feature.generation,
    )


#: Titles of CPUID capabilities list QEMU's names of the flags that came together.
_WORDS = re.compile(r"[a-z0-9][a-z0-9._-]*")


def _by_property(catalogue: Catalogue, family: DeviceFamily) -> dict[str, Feature]:
    return _driven(catalogue, family.feature_files)


@remembered()
def _driven(catalogue: Catalogue, stems: tuple[str, ...]) -> dict[str, Feature]:
    """Return the features of some feature files by each ``driver.property`` that they set."""
    pairs = [
        (place, feature)
        for stem in stems
        for feature in catalogue.features(stem)
        if feature.kind in ("setting", "guard")
        for place in feature.properties
    ]
    return dict(reversed(pairs))


def _bit(
    catalogue: Catalogue, family: DeviceFamily, bit: VirtioBit, features: Mapping[str, Feature]
) -> Lacking:
    place = f"{family.driver}.{bit.property}" if family.driver and bit.property else ""
    plain = Lacking(name=bit.name, bit=bit.bit, property=place, generation=bit.generation)
    feature = features.get(place)
    if feature is not None:
        return _described(catalogue, plain, feature)
    if not place or bit.off:
        # A number, or a switch of the whole device: the two command lines differ, and turning
        # the bit off by it would change more than the bit.
        return plain
    return evolve(plain, argument=f"{place}=off")


def _described(catalogue: Catalogue, plain: Lacking, feature: Feature) -> Lacking:
    value = "off" if feature.type == "bool" else feature.fallback
    return evolve(
        plain,
        feature=feature.id,
        title=feature.title,
        kernels=first_kernels(catalogue, feature),
        generation=feature.generation or plain.generation,
        argument=f"{plain.property}={value}",
    )


def _asking(feature: Feature) -> list[str]:
    """Return the backends behind which *feature* asks something of the host."""
    return sorted(name for name in feature.requires if feature.needs(name))


def first_kernels(catalogue: Catalogue, feature: Feature) -> dict[str, str]:
    """Return the first upstream kernel that has all of *feature*, by backend.

    Backends for which no kernel version decides are left out; ``never`` is no kernel so far.
    """
    known = catalogue.capabilities()
    kernels = {}
    for backend in _asking(feature):
        needs = [known[name] for name in feature.needs(backend) or () if name in known]
        since = [capability.since for capability in needs if capability.since is not None]
        if NO_KERNEL in since:
            kernels[backend] = NO_KERNEL
        elif since:
            kernels[backend] = max(since, key=version_key)
    return kernels


def platforms_without(catalogue: Catalogue, features: Iterable[str]) -> dict[str, str]:
    """Return by lineage the newest platform on which none of *features* is on by default.

    Only lineages that turn one of them on somewhere, where it makes a difference; and then the
    conservative platform too, if it avoids them, last. Upstream kernels come before vendors', which
    are mixtures. Nothing at all where no platform turns any on.
    """
    # What this site withdraws is of all of them.
    if catalogue.attempt("advice on", "platforms", lambda _: (catalogue.masks(),)) is None:
        return {}
    wanted = set(features)
    known = [
        feature
        for stem in sorted({feature_stem(name) for name in wanted})
        for feature in catalogue.features(stem)
        if feature.id in wanted
    ]
    best: dict[str, str] = {}
    concerned: set[str] = set()
    for platform in reversed([*catalogue.every_platform()]):
        name, lineage = platform.name, platform.lineage
        if platform.page_size:  # what is of some kernels only is no advice to everybody
            continue
        if lineage in best and lineage in concerned:
            continue

        def turns_on(name: str) -> bool:
            return any(_turned_on(catalogue, name, feature) for feature in known)

        on = catalogue.attempt("platform", name, turns_on)
        if on:
            concerned.add(lineage)
        elif on is not None:
            best.setdefault(lineage, name)
    if concerned:
        concerned.add(CONSERVATIVE)

    def order(lineage: str) -> tuple[bool, bool, str]:
        found = catalogue.platform(best[lineage])
        # A vendor's kernel is called after both: linux-rhel-9.5.
        vendor = found.name != f"{lineage}-{found.version}"
        return lineage == CONSERVATIVE, vendor, lineage

    return {lineage: best[lineage] for lineage in sorted(best.keys() & concerned, key=order)}


@remembered()
def _turned_on(catalogue: Catalogue, platform: str, feature: Feature) -> bool:
    """Return whether *platform* turns *feature* on behind a backend that asks something for it."""
    choice = choose(catalogue, PlatformReference(name=platform))
    return any(
        feature.demands(decide(catalogue, choice, feature, backend).value)
        for backend in _asking(feature)
    )
