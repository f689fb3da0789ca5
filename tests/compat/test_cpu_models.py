"""Which models a host can run, and which of them is the best."""

from __future__ import annotations

from itertools import pairwise

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from platform_abi.compat.cpu_asked import settled_flags
from platform_abi.compat.cpu_flags import flag_fact
from platform_abi.compat.cpu_models import ranked, runnable_models
from tests.compat.cpu_hosts import ARCH, BUILD, CATALOGUE, EVERY, TABLE, host

VENDORS = sorted({model.vendor for model in TABLE.models.values()} | {""})
KNOWN = CATALOGUE.cpu_models(BUILD, ARCH)
VERSIONED = [name for name in TABLE.models if name in KNOWN and not KNOWN[name].alias_of]


def _own(model: str) -> set[str]:
    """Return the flags of a model by itself: what is behind a flag that is off goes with it."""
    own = set(TABLE.model_flags(model, "kvm"))
    hidden = {flag for gate, behind in TABLE.behind.items() if gate not in own for flag in behind}
    return own - hidden


OWN = {model: _own(model) for model in VERSIONED}
SETTLED = settled_flags(CATALOGUE, ARCH)


@given(
    words=st.dictionaries(st.sampled_from(sorted(EVERY)), st.none() | st.integers(0, 2**64 - 1)),
    vendor=st.sampled_from(VENDORS),
)
def test_a_host_runs_a_model_of_which_it_has_every_flag(
    words: dict[str, int | None], vendor: str
) -> None:
    """But what a platform settles; one that is missing is enough, one unknown makes unknown."""
    registers = {name: word for name, word in {**EVERY, **words}.items() if word is not None}
    report = host(registers)
    report = evolve(report, values={**report.values, "cpu.vendor": vendor})
    judged = runnable_models(CATALOGUE, ARCH, BUILD, report)
    assert sorted(judged) == sorted(VERSIONED)
    of = {flag: flag_fact(TABLE, report, flag).state for flag in TABLE.bits}
    for model, state in judged.items():
        states = {of[flag] for flag in OWN[model] - SETTLED}
        worst = next((s for s in ("absent", "unknown") if s in states), "present")
        assert state == worst, model


@given(vendor=st.sampled_from(VENDORS), names=st.permutations(VERSIONED))
def test_the_best_model_is_first(vendor: str, names: list[str]) -> None:
    """Of the host's vendor, with the most flags, the newest; the order before is nothing."""
    order = ranked(CATALOGUE, ARCH, BUILD, names, vendor)
    assert sorted(order) == sorted(VERSIONED)
    for better, worse in pairwise(order):
        ours = [TABLE.models[name].vendor == vendor for name in (better, worse)]
        most = [len(OWN[name]) for name in (better, worse)]
        place = [VERSIONED.index(name) for name in (better, worse)]
        assert (ours[0], most[0], place[0]) > (ours[1], most[1], place[1])


def test_models_of_the_hosts_vendor_come_first_then_those_with_the_most_flags() -> None:
    """Every bit gets the host's own vendor's newest; all models of the build are judged."""
    intel = runnable_models(CATALOGUE, ARCH, BUILD, host(EVERY))
    amd = runnable_models(
        CATALOGUE, ARCH, BUILD, host(EVERY, values={"cpu.vendor": "AuthenticAMD"})
    )
    assert "GenuineIntel" == TABLE.models[next(iter(intel))].vendor
    assert "AuthenticAMD" == TABLE.models[next(iter(amd))].vendor
    known = CATALOGUE.cpu_models(BUILD, ARCH)
    assert intel.keys() == {n for n in TABLE.models if n in known and not known[n].alias_of}
