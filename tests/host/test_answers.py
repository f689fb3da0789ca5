"""What the child says is taken with care."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from platform_abi.host.answers import Answers
from platform_abi.host.document import read_report, report_line
from platform_abi.host.order import order_for
from platform_abi.model.host import Fact, HostReport
from tests.host.probing import capability, catalogued

ORDER = order_for(
    catalogued(
        capability("a", "device-node", "/dev/a"),
        capability("b", "device-node", "/dev/b"),
        capability("c", "qemu-netdev", "tap"),
    ),
    "x86_64",
)

# Halves of surrogate pairs included: JSON can spell them.
texts = st.text(st.characters(exclude_categories=()), max_size=9) | st.just("x" * 5000)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | texts
kinds = st.sampled_from(
    ["fact", "ended", "number", "mask", "set", "value", "config", "host", "done", "later"]
)
words = st.sampled_from(["a", "b", "c", "present", "unknown", "ioctl", "distribution"])
lines = st.builds(
    lambda kind, rest: json.dumps([kind, *rest]).encode() + b"\n",
    kinds,
    st.lists(words | scalars | st.lists(scalars, max_size=3), max_size=5),
)


def _report(*said: bytes, reason: str = "why") -> HostReport:
    answers = Answers(ORDER)
    for line in said:
        answers.take(line)
    return answers.report(HostReport(system="linux"), answers.facts(reason))


@given(st.lists(lines | st.binary(max_size=40)))
def test_whatever_the_child_says_the_report_is_one(said: list[bytes]) -> None:
    """Nothing is raised, every fact is about what was asked, and the report can be read back."""
    report = _report(*said)
    assert set(report.facts) == {"a", "b", "c"}
    assert read_report(report_line(report), "it") == report


@given(st.lists(lines), st.binary(max_size=30).filter(lambda cut: b"\n" not in cut))
def test_a_line_that_was_cut_off_says_nothing(said: list[bytes], cut: bytes) -> None:
    """Half a line changes nothing, whatever it might have become."""
    assert _report(*said, cut) == _report(*said)


def test_what_nobody_answered_is_unknown_with_the_reason_of_its_group() -> None:
    """Another group's end explains nothing; what was answered before the end holds."""
    groups = list(ORDER.groups)
    ended = json.dumps(["ended", groups.index(("node", "/dev/b")), "killed"]).encode() + b"\n"
    report = _report(b'["fact","a","present","file","/dev/a opened"]\n', ended)
    assert report.facts == {
        "a": Fact(state="present", source="file", detail="/dev/a opened"),
        "b": Fact(state="unknown", detail="killed"),
        "c": Fact(state="unknown", detail="a QEMU has to be asked"),
    }
    assert _report(reason="too late").facts["a"] == Fact(state="unknown", detail="too late")


def test_a_fact_that_nobody_asked_for_is_no_fact() -> None:
    """Neither an unknown name nor an unknown state or source makes it into a report."""
    report = _report(
        b'["fact","z","present","ioctl",""]\n',
        b'["fact","a","perhaps","ioctl",""]\n',
        b'["fact","a","present","hearsay",""]\n',
        b'["fact","c","present","ioctl",""]\n',
    )
    assert [fact.state for fact in report.facts.values()] == ["unknown"] * 3


def test_a_set_may_come_in_several_lines() -> None:
    """Members of one set are put together, in order."""
    report = _report(b'["set","s",["b","a"]]\n', b'["set","s",["c","a"]]\n', b'["set","e",[]]\n')
    assert report.sets == {"e": (), "s": ("a", "b", "c")}
