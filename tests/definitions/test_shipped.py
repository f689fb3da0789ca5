"""The definitions that this project ships: whole, consistent, and what their names promise."""

from __future__ import annotations

import importlib.util
import itertools
import json
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import Any

import pytest

import platform_abi as pa
from platform_abi.author.editions import locked_digests, platform_digests
from platform_abi.definitions import kinds
from platform_abi.definitions.structure import load
from platform_abi.model.device import NETDEV
from platform_abi.model.feature import Feature
from platform_abi.model.platform import edition_key, version_key
from tests.definitions import site
from tests.definitions.site import DEFINITIONS, document_class, shipped

PLACES = Path(__file__).parent / "known_places.json"
TOOL = DEFINITIONS.parent / "tools" / "upstream_platforms.py"
ARCH = "x86_64"

#: Feature to value by edition.
Values = dict[str, dict[str, str]]


def _features(catalogue: pa.FileCatalogue) -> list[Feature]:
    return [f for stem in catalogue.feature_stems() for f in catalogue.features(stem)]


def _own(name: str) -> dict[str, Any]:
    """Return the [features] that platform *name* itself writes down."""
    (path,) = (DEFINITIONS / "platforms").rglob(f"{name}.toml")
    relative = path.relative_to(DEFINITIONS).as_posix()
    return dict(load(document_class(relative), path.read_bytes(), relative).features)


def _values(catalogue: pa.FileCatalogue, name: str) -> Values:
    """Return every feature that platform *name* lists, by its list or by levels, and the values."""
    platform = catalogue.platform(name)
    listings = {f.id: catalogue.listing(platform, f) for f in _features(catalogue)}
    return {
        feature: {edition: value for edition, value in entry.values.items() if value is not None}
        for feature, entry in listings.items()
        if entry
    }


@pytest.fixture(scope="module")
def listed(catalogue: pa.FileCatalogue) -> dict[str, Values]:
    """Return what every platform lists."""
    return {name: _values(catalogue, name) for name in catalogue.platform_names()}


@pytest.fixture(scope="module")
def upstream(catalogue: pa.FileCatalogue) -> list[str]:
    """Return the platforms of upstream kernels, oldest first."""
    names = [n for n in catalogue.platform_names() if catalogue.platform(n).lineage == "linux"]
    return sorted(names, key=lambda name: version_key(name.removeprefix("linux-")))


# --- files ---------------------------------------------------------------------------------------


def test_every_file_is_reached_through_the_catalogue() -> None:
    """No file lies where nothing looks for it."""
    with site.reads() as files:
        found = site.catalogue(DEFINITIONS)
        for kind in kinds.PLACES:
            merged = import_module(f"{kinds.__name__}.{kind}").merged
            whole = len(signature(merged).parameters) == 1
            for key in [()] if whole else found.files.keys(kind):
                found.value(kind, *key)
    assert sorted(set(files)) == shipped()


@pytest.mark.parametrize("relative", shipped())
def test_a_file_loads_and_is_plain_text(relative: str) -> None:
    """UTF-8, one kind of line end, one at the end of the file, no tabs."""
    data = (DEFINITIONS / relative).read_bytes()
    assert load(document_class(relative), data, relative)
    text = data.decode()
    assert not set(text) & set("\r\t\ufeff")
    assert text.endswith("\n")
    assert not text.endswith("\n\n")


def test_no_name_differs_from_another_by_case_alone(catalogue: pa.FileCatalogue) -> None:
    """Not every file system could hold both."""
    names = [Path(relative).stem for relative in shipped() if "machines/" not in relative]
    names += catalogue.builds(ARCH)
    assert len({name.lower() for name in names}) == len(set(names))


# --- platforms -----------------------------------------------------------------------------------


def test_every_platform_lists_features_that_there_are(
    catalogue: pa.FileCatalogue, listed: dict[str, Values]
) -> None:
    """All listings and removals are of defined features, with values that they have."""
    known = {feature.id: feature for feature in _features(catalogue)}
    assert len(listed) > 70
    for name, values in listed.items():
        platform = catalogue.platform(name)
        assert platform.listings.keys() | platform.removed <= known.keys(), name
        assert platform.title, name
        for feature, by_edition in values.items():
            problems = [known[feature].problem(value) for value in by_edition.values()]
            assert not any(problems), (name, feature, problems)


def test_a_platform_lies_in_the_folder_of_its_lineage(catalogue: pa.FileCatalogue) -> None:
    """Its name is of its version and size of pages, if it has one; what it extends is there.

    Of a release with several lines of kernels it ends in the line.
    """
    for name in catalogue.platform_names():
        platform = catalogue.platform(name)
        assert platform.source == f"platforms/{platform.lineage}/{name}.toml"
        pages = f"-{platform.page_size >> 10}k" if platform.page_size else ""
        versions = (platform.version, f"{platform.version}-{platform.kernel}")
        assert name.endswith(tuple(f"{version}{pages}" for version in versions))
        assert set(platform.extends) <= set(catalogue.platform_names())


