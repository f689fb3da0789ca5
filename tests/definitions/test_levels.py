"""What the upstream levels of a platform's subsystems imply for features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from platform_abi.definitions.levels import (
    EVERY,
    Dates,
    dated,
    dated_by_edition,
    implied,
    predicted,
)
from platform_abi.model.capability import Capability, CapabilityBefore, dates_of, earlier_dates
from platform_abi.model.feature import Feature
from platform_abi.model.platform import Platform, edition_key, said_before, value_at, version_key

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


def _by_edition(feature: Feature, known: Mapping[str, Capability]) -> Dates:
    return dated_by_edition(feature, dates_of(known), earlier_dates(known))


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
    found = implied(platform, feature, _by_edition(feature, known))
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


# --- editions ------------------------------------------------------------------------------------

_EDITIONS = ("2026.1", "2026.2", "2027.1")

corrections = st.dictionaries(
    st.sampled_from(_EDITIONS),
    st.builds(CapabilityBefore, why=st.just("x"), since=st.sampled_from(["never", *_RELEASES])),
)


@given(features, levels, capabilities, st.lists(corrections, min_size=3, max_size=3))
def test_what_levels_imply_at_an_edition_follows_from_what_it_says_alone(
    feature: Feature,
    chosen: Mapping[str, str],
    known: Mapping[str, Capability],
    corrected: Sequence[Mapping[str, CapabilityBefore]],
) -> None:
    """As if there were no other edition: each capability's kernel is the one of that edition."""
    told = {n: evolve(c, before=b) for (n, c), b in zip(known.items(), corrected, strict=True)}
    platform = Platform(name="p", lineage="l", levels=chosen, source="platforms/l/p.toml")
    found = implied(platform, feature, _by_edition(feature, told))
    for edition in map(edition_key, _EDITIONS):
        then = {
            n: evolve(c, since=[c.since, *(b.since for b in said_before(c.before, edition))][-1])
            for n, c in told.items()
        }
        alone = implied(platform, feature, {"0.0": dated(feature, dates_of(then))})
        assert (None if found is None else found.at(edition)) == (
            None if alone is None else alone.at(edition)
        )


@given(features, levels, capabilities, st.dictionaries(st.sampled_from(_EDITIONS), levels))
def test_a_level_by_edition_holds_from_that_edition_on(
    feature: Feature,
    chosen: Mapping[str, str],
    known: Mapping[str, Capability],
    later: Mapping[str, Mapping[str, str]],
) -> None:
    """And a platform without it is one of before."""
    by_edition = {
        system: {e: of[system] for e, of in {"0.0": chosen, **later}.items() if system in of}
        for system in {s for of in (chosen, *later.values()) for s in of}
    }
    newest = {s: of[max(of, key=edition_key)] for s, of in by_edition.items()}
    platform = Platform(name="p", lineage="l", levels=newest, dated_levels=by_edition)
    found = implied(platform, feature, _by_edition(feature, known))
    for edition in _EDITIONS:
        at = edition_key(edition)
        then = {s: v for s, of in by_edition.items() if (v := value_at(of, at)) is not None}
        alone = implied(
            evolve(platform, levels=then, dated_levels={}),
            feature,
            {"0.0": dated(feature, dates_of(known))},
        )
        assert (None if found is None else found.at(at)) == (
            None if alone is None else alone.at(at)
        )
