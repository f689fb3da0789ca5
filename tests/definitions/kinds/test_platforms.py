"""Chains of platform files become flat platforms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.definitions.checks import Level, ListedValue
from platform_abi.definitions.kinds.platforms import MAX_DEPTH, PlatformHead, flatten
from platform_abi.definitions.kinds.platforms import Document as PlatformFile
from platform_abi.model.platform import Platform, edition_key, value_at

_FEATURES = ("net.a", "net.b", "net.c")
_VALUES = st.sampled_from(["on", "off"]) | st.integers(0, 3)
_LISTED: st.SearchStrategy[ListedValue] = (
    st.just(False)
    | _VALUES
    | st.dictionaries(
        st.sampled_from(["2026.1", "2026.2"]), st.sampled_from(["on", "off", False]), min_size=1
    )
)
_RELEASES = st.sampled_from(["5.1", "6.2", "6.10"])
_LEVELS: st.SearchStrategy[Level] = _RELEASES | st.dictionaries(
    st.sampled_from(["2026.1", "2026.2"]), _RELEASES, min_size=1
)
_SYSTEMS = st.dictionaries(st.sampled_from(["tun", "vhost"]), _LEVELS)


def _file(name: str, extends: str = "", **keys: Any) -> PlatformFile:
    features = keys.pop("features", {})
    head = PlatformHead(name=name, lineage="test", extends=extends, **keys)
    return PlatformFile(schema=1, platform=head, features=features)


@st.composite
def chains(draw: st.DrawFn) -> list[PlatformFile]:
    """Draw a platform and its ancestors, the root first."""
    return [
        _file(
            f"p{index}",
            f"p{index - 1}" if index else "",
            features=draw(st.dictionaries(st.sampled_from(_FEATURES), _LISTED)),
            levels=draw(_SYSTEMS),
            assumes=tuple(draw(st.lists(st.sampled_from(["KVM", "TUN", "BPF"]), max_size=2))),
        )
        for index in range(draw(st.integers(1, 5)))
    ]


def _flat(files: Sequence[PlatformFile], name: str = "") -> Platform:
    found = _flatten(files, name or files[-1].platform.name)
    assert found is not None
    return found


def _flatten(files: Sequence[PlatformFile], name: str) -> Platform | None:
    index = {f.platform.name: (f, f"platforms/test/{f.platform.name}.toml") for f in files}
    return flatten(name, index.get, lambda source, message: f"{source}: {message}", index)


def _listed(platform: Platform) -> dict[str, Mapping[str, str | None]]:
    return {name: listing.values for name, listing in platform.listings.items()}


# --- laws ----------------------------------------------------------------------------------------


@given(chains())
def test_a_child_lists_what_its_parent_lists_unless_it_says_otherwise(
    files: list[PlatformFile],
) -> None:
    """What no line of the child names is inherited as it is, its source included."""
    child = _flat(files)
    said = files[-1].features
    parent = _flat(files[:-1]) if len(files) > 1 else None
    for feature in _FEATURES:
        if feature not in said:
            inherited = parent.listings.get(feature) if parent else None
            assert child.listings.get(feature) == inherited
        elif said[feature] is False:
            assert feature not in child.listings
            assert feature in child.removed
        else:
            assert feature not in child.removed
            assert child.listings[feature].source == child.source


@given(chains())
def test_a_level_holds_until_a_descendant_gives_another(files: list[PlatformFile]) -> None:
    """Levels of one subsystem replace each other, those of others stay."""
    expected: dict[str, Level] = {}
    for file in files:
        expected |= file.platform.levels
    platform = _flat(files)
    for edition in map(edition_key, ("0.0", "2026.1", "2026.2", "2027.1")):
        at = {
            system: level if isinstance(level, str) else value_at(level, edition)
            for system, level in expected.items()
        }
        assert platform.levels_at(edition) == {s: v for s, v in at.items() if v is not None}
    assert platform.levels == platform.levels_at(edition_key("2027.1"))


@given(chains())
def test_what_is_assumed_adds_up(files: list[PlatformFile]) -> None:
    """A child assumes all that its ancestors assume, each once."""
    assumed = [symbol for file in files for symbol in file.platform.assumes]
    assert _flat(files).assumes == tuple(dict.fromkeys(assumed))


@given(chains())
def test_a_platform_names_its_ancestors_nearest_first(files: list[PlatformFile]) -> None:
    """``extends`` is the whole chain."""
    names = tuple(file.platform.name for file in files)
    assert _flat(files).extends == names[-2::-1]


@given(chains(), st.randoms())
def test_the_order_of_keys_changes_nothing(files: list[PlatformFile], random: Any) -> None:
    """A file's [features] may stand in any order."""
    shuffled = []
    for file in files:
        pairs = list(file.features.items())
        random.shuffle(pairs)
        keys = {"levels": file.platform.levels, "assumes": file.platform.assumes}
        shuffled.append(
            _file(file.platform.name, file.platform.extends, features=dict(pairs), **keys)
        )
    assert _flat(shuffled) == _flat(files)


