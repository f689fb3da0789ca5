"""Verdicts as plain data."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from platform_abi.compat.document import SupportedPlatforms, check_document, platforms_document
from platform_abi.compat.finding import CheckVerdict, Finding, MigrationVerdict, Severity, Status
from platform_abi.emit.plain import to_json
from platform_abi.model.host import Fact
from tests.documents import validated

_TEXT = st.text(max_size=4)
_FACTS = st.builds(Fact, state=st.sampled_from(["present", "absent", "unknown"]), detail=_TEXT)
_SEVERITIES: tuple[Severity, ...] = ("info", "warn", "blocked")
_STATUSES: tuple[Status, ...] = ("ok", "warn", "blocked")
_FINDINGS = st.builds(
    Finding,
    code=_TEXT,
    severity=st.sampled_from(_SEVERITIES),
    message=_TEXT,
    help=_TEXT,
    feature=_TEXT,
    property=_TEXT,
    value=_TEXT,
    device=st.none() | _TEXT,
    backend=_TEXT,
    capability=_TEXT,
    fact=st.none() | _FACTS,
)
_VERDICTS = st.builds(
    CheckVerdict,
    status=st.sampled_from(_STATUSES),
    findings=st.lists(_FINDINGS, max_size=3).map(tuple),
    platform=_TEXT,
    allowed_unknown=st.booleans(),
    forced=st.booleans(),
)


@given(verdict=_VERDICTS)
def test_every_finding_has_every_key_and_null_where_one_does_not_apply(
    verdict: CheckVerdict,
) -> None:
    """Whatever a verdict holds, its schema describes the document, which holds the same."""
    document = validated("check", to_json(check_document(verdict)))
    assert (document["status"], document["forced"]) == (verdict.status, verdict.forced)
    for finding, found in zip(verdict.findings, document["findings"], strict=True):
        assert found["device"] == finding.device
        for key in ("feature", "property", "value", "backend", "capability"):
            assert found[key] == (getattr(finding, key) or None)
        assert (found["found"] is None) == (finding.fact is None)


@given(forward=_VERDICTS, back=_VERDICTS)
def test_a_migration_is_two_verdicts(forward: CheckVerdict, back: CheckVerdict) -> None:
    """The way there and the way back are each as a check says them."""
    verdict = MigrationVerdict(status="ok", forward=forward, back=back)
    document = validated("check-migration", to_json(check_document(verdict)))
    for side, way in ((forward, "forward"), (back, "back")):
        assert {"schema_version": 1, **document[way]} == check_document(side)


def test_no_platform_may_be_the_one_to_choose() -> None:
    """Where nothing is supported, the newest is null and the list is empty."""
    found = platforms_document(SupportedPlatforms(newest=None, platforms=()))
    assert found == {"schema_version": 1, "newest": None, "platforms": []}
