"""The data of a fleet's page: what it says of two names is what the library says of them."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.compat.migration import check_migration
from platform_abi.inventory.tables import LEVELS
from platform_abi.page.data import Page, Verdict, page_document, page_of
from tests.inventory.fleets import locks, reports, shipped
from tests.page.fleets import HOSTS, VMS, Kinds, fleet


def _told(page: Page, verdict: Verdict) -> list[tuple[int, str, str]]:
    found = [page.findings[number] for number in verdict.said]
    return [(said.level, said.code, said.message) for said in found]


@settings(max_examples=15)
@given(HOSTS, VMS, st.booleans())
def test_every_pair_is_what_a_check_says(hosts: Kinds, vms: Kinds, allow: bool) -> None:
    """The same verdict for every name, and for its reasons findings that the check has too."""
    page = page_of(shipped(), fleet(hosts, vms), allow_unknown=allow)
    assert sorted(hosts) == [name for name, _ in page.hosts]
    assert sorted(vms) == [name for name, _ in page.vms]
    for vm, lock in page.vms:
        for host, report in page.hosts:
            said = page.verdicts[page.cells[lock][report]]
            found = pa.check(
                shipped(), locks()[vms[vm]][2], reports()[hosts[host]], allow_unknown=allow
            )
            assert found.status == LEVELS[said.level]
            severities = {(f.code, f.severity) for f in found.findings}
            told = _told(page, said)
            assert {(code, LEVELS[level]) for level, code, _ in told} <= severities
            assert told == sorted(told, key=lambda each: -each[0])
            assert said.level == max((level for level, _, _ in told), default=0)
            # Each capability that is wanted has its own.
            wanted = {f.capability for f in found.findings if f.code == "capability-missing"}
            missing = [m for _, code, m in told if code == "capability-missing"]
            assert wanted == {message.split()[0] for message in missing}


@settings(max_examples=5)
@given(HOSTS, VMS, st.booleans())
def test_every_move_is_what_a_check_of_one_says(hosts: Kinds, vms: Kinds, allow: bool) -> None:
    """From every host to every other, and back: the same verdict, and every finding of it."""
    page = page_of(shipped(), fleet(hosts, vms), allow_unknown=allow)
    abis = {digest: abi for digest, _, abi in locks()}
    by_kind = {kind: reports()[hosts[name]] for name, kind in page.hosts}
    for lock, row in enumerate(page.moves):
        abi = abis[page.vm_kinds[lock].digest]
        pairs = [(a, b) for a in sorted(by_kind) for b in sorted(by_kind)]
        assert 2 * len(pairs) == len(row)
        for place, (a, b) in enumerate(pairs):
            found = check_migration(shipped(), abi, by_kind[a], by_kind[b], allow_unknown=allow)
            for number, way in zip(
                row[2 * place : 2 * place + 2], (found.forward, found.back), strict=True
            ):
                said = page.verdicts[number]
                assert way.status == LEVELS[said.level]
                assert {(f.code, f.message) for f in way.findings} == {
                    (code, message) for _, code, message in _told(page, said)
                }


def test_more_moves_than_can_be_waited_for_are_none() -> None:
    """A fleet of more has a page all the same."""
    shown = fleet({"a": 0, "b": 1}, {"vm": 0})
    assert 8 == len(page_of(shipped(), shown, most_moves=4).moves[0])
    assert () == page_of(shipped(), shown, most_moves=3).moves


def test_it_grows_by_a_line_for_a_name() -> None:
    """A thousand hosts that are alike are one column, one verdict and a thousand names."""
    few = page_document(page_of(shipped(), fleet({"a": 0}, {"vm": 0})))
    many = page_document(page_of(shipped(), fleet({f"{n}": 0 for n in range(1000)}, {"vm": 0})))
    assert 1000 == len(many.pop("hosts"))
    assert {name: value for name, value in few.items() if name != "hosts"} == many


def test_a_fleet_without_hosts_or_vms_has_a_page() -> None:
    """It says so with empty rows."""
    assert () == page_of(shipped(), fleet({"a": 0}, {})).cells
    assert ((),) == page_of(shipped(), fleet({}, {"vm": 0})).cells