# --- examples ------------------------------------------------------------------------------------


def test_a_plain_value_has_always_held() -> None:
    """It is older than every edition, and text."""
    flat = _flat([_file("p0", features={"net.a": "on", "net.b": 4})])
    assert _listed(flat) == {"net.a": {"0.0": "on"}, "net.b": {"0.0": "4"}}


def test_values_by_edition_are_kept() -> None:
    """A correction of a released value leaves the released one where it was."""
    values = {"2026.1": "on", "2026.2": "off"}
    assert _listed(_flat([_file("p0", features={"net.a": values})])) == {"net.a": values}


def test_false_removes_and_a_grandchild_may_list_again() -> None:
    """Kernels take features away, and give them back."""
    files = [
        _file("p0", features={"net.a": "on"}),
        _file("p1", "p0", features={"net.a": False}),
        _file("p2", "p1", features={"net.a": "off"}),
    ]
    assert _flat(files[:2]).listings == {}
    assert _flat(files[:2]).removed == {"net.a"}
    assert _listed(_flat(files)) == {"net.a": {"0.0": "off"}}
    assert _flat(files).removed == frozenset()


def test_a_head_is_not_inherited() -> None:
    """Name, version, title and date are a platform's own."""
    from datetime import date

    parent = _file("p0", version="1", title="One", released=date(2026, 1, 2))
    child = _flat([parent, _file("p1", "p0")])
    assert (child.version, child.title, child.released) == ("", "", None)
    assert _flat([parent]).released == "2026-01-02"


def test_a_platform_that_is_not_there_is_none() -> None:
    """The caller knows how to say it."""
    assert _flatten([_file("p0")], "p1") is None


def test_an_unknown_parent_is_named_with_the_nearest() -> None:
    """The fault stands at the child that names it."""
    with pytest.raises(pa.DefinitionError) as caught:
        _flatten([_file("linux-6.1", "linux-60"), _file("linux-6.0")], "linux-6.1")
    assert caught.value.code == "definition-unknown-parent"
    assert caught.value.faults == (
        (
            "platforms/test/linux-6.1.toml: no platform 'linux-60';"
            " did you mean 'linux-6.0' or 'linux-6.1'?"
        ),
    )


@pytest.mark.parametrize("length", [1, 2, 3])
@pytest.mark.parametrize("lead", [0, 1])
def test_a_circle_is_an_error_from_wherever_it_is_entered(length: int, lead: int) -> None:
    """The fault shows the circle, without what leads into it."""
    files = [_file(f"p{i}", f"p{(i + 1) % length}") for i in range(length)]
    if lead:
        files.append(_file("lead", "p0"))
    with pytest.raises(pa.DefinitionError) as caught:
        _flatten(files, "lead" if lead else "p0")
    assert caught.value.code == "definition-cycle"
    circle = " -> ".join([*(f"p{i}" for i in range(length)), "p0"])
    assert caught.value.faults == (f"platforms/test/p{length - 1}.toml: cycle: {circle}",)


def test_a_chain_has_at_most_64_ancestors() -> None:
    """64 are fine; with 65 the platform's own file is at fault."""
    files = [_file("p0")] + [_file(f"p{i}", f"p{i - 1}") for i in range(1, MAX_DEPTH + 2)]
    assert MAX_DEPTH == 64
    assert len(_flat(files[:-1]).extends) == 64
    with pytest.raises(pa.DefinitionError) as caught:
        _flat(files)
    assert caught.value.code == "definition-depth"
    assert caught.value.faults == ("platforms/test/p65.toml: more than 64 ancestors",)


def test_an_endless_supply_of_parents_is_not_followed() -> None:
    """The limit holds while the chain is read, not after it."""
    asked = []

    def find(name: str) -> tuple[PlatformFile, str]:
        asked.append(name)
        return _file(name, f"{name}x"), name

    with pytest.raises(pa.DefinitionError):
        flatten("p", find, lambda source, message: source + message, [])
    assert len(asked) == MAX_DEPTH + 1
