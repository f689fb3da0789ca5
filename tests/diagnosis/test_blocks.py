"""Which messages belong to one failure, and what stands for a cause that is not there."""

from __future__ import annotations

from itertools import chain
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from platform_abi.diagnosis.blocks import CAUSE, END, PLACE, SIGN, Told, told
from platform_abi.diagnosis.error_lines import Line
from platform_abi.model.message import Message, MessageText, Role

TEXT = (MessageText(text="xx", source="x.c"),)
MESSAGES = {role: Message(code=role, role=role, text=TEXT) for role in get_args(Role)} | {
    "warning": Message(code="warning", role="apart", severity="warning", text=TEXT)
}

roles = st.lists(st.sampled_from(sorted(MESSAGES)), max_size=30)


def _lines(codes: list[str]) -> list[Line]:
    return [
        Line(
            code=code,
            number=number,
            text=code,
            role=MESSAGES[code].role,
            fields={"section": f"{number}/x"} if MESSAGES[code].role == "place" else {},
        )
        for number, code in enumerate(codes, 1)
    ]


def _told(codes: list[str]) -> list[Told]:
    return list(told(MESSAGES, _lines(codes)))


def _codes(codes: list[str]) -> list[list[str]]:
    return [[line.code for line, _ in failure.lines] for failure in _told(codes)]


@given(roles)
def test_every_cause_and_every_warning_is_told_once_in_its_order(codes: list[str]) -> None:
    """None is lost, whatever stands around it; noise is never told."""
    kept = [line for failure in _told(codes) for line, _ in failure.lines]
    causes = {"cause", "apart", "warning"}

    assert [c for c in codes if c in causes] == [line.code for line in kept if line.code in causes]
    assert "noise" not in {line.code for line in kept}
    assert len(kept) == len({line.number for line in kept})


@given(roles)
def test_a_failure_without_a_cause_is_represented_by_what_says_most(codes: list[str]) -> None:
    """Its last place, else its end, else its first sign; and only where there is no error."""
    for failure in _told(codes):
        names = [line.code for line, _ in failure.lines if line.code != "unknown"]
        if failure.strength == CAUSE:
            assert {"cause", "apart"} & set(names)
        elif set(names) != {"warning"}:
            assert names == [{PLACE: "place", END: "end", SIGN: "sign"}[failure.strength]]


def test_a_failure_ends_with_the_line_that_says_so() -> None:
    """What comes behind it is of the next one."""
    assert [["cause"], ["cause"]] == _codes(["cause", "place", "end", "cause", "end"])
    assert [["place"], ["cause"]] == _codes(["place", "end", "cause"])


def test_a_warning_is_told_beside_what_failed() -> None:
    """It is no cause, so that the failure is told as well."""
    assert [["warning"], ["place"]] == _codes(["warning", "place", "end"])
    assert [["warning", "cause"]] == _codes(["warning", "cause", "place"])


def test_a_line_that_nobody_knows_is_told_next_to_a_failure_only() -> None:
    """At most the last three before it, and none where a cause is known."""
    assert [["unknown", "end"]] == _codes(["unknown", "noise", "end"])
    assert [["unknown", "unknown", "unknown", "place"]] == _codes(["unknown"] * 9 + ["place"])
    assert [["cause"]] == _codes(["unknown", "cause", "end"])
    assert [["end"]] == _codes(["unknown", *["noise"] * 5, "end"])
    assert [] == _codes(["unknown"] * 5)


def test_a_cause_is_of_the_device_that_the_lines_after_it_name() -> None:
    """The outermost has the address; a cause that is apart is of none."""
    ((first, second),) = [failure.lines for failure in _told(["apart", "cause", "place", "place"])]

    assert ("apart", "") == (first[0].code, first[1])
    assert ("cause", "3/x") == (second[0].code, second[1])


def test_lines_of_qemus_that_nobody_knows_are_not_all_held() -> None:
    """A log of very many of them needs no memory for them: three are kept."""
    many = (
        Line(code="unknown", number=number, text="x", role="unknown") for number in range(50_000)
    )
    end = Line(code="end", number=50_000, text="x", role="end")
    (failure,) = told(MESSAGES, chain(many, [end]))

    assert [49_997, 49_998, 49_999, 50_000] == [line.number for line, _ in failure.lines]