def test_upstream_kernels_follow_each_other(
    catalogue: pa.FileCatalogue, upstream: list[str]
) -> None:
    """Every release extends the one before it."""
    assert len(upstream) > 30
    parents = [catalogue.platform(name).extends[:1] for name in upstream]
    assert parents == [(), *((name,) for name in upstream[:-1])]


def test_an_upstream_kernel_lists_what_the_one_before_it_listed(
    listed: dict[str, Values], upstream: list[str]
) -> None:
    """What a release takes away stands in its file as a removal, under a comment that says why."""
    for older, newer in itertools.pairwise(upstream):
        own = _own(newer)
        text = (DEFINITIONS / f"platforms/linux/{newer}.toml").read_text()
        for feature, values in listed[older].items():
            if own.get(feature) is False:
                above = text.split(f'"{feature}" = false')[0].rstrip("\n").rsplit("\n", 1)[-1]
                assert above.startswith(("#", '"')), (newer, feature)
            elif feature not in own:
                assert listed[newer][feature] == values, (newer, feature)


def test_upstream_platforms_are_what_capabilities_and_features_imply() -> None:
    """The tool that writes them finds nothing to change."""
    spec = importlib.util.spec_from_file_location("upstream_platforms", TOOL)
    assert spec is not None
    assert spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    assert list(tool.differences(tool.Definitions(DEFINITIONS))) == []


def test_the_case_that_began_it(listed: dict[str, Values], upstream: list[str]) -> None:
    """UDP segmentation offload came with Linux 6.2, never to RHEL 9, and is in RHEL 10."""
    having = {name for name, values in listed.items() if "virtio-net.host-uso" in values}
    rhel9 = {name for name in listed if name.startswith("linux-rhel-9.")}
    rhel10 = {name for name in listed if name.startswith("linux-rhel-10.")}
    assert len(rhel9) > 5
    assert rhel10
    assert rhel9 & having == set()
    assert rhel10 <= having
    newer = [n for n in upstream if version_key(n.removeprefix("linux-")) >= (6, 2)]
    assert [name for name in upstream if name in having] == newer
    assert "linux-6.2" in newer


def test_conservative_lists_nothing(catalogue: pa.FileCatalogue, listed: dict[str, Values]) -> None:
    """Every feature is at its fallback, whatever is new."""
    platform = catalogue.platform("conservative")
    assert listed["conservative"] == {}
    assert (dict(platform.levels), platform.extends) == ({}, ())


@pytest.mark.parametrize("lineage", ["windows", "darwin", "freebsd"])
def test_hosts_without_a_vnet_header_have_no_offloads(
    lineage: str, catalogue: pa.FileCatalogue, listed: dict[str, Values]
) -> None:
    """Windows, macOS and FreeBSD list nothing, and a tap there gives a guest nothing to offload."""
    names = [name for name in listed if name.startswith(f"{lineage}-")]
    assert names
    nic = pa.Device(driver="virtio-net-pci", id="n", backend="tap")
    vm = pa.VirtualMachine(machine="pc-q35-10.2", accelerator="tcg", devices=(nic,))
    offloads = {
        feature.properties[0].partition(".")[2]
        for feature in catalogue.features("virtio-net")
        if "tun.vnet-hdr" in (feature.needs("tap") or ())
        and feature.properties
        and not feature.properties[0].startswith(NETDEV)
    }
    assert {"csum", "host_tso4", "host_uso", "guest_uso6", "host_tunnel"} <= offloads
    for name in names:
        assert listed[name] == {}
        abi = pa.resolve(catalogue, vm, name)
        values = {s.property: s.value for s in abi.settings if s.driver == "virtio-net-device"}
        assert {o: values[o] for o in offloads} == dict.fromkeys(offloads, "off"), name


# --- features and capabilities -------------------------------------------------------------------


def test_a_family_assumes_backends_that_there_are(catalogue: pa.FileCatalogue) -> None:
    """A misspelt one would be a backend that carries nothing."""
    table = catalogue.devices()
    known = {"none", *table.accelerators, *(backend.name for backend in table.backends)}
    known |= {family.backend for family in table.families}
    assert {b for family in table.families for b in family.assumed_backends} <= known


def test_features_and_listings_are_of_editions_that_there_are(
    catalogue: pa.FileCatalogue, listed: dict[str, Values]
) -> None:
    """A value of an edition to come would not be frozen."""
    editions = {*catalogue.editions(), "0.0"}
    assert {feature.edition for feature in _features(catalogue)} <= editions
    assert {e for values in listed.values() for by in values.values() for e in by} <= editions


