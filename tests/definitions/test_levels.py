"""What the upstream levels of a platform's subsystems imply for features."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from platform_abi.definitions.levels import EVERY, dated, implied, predicted
from platform_abi.model.capability import Capability, dates_of
from platform_abi.model.feature import Feature
from platform_abi.model.platform import Platform, version_key

_SYSTEMS = ("tun", "vhost")
_RELEASES = ("4.18", "5.9", "5.10", "6.2", "6.10")
_NAMES = ("a", "b", "c")

capabilities = st.fixed_dictionaries(
    {
        name: st.builds(
            Capability,
            id=st.just(name),
            title=st.just(name),
            subsystem=st.sampled_from(_SYSTEMS),
            since=st.sampled_from([None, "never", *_RELEASES]),
        )
        for name in _NAMES
    }
)
needs = st.lists(st.sampled_from([*_NAMES, "undefined"]), max_size=2).map(tuple)
features = st.builds(
    Feature,
    id=st.just("net.x"),
    title=st.just("x"),
    edition=st.just("2026.1"),
    when_supported=st.sampled_from([None, "on", "off"]),
    requires=st.dictionaries(st.sampled_from(["tap", "user", "*"]), needs, max_size=3),
)
levels = st.dictionaries(st.sampled_from([*_SYSTEMS, EVERY]), st.sampled_from(_RELEASES))


def _feature(**requires: tuple[str, ...]) -> Feature:
    return Feature(id="net.x", title="x", edition="2026.1", when_supported="on", requires=requires)


def _capability(since: str | None, subsystem: str = "tun") -> Capability:
    return Capability(id="a", title="a", subsystem=subsystem, since=since)


@given(features, levels, capabilities, st.sampled_from(_SYSTEMS), st.sampled_from(_RELEASES))
def test_a_newer_kernel_loses_nothing(
    feature: Feature,
    old: Mapping[str, str],
    known: Mapping[str, Capability],
    system: str,
    release: str,
) -> None:
    """Raising the level of a subsystem never takes a prediction back."""
    before = old.get(system, old.get(EVERY))
    if before is None or version_key(release) >= version_key(before):
        assert not predicted(dated(feature, dates_of(known)), old) or predicted(
            dated(feature, dates_of(known)), {**old, system: release}
        )


@given(features, levels, capabilities)
def test_a_prediction_means_that_every_dated_need_is_there(
    feature: Feature, chosen: Mapping[str, str], known: Mapping[str, Capability]
) -> None:
    """Whatever the backend, all that a kernel version predicts has been reached."""
    needed = [
        known[name]
        for names in feature.requires.values()
        for name in names
        if name in known and known[name].since is not None
    ]
    reached = [
        c.since not in (None, "never")
        and (level := chosen.get(c.subsystem, chosen.get(EVERY))) is not None
        and version_key(c.since or "") <= version_key(level)
        for c in needed
    ]
    assert predicted(dated(feature, dates_of(known)), chosen) == (bool(needed) and all(reached))


@given(features, levels, capabilities)
def test_a_level_implies_the_value_that_qemu_would_choose(
    feature: Feature, chosen: Mapping[str, str], known: Mapping[str, Capability]
) -> None:
    """The implied listing holds at every edition and names the platform's file."""
    platform = Platform(name="p", lineage="l", levels=chosen, source="platforms/l/p.toml")
    found = implied(platform, feature, dated(feature, dates_of(known)))
    if feature.when_supported is None or not predicted(dated(feature, dates_of(known)), chosen):
        assert found is None
    else:
        assert found is not None
        assert found.at((2026, 1)) == feature.when_supported
        assert found.at((1, 0)) == feature.when_supported
        assert found.source == platform.source


def test_releases_are_numbers() -> None:
    """6.10 is newer than 6.9, and 6.2 is not 6.20."""
    known = {"a": _capability("6.9")}
    assert predicted(dated(_feature(tap=("a",)), dates_of(known)), {"tun": "6.10"})
    assert not predicted(dated(_feature(tap=("a",)), dates_of(known)), {"tun": "6.8"})
    assert not predicted(dated(_feature(tap=("a",)), dates_of(known)), {"tun": "5.99"})


def test_a_subsystem_with_its_own_level_does_not_follow_the_kernel() -> None:
    """A vendor kernel is a mixture: its own level counts, be it older or newer."""
    known = {"a": _capability("6.2")}
    assert predicted(dated(_feature(tap=("a",)), dates_of(known)), {EVERY: "6.2"})
    assert not predicted(
        dated(_feature(tap=("a",)), dates_of(known)), {EVERY: "6.2", "tun": "5.14"}
    )
    assert predicted(dated(_feature(tap=("a",)), dates_of(known)), {EVERY: "5.14", "tun": "6.2"})


def test_what_no_version_predicts_does_not_count() -> None:
    """A feature that needs only privileges or a backend process is not predicted by a kernel."""
    assert not predicted(
        dated(_feature(tap=("a",)), dates_of({"a": _capability(None)})), {EVERY: "6.2"}
    )
    assert not predicted(dated(_feature(tap=()), {}), {EVERY: "6.2"})
    assert not predicted(
        dated(_feature(tap=("a",)), dates_of({"a": _capability("never")})), {EVERY: "6.2"}
    )
