"""Hosts that are drawn: kernels that there are, which every verdict can be asked about."""

from __future__ import annotations

import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.testing import shipped
from tests.testing.shipped.test_machine import EVERY


@settings(max_examples=50)
@given(data=st.data())
def test_every_host_is_judged(catalogue: pa.FileCatalogue, data: st.DataObject) -> None:
    """Every platform gets an answer for it, and what is written of it is read again."""
    host = data.draw(shipped.hosts(catalogue))
    verdicts = pa.query_platforms(catalogue, host)
    assert [*sorted(v.name for v in verdicts)] == sorted(catalogue.platform_names())
    assert {v.supported for v in verdicts} <= {"yes", "no", "unknown"}
    assert pa.read_report(pa.report_line(host), "drawn") == host


@settings(max_examples=50)
@given(data=st.data())
def test_every_pair_is_compared(catalogue: pa.FileCatalogue, data: st.DataObject) -> None:
    """Two hosts are of one architecture, and a virtual machine gets a verdict between them."""
    one, other = data.draw(shipped.host_pairs(catalogue))
    lock = data.draw(shipped.lockfiles(catalogue, arch=one.arch))
    assert one.arch == other.arch
    assert one != other or not pa.diff_hosts(one, other)
    verdict = pa.check_migration(catalogue, lock.abi, one, other)
    assert verdict.status in {"ok", "warn", "blocked"}


@pytest.mark.filterwarnings("ignore:Generating overly large repr")
def test_what_fails_shrinks_to_a_kernel_as_it_is(catalogue: pa.FileCatalogue) -> None:
    """A pair is one host twice, without a capability that is otherwise than its kernel has it."""
    one, other = find(shipped.host_pairs(catalogue), lambda _: True, settings=EVERY)
    assert one == other
    assert {fact.source for fact in one.facts.values()} == {"ioctl"}


def test_some_hosts_support_what_others_do_not(catalogue: pa.FileCatalogue) -> None:
    """A newest kernel supports what an oldest one does not: strategies of one answer test none."""
    answers: set[frozenset[str]] = set()

    @settings(EVERY, max_examples=40)
    @given(host=shipped.hosts(catalogue, arch="x86_64"))
    def draw(host: pa.HostReport) -> None:
        verdicts = pa.query_platforms(catalogue, host)
        answers.add(frozenset(v.name for v in verdicts if v.supported == "yes"))

    draw()
    assert len(answers) > 1
