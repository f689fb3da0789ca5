"""What definitions must keep beyond being well written: that all they name is there, and why.

Each rule takes one document of its kind, and the catalogue that the document is a part of.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any, Final

from platform_abi.definitions.catalogue import FileCatalogue
from platform_abi.definitions.checks import Path
from platform_abi.definitions.files import File, natural
from platform_abi.definitions.groups import repeated, said_of
from platform_abi.definitions.kinds import capabilities, features, platforms
from platform_abi.definitions.levels import EVERY
from platform_abi.errors import suggest
from platform_abi.model.capability import NO_KERNEL, Capability
from platform_abi.model.device import NETDEV
from platform_abi.model.feature import ANY_BACKEND, NEVER, Feature
from platform_abi.model.names import feature_stem
from platform_abi.model.platform import Platform
from platform_abi.model.value import frozen

#: What is on a machine and not on a device: the options of ``-machine``.
MACHINE: Final = "machine"

#: A title is one line of a table, however wide.
LONGEST_TITLE: Final = 120


@frozen(kw_only=True)
class Remark:
    """What is wrong at *path* of one document."""

    code: str
    path: Path
    message: str
    level: str = "error"


def _missing(code: str, path: Path, what: str, name: str, known: Iterable[str]) -> Remark:
    return Remark(code=code, path=path, message=f"no {what} '{name}'{suggest(name, [*known])}")


def _title(path: Path, title: str) -> Iterator[Remark]:
    wanted = ""
    if not title.strip():
        wanted = "expected a title: what people call it"
    elif len(title) > LONGEST_TITLE:
        wanted = f"expected a title of at most {LONGEST_TITLE} characters, found {len(title)}"
    elif title.endswith("."):
        wanted = "expected a title without a full stop"
    if wanted:
        yield Remark(code="lint-title", level="warning", path=(*path, "title"), message=wanted)


def _edition(catalogue: FileCatalogue, path: Path, edition: str) -> Iterator[Remark]:
    if edition and edition not in catalogue.editions():
        yield _missing("lint-edition", path, "edition", edition, catalogue.editions())


# --- features ------------------------------------------------------------------------------------


def feature_remarks(
    catalogue: FileCatalogue, document: features.Document, file: File
) -> Iterator[Remark]:
    """Yield what the features of *document* name that is not there, and what nobody can have."""
    del file
    for index, feature in enumerate(document.feature):
        path: Path = ("feature", index)
        yield from _title(path, feature.title)
        yield from _edition(catalogue, (*path, "edition"), feature.edition)
        yield from _needs(catalogue, path, feature)
        yield from _family(catalogue, path, feature)
        yield from _properties(catalogue, path, feature)
        yield from _twice(catalogue, path, feature)
        if not feature.reference and not feature.examines:
            yield Remark(
                code="lint-source",
                level="warning",
                path=path,
                message="no reference says where QEMU or the kernel does this",
            )


def _needs(catalogue: FileCatalogue, path: Path, feature: Feature) -> Iterator[Remark]:
    table = catalogue.devices()
    backends = {ANY_BACKEND, "none", *table.accelerators, *(each.name for each in table.backends)}
    backends |= {family.backend for family in table.families if family.backend}
    defined = catalogue.capabilities()
    for accelerator in feature.accelerators:
        if accelerator not in table.accelerators:
            at = (*path, "accelerators")
            yield _missing("lint-name", at, "accelerator", accelerator, table.accelerators)
    groups = {group.name: group for group in table.groups}
    for place, said in said_of(feature):
        for backend, group in repeated(said, groups):
            message = f"it follows from '{group}' that '{backend}' needs this"
            at = (*path, *place, backend)
            yield Remark(code="lint-redundant", level="warning", path=at, message=message)
    for backend, needed in feature.requires.items():
        at = (*path, "requires", backend)
        if backend not in backends and backend not in groups:
            yield _missing("lint-name", at, "backend", backend, {*backends, *groups})
        every = groups[backend].needs(needed).values() if backend in groups else (needed,)
        for name in dict.fromkeys(chain.from_iterable(every)):
            if name not in defined and name != NEVER:
                yield _missing("lint-capability", at, "capability", name, defined)
    if feature.requires and all(map(_is_nowhere(catalogue), feature.requires.values())):
        yield Remark(
            code="lint-impossible",
            path=(*path, "requires"),
            message="no host can have it: each backend needs what no kernel has",
        )


def _is_nowhere(catalogue: FileCatalogue) -> Callable[[tuple[str, ...]], bool]:
    """Return what tells whether a host can never have all of some capabilities."""
    defined = catalogue.capabilities()

    def judge(needed: tuple[str, ...]) -> bool:
        there = [defined[name] for name in needed if name in defined]
        nowhere = any(each.since == NO_KERNEL and not each.systems for each in there)
        return nowhere or NEVER in needed

    return judge


def _family(catalogue: FileCatalogue, path: Path, feature: Feature) -> Iterator[Remark]:
    table = catalogue.devices()
    stem = feature_stem(feature.id)
    families = [family for family in table.families if stem in family.feature_files]
    if not families:
        known = {each for family in table.families for each in family.feature_files}
        yield _missing("lint-name", (*path, "id"), "device family with features", stem, known)
        return
    inner = {family.driver for family in families}
    outer = {driver for family in families for driver in family.proxies}
    for driver in feature.drivers:
        if driver not in inner | outer:
            at = (*path, "drivers")
            yield _missing("lint-name", at, "driver of the family", driver, inner | outer)
    options = {f"{NETDEV}.{known.option}" for known in table.netdev_options}
    if feature.kind in ("setting", "guard"):
        for index, text in enumerate(feature.properties):
            driver = text.partition(".")[0]
            if text not in options and driver not in inner:
                at = (*path, "properties", index)
                yield _missing("lint-name", at, "inner driver of the family", driver, inner)


def _properties(catalogue: FileCatalogue, path: Path, feature: Feature) -> Iterator[Remark]:
    """Yield each property that no build has whose drivers are known."""
    for index, text in enumerate(feature.properties):
        driver, _, name = text.partition(".")
        if any(name in family.unrecorded for family in catalogue.devices().families_of(driver)):
            continue
        known: set[str] = set()
        for arch in feature.arch or _architectures(catalogue):
            for build in catalogue.builds(arch):
                types = catalogue.types(build, arch)
                if driver in types:
                    known |= {*types.properties(driver)}
        if known and name not in known:
            what = f"property of {driver} in any QEMU that is defined"
            yield _missing("lint-property", (*path, "properties", index), what, name, known)


def _twice(catalogue: FileCatalogue, path: Path, feature: Feature) -> Iterator[Remark]:
    """Yield each property that another feature sets too: nobody knows whose value counts."""
    for index, text in enumerate(feature.properties):
        for other in catalogue.features(feature_stem(feature.id)):
            if other.id != feature.id and text in other.properties and _meet(feature, other):
                yield Remark(
                    code="lint-twice",
                    path=(*path, "properties", index),
                    message=f"'{other.id}' sets it too",
                )


def _meet(feature: Feature, other: Feature) -> bool:
    """Return whether there may be a virtual machine that has both."""
    pins = all(each.kind in ("setting", "guard") for each in (feature, other))
    narrowed = ("arch", "accelerators", "machines", "cpus", "drivers")
    return pins and all(
        not getattr(feature, key)
        or not getattr(other, key)
        or set(getattr(feature, key)) & set(getattr(other, key))
        for key in narrowed
    )


def _architectures(catalogue: FileCatalogue) -> tuple[str, ...]:
    """Return the guest architectures of all builds that are defined."""
    return tuple(sorted({key[-1] for key in catalogue.files.keys("machines")}))


# --- capabilities --------------------------------------------------------------------------------


def capability_remarks(
    catalogue: FileCatalogue, document: capabilities.Document, file: File
) -> Iterator[Remark]:
    """Yield which capabilities nobody needs, nobody can ask for, or no kernel can have."""
    del file
    needed = {
        name
        for feature in catalogue.every_feature()
        for names in feature.requires.values()
        for name in names
    }
    for index, capability in enumerate(document.capability):
        path: Path = ("capability", index)
        yield from _title(path, capability.title)
        yield from _asked(path, capability)
        yield from _kernel(catalogue, (*path, "since"), capability.since)
        # A CPU flag is asked for by itself, by whoever names it; a note says what else it is for.
        flag = "CPUID" in capability.symbol
        if capability.id not in needed and not flag and not capability.note:
            yield Remark(
                code="lint-unused",
                level="warning",
                path=(*path, "id"),
                message=f"no feature needs '{capability.id}'",
            )
        if not capability.symbol and not capability.reference and not capability.note:
            yield Remark(
                code="lint-source",
                level="warning",
                path=path,
                message="neither a symbol of the kernel nor a reference says what it is",
            )


def _asked(path: Path, capability: Capability) -> Iterator[Remark]:
    if capability.since is None and capability.probe is None and not capability.note:
        yield Remark(
            code="lint-unaskable",
            path=path,
            message="neither a kernel version nor a probe tells whether a host has it",
        )


def _kernel(catalogue: FileCatalogue, path: Path, since: str | None) -> Iterator[Remark]:
    if since is None or since == NO_KERNEL:
        return
    every = map(catalogue.platform, catalogue.platform_names())
    kernels = [each.version for each in every if each.lineage == "linux"]
    newest = max(kernels, key=natural, default=None)
    if newest is not None and natural(since) > natural(newest):
        yield Remark(
            code="lint-kernel",
            path=path,
            message=f"Linux {since} is newer than the newest upstream platform, linux-{newest}",
        )


# --- platforms -----------------------------------------------------------------------------------


def platform_remarks(
    catalogue: FileCatalogue, document: platforms.Document, file: File
) -> Iterator[Remark]:
    """Yield what a platform says that means nothing: of lineage, age, levels and features."""
    name = document.platform.name
    platform = catalogue.platform(name)
    yield from _title(("platform",), platform.title)
    yield from _edition(catalogue, ("platform", "edition"), document.platform.edition)
    folder = re.fullmatch(r"platforms/(?:(.*)/)?[^/]*", file[1])
    if folder and folder[1] and folder[1] != platform.lineage:
        yield Remark(
            code="lint-lineage",
            path=("platform", "lineage"),
            message=f"expected '{folder[1]}' as the folder is called, found '{platform.lineage}'",
        )
    subsystems = {EVERY, *(each.subsystem for each in catalogue.capabilities().values())}
    for subsystem in document.platform.levels:
        if subsystem not in subsystems:
            at = ("platform", "levels", subsystem)
            yield _missing("lint-level", at, "subsystem of capabilities", subsystem, subsystems)
    if platform.extends:
        yield from _older(catalogue.platform(platform.extends[0]), platform)
    yield from _listed(catalogue, document, platform)


def _older(parent: Platform, platform: Platform) -> Iterator[Remark]:
    if parent.lineage != platform.lineage:
        return
    ages = [(natural(each.version), each.page_size) for each in (parent, platform)]
    if parent.version and platform.version and ages[0] >= ages[1]:
        yield Remark(
            code="lint-lineage",
            path=("platform", "extends"),
            message=f"expected an older platform, found '{parent.name}'",
        )
    if parent.released and platform.released and parent.released > platform.released:
        yield Remark(
            code="lint-lineage",
            path=("platform", "released"),
            message=f"expected a day after {parent.name}'s, {parent.released}",
        )


def _listed(
    catalogue: FileCatalogue, document: platforms.Document, platform: Platform
) -> Iterator[Remark]:
    """Yield the lines that repeat the parent's, or take away what nothing would list."""
    parent = catalogue.platform(platform.extends[0]) if platform.extends else None
    # Once for all families that it lists: what is not there at all is refused.
    for stem in catalogue.feature_stems():
        for feature in catalogue.features(stem)[:1]:
            catalogue.listing(platform, feature)
    for name, value in document.features.items():
        meant = catalogue.feature(name)
        inherited = None if parent is None or meant is None else catalogue.listing(parent, meant)
        known = dict(inherited.values) if inherited else {}
        if value is False:
            redundant = not known and not platform.levels
        else:
            own = platform.listings[name].values
            redundant = bool(known) and known == dict(own)
        if redundant:
            yield Remark(
                code="lint-redundant",
                level="warning",
                path=("features", name),
                message="without this line the platform would mean the same",
            )


Rule = Callable[[FileCatalogue, Any, File], Iterator[Remark]]

#: By kind of file: the class of its documents, and what is held against one.
RULES: Final[dict[str, tuple[type[Any], Rule]]] = {
    "features": (features.Document, feature_remarks),
    "capabilities": (capabilities.Document, capability_remarks),
    "platforms": (platforms.Document, platform_remarks),
}