# --- known places of QEMU ------------------------------------------------------------------------


def test_every_known_place_is_answered_for_exactly_once(catalogue: pa.FileCatalogue) -> None:
    """By features that examine it, or among the examined that need none, never by both."""
    places = [row["id"] for row in json.loads(PLACES.read_text())]
    by_features = {place for feature in _features(catalogue) for place in feature.examines}
    set_aside = [entry.id for entry in catalogue.examined()]
    assert len(set(places)) == len(places)
    assert len(places) > 100
    assert len(set(set_aside)) == len(set_aside)
    assert by_features & set(set_aside) == set()
    assert set(places) - by_features - set(set_aside) == set()
    assert (by_features | set(set_aside)) - set(places) == set()
    assert all(entry.reason.strip() for entry in catalogue.examined())


# --- QEMU builds ---------------------------------------------------------------------------------


def test_a_build_knows_what_is_written_for_its_machine_types(catalogue: pa.FileCatalogue) -> None:
    """QEMU refuses an unknown property, so each is known to every build that could meet it."""
    seen = set()
    for build in catalogue.builds(ARCH):
        types = catalogue.types(build, ARCH)
        machines = [
            catalogue.machine(build, name, ARCH) for name in catalogue.build(build, ARCH).machines
        ]
        for feature in _features(catalogue):
            if feature.kind not in ("setting", "guard"):
                continue
            met = [
                machine.name
                for machine in machines
                if machine.generation is not None
                and (not feature.arch or ARCH in feature.arch)
                and (not feature.machines or machine.family in feature.machines)
                and (
                    feature.generation is None
                    or version_key(feature.generation) <= version_key(machine.generation)
                )
            ]
            for text in feature.properties if met else ():
                driver, _, name = text.partition(".")
                if driver in types:
                    assert name in types.properties(driver), (build, feature.id, text)
                    seen.add(text)
    assert len(seen) > 50


@pytest.mark.parametrize(
    ("arch", "build"),
    [
        (arch, build)
        for arch in ("aarch64", "ppc64", "riscv64", "s390x", "x86_64")
        for build in site.catalogue(DEFINITIONS).builds(arch)
    ],
)
def test_types_of_a_build_are_a_tree(arch: str, build: str, catalogue: pa.FileCatalogue) -> None:
    """Every parent and every aliased type is there, and no type is its own ancestor."""
    types = catalogue.types(build, arch)
    assert set(types.parents.values()) - {"", "object"} <= set(types.parents)
    assert set(types.aliases.values()) <= set(types.parents)
    assert not set(types.aliases) & set(types.parents)
    for name in types.parents:
        ancestry = list(types.ancestry(name))
        assert len(set(ancestry)) == len(ancestry)


@pytest.mark.parametrize("build", site.catalogue(DEFINITIONS).builds(ARCH))
def test_a_build_has_the_machine_types_that_users_name(
    build: str, catalogue: pa.FileCatalogue
) -> None:
    """``q35`` and ``pc`` are of the newest generation of their family, and one is the default.

    A vendor may go on with a machine type of an earlier release, or have none of its release.
    """
    known = catalogue.build(build, ARCH)
    machines = [catalogue.machine(build, name, ARCH) for name in known.machines]
    for alias, family in (("q35", "pc-q35"), ("pc", "pc-i440fx")):
        versions = {
            m.name: version_key(m.generation)
            for m in machines
            if m.family == family and m.generation
        }
        newest = max(versions.values())
        assert versions[known.aliases[alias]] == newest
        assert known.vendor == "rhel" or version_key(known.version)[:2] == newest
    assert len([m for m in machines if m.default]) == 1
    types = catalogue.types(build, ARCH)
    assert all(m.cpu == "" or m.cpu in types for m in machines if types)


# --- editions ------------------------------------------------------------------------------------


def test_a_released_platform_means_what_it_meant(catalogue: pa.FileCatalogue) -> None:
    """The digest that an edition locks is that of today's definitions."""
    for edition in catalogue.editions():
        locked = locked_digests(catalogue, edition)
        assert platform_digests(catalogue, edition) == locked, edition


def test_editions_are_in_order_and_only_the_last_is_open(catalogue: pa.FileCatalogue) -> None:
    """What is open may change, so nothing may follow it; each other says when it was released."""
    editions = catalogue.editions()
    assert list(editions) == sorted(editions, key=edition_key)
    assert catalogue.newest_edition() in editions[-2:]
    days = [catalogue.edition(edition).released for edition in editions[:-1]]
    assert all(days)
    assert days == sorted(days, key=str)
