"""Features that require something of a group of backends: read as if each had its own line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.author.lint import lint
from platform_abi.definitions.groups import (
    group_faults,
    repeated,
    said_of,
    spread,
    spread_feature,
)
from platform_abi.definitions.kinds.features import Document
from platform_abi.definitions.reading import Reader
from platform_abi.errors import DefinitionError
from platform_abi.model.backend_group import BackendGroup, GroupMember
from tests.definitions.site import DEVICES, FEATURES, catalogue, small

GROUPS = {
    "any-tap": BackendGroup(
        name="any-tap",
        member=(
            GroupMember(backend="tap"),
            GroupMember(backend="tap+vhost", adds=("vhost-net",)),
            GroupMember(backend="macvtap", instead={"tun": "macvtap"}),
        ),
    ),
    "any-vhost": BackendGroup(
        name="any-vhost",
        member=(GroupMember(backend="tap+vhost"), GroupMember(backend="user+vhost")),
    ),
}
NEEDS = st.lists(st.sampled_from(["tun.a", "tun.b", "vhost-net", "backend"]), unique=True).map(
    tuple
)
BACKENDS = ("tap", "tap+vhost", "macvtap", "user+vhost", "user", "*")
OWN = st.dictionaries(st.sampled_from(BACKENDS), NEEDS)


# --- laws ----------------------------------------------------------------------------------------


@given(OWN)
def test_who_names_no_group_is_read_as_written(own: dict[str, tuple[str, ...]]) -> None:
    """What a site wrote before there were groups means what it meant."""
    assert own == spread(own, GROUPS)
    assert [] == [*group_faults(own, GROUPS)]
    assert [] == [*repeated(own, GROUPS)]


@given(OWN, NEEDS, st.sampled_from(sorted(GROUPS)))
def test_a_backends_own_line_wins(
    own: dict[str, tuple[str, ...]], needs: tuple[str, ...], group: str
) -> None:
    """Wherever it stands; the other members follow, and nobody else is spoken of."""
    follows = GROUPS[group].needs(needs)
    for said in ({**own, group: needs}, {group: needs, **own}):
        assert {**follows, **own} == spread(said, GROUPS)


@given(OWN, NEEDS, st.sampled_from(sorted(GROUPS)))
def test_a_line_that_is_named_as_repeated_can_go(
    own: dict[str, tuple[str, ...]], needs: tuple[str, ...], group: str
) -> None:
    """Without it the feature says the same, and no other line can go."""
    said = {**own, group: needs}
    meant = spread(said, GROUPS)
    named = {backend for backend, _ in repeated(said, GROUPS)}
    for backend in own:
        less = {name: need for name, need in said.items() if name != backend}
        assert (spread(less, GROUPS) == meant) == (backend in named)


# --- what is wrong -------------------------------------------------------------------------------


def _devices(*groups: str) -> str:
    return DEVICES + '[[backend]]\nname = "tap+vhost"\nnetdev = ["tap"]\n' + "".join(groups)


def _group(name: str, *members: str) -> str:
    head = f'[[backend-group]]\nname = "{name}"\n'
    return head + "".join(f"[[backend-group.member]]\n{member}\n" for member in members)


TAPS = _group("any-tap", 'backend = "tap"', 'backend = "tap+vhost"\nadds = ["vhost-net"]')


def _features(lines: str) -> str:
    assert '\ntap = ["tun.uso"]\n' in FEATURES
    return FEATURES.replace('\ntap = ["tun.uso"]\n', f"\n{lines}\n")


def _written(folder: Path, lines: str, *groups: str) -> pa.FileCatalogue:
    changed = {"devices/net.toml": _devices(*groups), "features/net.toml": _features(lines)}
    return catalogue(small(folder, **changed))


def test_a_group_is_read_as_a_line_for_each(tmp_path: Path) -> None:
    """In the order of its members, and in corrections for earlier editions too."""
    before = '[feature.before."2026.2"]\nwhy = "x"\n[feature.before."2026.2".requires]\n'
    found = _written(tmp_path, f'any-tap = ["tun.uso"]\n{before}any-tap = ["tun.queues"]', TAPS)
    feature = found.feature("net.uso")
    assert feature is not None
    assert [("tap", ("tun.uso",)), ("tap+vhost", ("tun.uso", "vhost-net"))] == [
        *feature.requires.items()
    ]
    earlier = feature.at((2026, 1))
    assert earlier is not None
    assert ("tun.queues", "vhost-net") == earlier.needs("tap+vhost")


@pytest.mark.parametrize(
    ("lines", "groups", "place", "said"),
    [
        ('any-tab = ["tun.uso"]', (TAPS,), "features/net.toml:10:", "did you mean 'any-tap'"),
        (
            'any-tap = ["tun.uso"]\nany-more = ["tun.uso"]',
            (TAPS, _group("any-more", 'backend = "tap+vhost"', 'backend = "tap"')),
            "features/net.toml:11:",
            "is of 'any-tap' as well",
        ),
        (
            'any-tap = ["tun.uso"]',
            (_group("any-tap", 'backend = "tap"', 'backend = "tap+vhosd"'),),
            "devices/net.toml:",
            "no backend 'tap+vhosd'; did you mean 'tap+vhost'",
        ),
        (
            'any-tap = ["tun.uso"]',
            (TAPS, _group("any-two", 'backend = "tap"', 'backend = "any-tap"')),
            "devices/net.toml:",
            "no backend 'any-tap'",
        ),
        (
            'taps = ["tun.uso"]\nany-tap = ["tun.uso"]',
            (_group("taps", 'backend = "tap"', 'backend = "tap+vhost"'),),
            "devices/net.toml:",
            "expected a name that begins with 'any-'",
        ),
        (
            'any-tap = ["tun.uso"]',
            (_group("any-tap", 'backend = "tap"'),),
            "devices/net.toml:",
            "expected members",
        ),
        (
            'any-tap = ["tun.uso"]',
            (_group("any-tap", 'backend = "tap"\nadds = ["x"]', 'backend = "tap+vhost"'),),
            "devices/net.toml:",
            "the first member is what others follow from",
        ),
    ],
)
def test_what_is_wrong_has_its_place(
    lines: str, groups: tuple[str, ...], place: str, said: str, tmp_path: Path
) -> None:
    """A group that there is not or that has no sense, and one of another group: no circle is."""
    with pytest.raises(DefinitionError) as error:
        _written(tmp_path, lines, *groups).features("net")
    text = "\n".join(error.value.faults)
    assert place in text
    assert said in text


def test_lint_names_a_line_that_follows_anyway(tmp_path: Path) -> None:
    """At its own place, as a warning; one that says something else is meant."""
    same = '"tap+vhost" = ["tun.uso", "vhost-net"]'
    for line, count in ((same, 1), ('"tap+vhost" = ["tun.uso"]', 0)):
        folder = tmp_path / str(count)
        _written(folder, f'any-tap = ["tun.uso"]\n{line}', TAPS)
        found = [each for each in lint([folder]) if each.code == "lint-redundant"]
        assert count == len(found)
        assert all(each.level == "warning" for each in found)
        assert all("net.toml:11:" in each.text and "'any-tap'" in each.text for each in found)


def test_lint_knows_what_a_group_needs(tmp_path: Path) -> None:
    """A capability that only follows, and that there is not, is found at the group's line."""
    _written(tmp_path, 'any-tap = ["tun.uso"]', TAPS)
    (found,) = (each for each in lint([tmp_path]) if each.code == "lint-capability")
    assert "net.toml:10:" in found.text
    assert "'vhost-net'" in found.text


# --- what is shipped -----------------------------------------------------------------------------


def test_nothing_shipped_repeats_what_follows(catalogue: pa.FileCatalogue) -> None:
    """Nor says of every member of a group, line by line, what one line of the group would."""
    groups = {group.name: group for group in catalogue.devices().groups}
    reader = Reader(catalogue.files)
    for document, _ in reader.every(Document, "features"):
        for feature in document.feature:
            for _, said in said_of(feature):
                assert [] == [*repeated(said, groups)], feature.id
                for group in groups.values():
                    first = said.get(group.member[0].backend)
                    follows = {} if first is None else group.needs(first)
                    alone = {name: said.get(name) for name in follows}
                    assert not follows or alone != follows, (feature.id, group.name)


def test_what_is_read_names_no_group(catalogue: pa.FileCatalogue) -> None:
    """And to read it again as groups changes nothing."""
    groups = {group.name: group for group in catalogue.devices().groups}
    for feature in catalogue.every_feature():
        assert all(groups.keys().isdisjoint(said) for _, said in said_of(feature))
        assert feature == spread_feature(feature, groups)
