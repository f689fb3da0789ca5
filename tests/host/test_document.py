"""Host reports as JSON: written in one form, and read as what a stranger sent."""

from __future__ import annotations

import copy
import json
import random
from importlib.resources import files
from typing import Any

import jsonschema
import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.host.document import MAX_SIZE, read_report, report_document, report_line
from platform_abi.testing import host_reports

SCHEMA = json.loads((files("platform_abi.host") / "report.schema.json").read_text("utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

SMALL = {
    "schema_version": 1,
    "kind": "host-report",
    "host": {"system": "linux", "release": "6.9.3", "arch": "x86_64"},
    "facts": {"tun.uso": {"state": "present", "source": "ioctl", "detail": "TUNSETOFFLOAD 0x61"}},
}

#: What turns up in a document that something else wrote.
JUNK = st.sampled_from(
    [
        None,
        True,
        -1,
        1.5,
        2**64,
        "",
        "x" * 5000,
        "0xZZ",
        "0x1",
        [],
        ["a"],
        [1],
        {},
        {"state": "maybe"},
    ]
)


def _read(document: object) -> pa.HostReport:
    return read_report(json.dumps(document), "a.json")


def _error(text: str | bytes) -> pa.ReportError:
    with pytest.raises(pa.ReportError) as caught:
        read_report(text, "a.json")
    assert "a.json" in caught.value.message
    return caught.value


def _brief(report: pa.HostReport) -> pa.HostReport:
    """Return *report* without what its QEMUs make of machine types and CPUs, and show of them."""
    return evolve(
        report,
        qemus=tuple(
            evolve(
                qemu,
                content="",
                cpus={},
                views={},
                machines=tuple(evolve(machine, fingerprint="") for machine in qemu.machines),
            )
            for qemu in report.qemus
        ),
    )


@given(host_reports())
def test_what_is_written_is_read_back(report: pa.HostReport) -> None:
    """A report holds all of it and nothing else, a line all but what most of a QEMU is."""
    assert report == _read(report_document(report))
    assert _brief(report) == read_report(report_line(report), "line")
    assert "\n" not in report_line(report)


@given(host_reports(), st.integers())
def test_a_report_has_one_spelling(report: pa.HostReport, seed: int) -> None:
    """The order in which facts were found does not show, to the byte."""
    shuffled = list(report.facts.items())
    random.Random(seed).shuffle(shuffled)
    again = evolve(report, facts=dict(shuffled))
    assert report_line(report) == report_line(again)


@given(host_reports())
def test_the_published_schema_accepts_every_report(report: pa.HostReport) -> None:
    """Whoever checks a report by the schema finds it good."""
    VALIDATOR.validate(report_document(report))


@given(host_reports(), st.data())
def test_the_reader_refuses_what_the_schema_refuses(
    report: pa.HostReport, data: st.DataObject
) -> None:
    """A document with something foreign in it is good for both or for neither."""
    document: Any = copy.deepcopy(report_document(report))
    place = document
    while True:
        key = data.draw(st.sampled_from([*place, "foreign"]))
        inner = place.get(key)
        if not isinstance(inner, dict) or data.draw(st.booleans()):
            place[key] = data.draw(JUNK)
            break
        place = inner
    accepted = VALIDATOR.is_valid(document)
    try:
        _read(document)
    except pa.ReportError:
        assert not accepted
    else:
        assert accepted


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_no_bytes_at_all_get_more_than_an_error(content: bytes) -> None:
    """Whatever is read, only a ReportError comes out."""
    with pytest.raises(pa.ReportError):
        read_report(content, "a.json")


@given(host_reports(), st.data())
def test_a_truncated_report_is_refused(report: pa.HostReport, data: st.DataObject) -> None:
    """No beginning of a report is taken for a whole one."""
    line = report_line(report)
    with pytest.raises(pa.ReportError, match="not a host report"):
        read_report(line[: data.draw(st.integers(0, len(line) - 1))], "a.json")


def test_a_newer_schema_says_so() -> None:
    """A report of a later version is not guessed at."""
    error = _error(json.dumps({**SMALL, "schema_version": 2}))
    assert ("report-schema", "expected schema_version 1, found 2") == (
        error.code,
        error.message.removeprefix("a.json: "),
    )


def test_a_foreign_document_says_what_was_expected() -> None:
    """A lockfile, a list or another tool's JSON is named as no report."""
    for text in ("[]", "{}", '"x"', "3", '{"kind": "node", "schema_version": 1}', "schema = 1"):
        assert "not a host report" in _error(text).message


def test_every_fault_is_named_at_once() -> None:
    """All faults of a document come together, each with its place and the nearest valid word."""
    wrong = {
        **SMALL,
        "factz": {},
        "facts": {
            "tun.uso": {"state": "presnt"},
            "tun.ufo": {"state": "absent", "source": "guess"},
        },
        "numbers": {"page-size": "4096"},
    }
    message = _error(json.dumps(wrong)).message
    for part in (
        "factz: unknown key; did you mean 'facts'?",
        "facts.tun.uso.state: expected one of present, absent, unknown; found 'presnt'",
        "facts.tun.ufo.source: expected one of",
        "numbers.page-size: expected a whole number",
    ):
        assert part in message


def test_a_document_of_thousands_of_faults_shows_the_first() -> None:
    """An error stays readable, and says how much more there is."""
    error = _error(json.dumps({**SMALL, "numbers": {f"n{i}": "x" for i in range(500)}}))
    assert "and 480 more faults" in error.message


def test_a_key_that_stands_twice_is_refused() -> None:
    """Two readers could believe two different values."""
    text = json.dumps(SMALL).replace('"facts"', '"facts": {}, "facts"')
    assert "stands twice" in _error(text).message


def test_hostile_documents_end_in_an_error() -> None:
    """Nesting without end, sizes without end, no numbers, half a character."""
    assert "nested" in _error("[" * 200_000).message
    assert "larger" in _error(b" " * (MAX_SIZE + 1)).message
    assert "not a host report" in _error('{"kind": NaN}').message
    surrogate = json.dumps({**SMALL, "name": "\ud800"})
    assert "surrogate" in _error(surrogate).message


def test_control_characters_of_a_report_are_escaped_in_errors() -> None:
    """A report cannot steer the terminal of who reads it."""
    error = _error(json.dumps({**SMALL, "\x1b[2J": 1}))
    assert "\x1b" not in error.message


def test_what_is_left_out_is_not_known() -> None:
    """A report without tables is a report of a host of which nothing is known."""
    report = _read({"schema_version": 1, "kind": "host-report", "host": {}})
    assert report == pa.HostReport()
    assert report.state("tun.uso") == "unknown"


def test_what_was_only_predicted_is_not_proven() -> None:
    """An inferred fact is kept as it is, and counts as unknown."""
    facts = {"tun.uso": {"state": "present", "source": "inferred"}}
    report = _read({**SMALL, "facts": facts})
    assert ("present", "unknown") == (report.fact("tun.uso").state, report.state("tun.uso"))


@given(host_reports(), st.randoms())
def test_a_set_has_no_order(report: pa.HostReport, chance: random.Random) -> None:
    """Members in another order, or twice, are the same set."""
    document: Any = copy.deepcopy(report_document(report))
    for name, members in document["sets"].items():
        shuffled = members * 2
        chance.shuffle(shuffled)
        document["sets"][name] = shuffled
    assert report == _read(document)
