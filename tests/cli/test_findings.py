"""Findings for people: each is printed, and what helps once for those of one cause."""

from __future__ import annotations

import io
from contextlib import redirect_stderr, redirect_stdout
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platform_abi.cli.findings import Cause, print_findings, report_findings
from platform_abi.compat.finding import Finding, Severity

_WORDS = st.sampled_from(["a", "b"])
_SEVERITIES: tuple[Severity, ...] = ("info", "warn", "blocked", "unknown", "drift")
_FINDINGS = st.lists(
    st.builds(
        Finding,
        code=_WORDS,
        severity=st.sampled_from(_SEVERITIES),
        message=st.just("said"),
        help=st.sampled_from(["", "do this", "do that"]),
        capability=_WORDS,
        device=_WORDS,
    ),
    max_size=8,
)


@pytest.mark.parametrize("by", ["capability", "device"])
@given(findings=_FINDINGS)
def test_what_helps_is_said_once_for_those_of_one_cause(by: Cause, findings: list[Finding]) -> None:
    """A line for each finding, in their order; help behind the last of those that share it."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        print_findings(findings, by=by)
        report_findings(findings, by=by)
    causes = [
        help_
        for (_, _, help_), _ in groupby(findings, lambda f: (f.code, getattr(f, by), f.help))
        if help_
    ]
    for text, heads in (
        (out.getvalue(), [f"  {f.severity:8} {f.code}: said" for f in findings]),
        (err.getvalue(), [f"error[{f.code}]: said" for f in findings]),
    ):
        lines = text.splitlines()
        helps = [line.strip() for line in lines if line.strip().startswith("help: ")]
        assert helps == [f"help: {help_}" for help_ in causes]
        assert [line for line in lines if not line.strip().startswith("help: ")] == heads


def test_a_finding_cannot_steer_a_terminal() -> None:
    """What it says comes from reports and lockfiles of others."""
    out = io.StringIO()
    with redirect_stdout(out):
        print_findings(
            [Finding(code="x", severity="warn", message="\x1b[2J", help="\r")], by="device"
        )
    assert "\x1b" not in out.getvalue()
    assert "\r" not in out.getvalue()
