"""The definitions that this project ships: whole, consistent, and what their names promise."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import platform_abi as pa
from platform_abi.definitions.levels import EVERY
from platform_abi.definitions.structure import load
from platform_abi.model.feature import NEVER, Feature
from platform_abi.model.platform import edition_key, version_key
from tests.definitions import site
from tests.definitions.site import DEFINITIONS, document_class, shipped

PLACES = Path(__file__).parent / "known_places.json"
TOOL = DEFINITIONS.parent / "tools" / "upstream_platforms.py"
ARCH = "x86_64"


@cache
def _catalogue() -> pa.FileCatalogue:
    return site.catalogue(DEFINITIONS)


def _features() -> Iterator[Feature]:
    found = _catalogue()
    return (feature for stem in found.feature_stems() for feature in found.features(stem))


def _platforms() -> list[str]:
    return list(_catalogue().platform_names())


def _own(name: str) -> dict[str, Any]:
    """Return the [features] that platform *name* itself writes down."""
    (path,) = (DEFINITIONS / "platforms").rglob(f"{name}.toml")
    relative = path.relative_to(DEFINITIONS).as_posix()
    return dict(load(document_class(relative), path.read_bytes(), relative).features)


def _values(name: str) -> dict[str, Any]:
    """Return every feature that platform *name* lists, by its list or by levels, and the values."""
    found = _catalogue()
    platform = found.platform(name)
    listings = {f.id: found.listing(platform, f) for f in _features()}
    return {feature: dict(entry.values) for feature, entry in listings.items() if entry}


# --- files ---------------------------------------------------------------------------------------


def test_every_file_is_reached_through_the_catalogue() -> None:
    """No file lies where nothing looks for it."""
    with site.reads() as files:
        found = site.catalogue(DEFINITIONS)
        found.devices()
        found.capabilities()
        found.masks()
        found.examined()
        for stem in found.feature_stems():
            found.features(stem)
        for name in found.platform_names():
            found.platform(name)
        for name in found.editions():
            found.edition(name)
        arches = {f.rsplit("/", 1)[1].removesuffix(".toml") for f in shipped() if "machines/" in f}
        for arch in arches:
            if not arch.endswith("-types"):
                for build in found.builds(arch):
                    found.types(build, arch)
                    for machine in found.build(build, arch).machines:
                        found.machine(build, machine, arch)
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


def test_no_name_differs_from_another_by_case_alone() -> None:
    """Not every file system could hold both."""
    names = [*_platforms(), *_catalogue().feature_stems(), *_catalogue().builds(ARCH)]
    assert len({name.lower() for name in names}) == len(names)


# --- platforms -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", _platforms())
def test_every_platform_says_something_of_every_feature(name: str) -> None:
    """All listings are of features that there are, with values that they have."""
    found = _catalogue()
    platform = found.platform(name)
    known = {feature.id: feature for feature in _features()}
    for feature, values in _values(name).items():
        assert [known[feature].problem(value) for value in values.values()] == [None] * len(values)
    assert platform.listings.keys() | platform.removed <= known.keys()
    assert platform.title


@pytest.mark.parametrize("name", _platforms())
def test_a_platform_lies_in_the_folder_of_its_lineage(name: str) -> None:
    """And is called by lineage and version, so that a name tells where to look."""
    platform = _catalogue().platform(name)
    assert platform.source == f"platforms/{platform.lineage}/{name}.toml"
    assert name.endswith(platform.version)
    assert set(platform.extends) <= set(_platforms())


@pytest.mark.parametrize("name", _platforms())
def test_no_line_of_a_platform_is_redundant(name: str) -> None:
    """It neither repeats what it inherits nor removes what nobody lists."""
    found = _catalogue()
    parents = found.platform(name).extends
    inherited = _values(parents[0]) if parents else {}
    levels = found.platform(name).levels
    for feature, value in _own(name).items():
        if value is False:
            assert feature in inherited or levels, feature
        else:
            values = dict(value) if isinstance(value, dict) else {"0.0": str(value)}
            assert inherited.get(feature) != values, feature


@pytest.mark.parametrize("name", _platforms())
def test_levels_are_of_subsystems_that_capabilities_have(name: str) -> None:
    """A level of anything else would imply nothing."""
    subsystems = {capability.subsystem for capability in _catalogue().capabilities().values()}
    assert set(_catalogue().platform(name).levels) <= subsystems | {EVERY}


@pytest.mark.parametrize("name", _platforms())
def test_a_platform_is_not_older_than_what_it_extends(name: str) -> None:
    """Of one lineage, the child has the higher version and the later date."""
    found = _catalogue()
    platform = found.platform(name)
    for parent in map(found.platform, platform.extends):
        if parent.lineage == platform.lineage and parent.version and platform.version:
            assert version_key(parent.version) < version_key(platform.version)
            assert (parent.released or "") <= (platform.released or "9")


def _upstream() -> list[str]:
    names = [name for name in _platforms() if _catalogue().platform(name).lineage == "linux"]
    return sorted(names, key=lambda name: version_key(name.removeprefix("linux-")))


def test_upstream_kernels_follow_each_other() -> None:
    """Every release is there and extends the one before it."""
    names = _upstream()
    assert len(names) > 30
    for older, newer in zip(names, names[1:], strict=False):
        assert _catalogue().platform(newer).extends[0] == older
    assert not _catalogue().platform(names[0]).extends


def test_an_upstream_kernel_lists_what_the_one_before_it_listed() -> None:
    """What a release takes away stands in its file as a removal, with a comment that says why."""
    for older, newer in zip(_upstream(), _upstream()[1:], strict=False):
        own = _own(newer)
        for feature, values in _values(older).items():
            if own.get(feature) is False:
                text = (DEFINITIONS / f"platforms/linux/{newer}.toml").read_text()
                before = text.split(f'"{feature}" = false')[0].rstrip("\n").split("\n")[-1]
                assert before.startswith(("#", '"')), (newer, feature)
            elif feature not in own:
                assert _values(newer)[feature] == values, (newer, feature)
            else:
                assert _values(newer)[feature], (newer, feature)


def test_upstream_platforms_are_what_capabilities_and_features_imply() -> None:
    """The tool that writes them finds nothing to change."""
    spec = importlib.util.spec_from_file_location("upstream_platforms", TOOL)
    assert spec is not None
    assert spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    assert list(tool.differences(tool.Definitions(DEFINITIONS))) == []


def test_the_case_that_began_it() -> None:
    """UDP segmentation offload came with Linux 6.2, never to RHEL 9, and is in RHEL 10."""
    feature = "virtio-net.host-uso"
    rhel9 = [name for name in _platforms() if name.startswith("linux-rhel-9")]
    rhel10 = [name for name in _platforms() if name.startswith("linux-rhel-10")]
    assert len(rhel9) > 5
    assert rhel10
    assert [name for name in rhel9 if feature in _values(name)] == []
    assert [name for name in rhel10 if _values(name).get(feature) != {"0.0": "on"}] == []
    for name in _upstream():
        release = version_key(name.removeprefix("linux-"))
        assert (feature in _values(name)) == (release >= (6, 2)), name


def test_conservative_lists_nothing() -> None:
    """Every feature is at its fallback, whatever is new."""
    platform = _catalogue().platform("conservative")
    assert _values("conservative") == {}
    assert not platform.levels
    assert not platform.extends


ELSEWHERE = [name for name in _platforms() if name.startswith(("windows", "darwin", "freebsd"))]


@pytest.mark.parametrize("name", ELSEWHERE)
def test_hosts_without_a_vnet_header_have_no_offloads(name: str) -> None:
    """Windows, macOS and FreeBSD list nothing, and a tap there gives a guest nothing to offload."""
    assert _values(name) == {}
    nic = pa.Device(driver="virtio-net-pci", id="n", backend="tap")
    vm = pa.VirtualMachine(machine="pc-q35-10.2", accelerator="tcg", devices=(nic,))
    abi = pa.resolve(_catalogue(), vm, name)
    values = {s.property: s.value for s in abi.settings if s.driver == "virtio-net-device"}
    offloads = {
        feature.properties[0].partition(".")[2]
        for feature in _catalogue().features("virtio-net")
        if any("vnet-hdr" in need for need in feature.needs("tap") or ())
    }
    assert {"csum", "host_tso4", "host_uso", "guest_uso6", "host_tunnel"} <= offloads
    assert {name: values[name] for name in offloads} == dict.fromkeys(offloads, "off")


def test_there_are_platforms_elsewhere() -> None:
    """The test above is of something."""
    assert {name.split("-")[0] for name in ELSEWHERE} == {"windows", "darwin", "freebsd"}


# --- features and capabilities -------------------------------------------------------------------


@pytest.mark.parametrize("feature", _features(), ids=lambda feature: feature.id)
def test_a_feature_requires_what_is_defined(feature: Feature) -> None:
    """A capability that nothing defines would count for nothing, and the feature for honoured."""
    needed = {name for names in feature.requires.values() for name in names}
    assert needed <= {*_catalogue().capabilities(), NEVER}


@pytest.mark.parametrize("feature", _features(), ids=lambda feature: feature.id)
def test_a_feature_drives_properties_of_its_family(feature: Feature) -> None:
    """They stand on the inner driver, the one that all transports share."""
    stem = feature.id.split(".")[0]
    families = [f for f in _catalogue().devices().families if stem in f.feature_files]
    drivers = {family.driver for family in families}
    assert families
    if feature.kind in ("setting", "guard"):
        assert {text.partition(".")[0] for text in feature.properties} <= drivers
    assert set(feature.drivers) <= {d for f in families for d in (f.driver, *f.proxies)}


@pytest.mark.parametrize("feature", _features(), ids=lambda feature: feature.id)
def test_a_feature_names_accelerators_and_backends_that_there_are(feature: Feature) -> None:
    """A misspelt backend could never carry it."""
    table = _catalogue().devices()
    assert set(feature.accelerators) <= set(table.accelerators)
    known = {b.name for b in table.backends} | {f.backend for f in table.families} | {"none", "*"}
    known |= set(table.accelerators) | {b for f in table.families for b in f.assumed_backends}
    assert set(feature.requires) <= known


def test_a_feature_came_with_an_edition_that_there_is() -> None:
    """Editions of features and of listings are released ones."""
    editions = {*_catalogue().editions(), "0.0"}
    assert {feature.edition for feature in _features()} <= editions
    listed = {e for name in _platforms() for values in _values(name).values() for e in values}
    assert listed <= editions


def test_a_capability_that_no_kernel_version_predicts_can_be_probed() -> None:
    """Or its note says why not."""
    opaque = [c for c in _catalogue().capabilities().values() if c.since is None]
    assert opaque
    assert [c.id for c in opaque if c.probe is None and not c.note] == []


def test_a_capability_is_of_a_kernel_that_there_is() -> None:
    """None is newer than the newest upstream platform."""
    newest = version_key(_upstream()[-1].removeprefix("linux-"))
    dated = [c for c in _catalogue().capabilities().values() if c.since not in (None, NEVER)]
    assert [c.id for c in dated if version_key(c.since or "") > newest] == []


# --- known places of QEMU ------------------------------------------------------------------------


def test_every_known_place_is_answered_for_exactly_once() -> None:
    """By features that examine it, or among the examined that need none, never by both."""
    places = [row["id"] for row in json.loads(PLACES.read_text())]
    by_features = {place for feature in _features() for place in feature.examines}
    set_aside = [entry.id for entry in _catalogue().examined()]
    assert len(set(places)) == len(places) > 100
    assert len(set(set_aside)) == len(set_aside)
    assert by_features & set(set_aside) == set()
    assert by_features | set(set_aside) == set(places)
    assert all(entry.reason.strip() for entry in _catalogue().examined())


# --- QEMU builds ---------------------------------------------------------------------------------


def _emitted() -> Iterator[tuple[str, Feature, str, str]]:
    for build in _catalogue().builds(ARCH):
        for feature in _features():
            if feature.arch and ARCH not in feature.arch:
                continue
            for text in feature.properties if feature.kind in ("setting", "guard") else ():
                driver, _, name = text.partition(".")
                yield build, feature, driver, name


@pytest.mark.parametrize(
    ("build", "feature", "driver", "name"),
    _emitted(),
    ids=lambda value: value.id if isinstance(value, Feature) else str(value),
)
def test_a_build_knows_what_is_written_for_its_machine_types(
    build: str, feature: Feature, driver: str, name: str
) -> None:
    """QEMU refuses an unknown property, so none is written for a machine type that it could meet."""
    found = _catalogue()
    types = found.types(build, ARCH)
    generations = [
        found.machine(build, machine, ARCH).generation
        for machine in found.build(build, ARCH).machines
        if not feature.machines or found.machine(build, machine, ARCH).family in feature.machines
    ]
    newest = max(version_key(g) for g in generations if g)
    if feature.generation is not None and version_key(feature.generation) > newest:
        pytest.skip("newer than every machine type of the build")
    if driver == "machine" or driver not in types:
        pytest.skip("the build has no such driver")
    assert name in types.properties(driver)


@pytest.mark.parametrize("build", _catalogue().builds(ARCH))
def test_types_of_a_build_are_a_tree(build: str) -> None:
    """Every parent and every aliased type is there."""
    types = _catalogue().types(build, ARCH)
    assert set(types.parents.values()) - {""} <= set(types.parents)
    assert set(types.aliases.values()) <= set(types.parents)
    assert not set(types.aliases) & set(types.parents)
    for name in types.parents:
        assert len(set(types.ancestry(name))) == len(list(types.ancestry(name)))


@pytest.mark.parametrize("build", _catalogue().builds(ARCH))
def test_a_build_has_the_machine_types_that_users_name(build: str) -> None:
    """``q35`` and ``pc`` are the newest of their family, and one machine type is the default."""
    found = _catalogue()
    known = found.build(build, ARCH)
    machines = [found.machine(build, name, ARCH) for name in known.machines]
    for alias, family in (("q35", "pc-q35"), ("pc", "pc-i440fx")):
        versions = {m.name: version_key(m.generation) for m in machines if m.family == family and m.generation}
        assert known.aliases[alias] == max(versions, key=lambda name: versions[name])
        assert version_key(known.version)[:2] == max(versions.values())
    assert len([m for m in machines if m.default]) == 1
    assert all(m.cpu == "" or m.cpu in found.types(build, ARCH) for m in machines)


# --- editions ------------------------------------------------------------------------------------


@pytest.mark.parametrize("edition", _catalogue().editions())
def test_a_released_platform_means_what_it_meant(edition: str) -> None:
    """The digest that an edition locks is that of today's definitions."""
    locked = _catalogue().edition(edition).platforms
    now = {name: pa.platform_digest(_catalogue(), name, edition) for name in locked}
    assert now == dict(locked)


def test_the_newest_edition_has_every_platform() -> None:
    """And none that is not there; an older edition has fewer."""
    editions = _catalogue().editions()
    assert list(editions) == sorted(editions, key=edition_key)
    assert set(_catalogue().edition(editions[-1]).platforms) == set(_platforms())
    assert all(set(_catalogue().edition(e).platforms) <= set(_platforms()) for e in editions)
