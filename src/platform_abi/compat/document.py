"""Verdicts as the JSON objects that tools build on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from platform_abi.compat.finding import CheckVerdict, Finding, MigrationVerdict
from platform_abi.compat.supported import Answer, Missing, PlatformVerdict
from platform_abi.emit.document import SCHEMA_VERSION
from platform_abi.model.host import Fact

_ANSWERS: dict[Answer, bool | str] = {"yes": True, "no": False, "unknown": "unknown"}


def platforms_document(
    verdicts: Sequence[PlatformVerdict], chosen: PlatformVerdict | None
) -> dict[str, Any]:
    """Return what ``platforms --host --json`` prints: every platform, and the one to choose."""
    return {
        "schema_version": SCHEMA_VERSION,
        "newest": None if chosen is None else chosen.platform,
        "platforms": [platform_document(verdict) for verdict in verdicts],
    }


def platform_document(verdict: PlatformVerdict) -> dict[str, Any]:
    """Return one platform's verdict as plain data."""
    return {
        "name": verdict.name,
        "platform": verdict.platform,
        "lineage": verdict.lineage,
        "supported": _ANSWERS[verdict.supported],
        "missing": [missing_document(entry) for entry in verdict.missing],
        "limits": [missing_document(entry) for entry in verdict.limits],
        "notes": list(verdict.notes),
    }


def missing_document(entry: Missing) -> dict[str, Any]:
    """Return one unmet need as plain data, with what was found."""
    return {
        "feature": entry.feature,
        "backend": entry.backend,
        "value": entry.value,
        "capability": entry.capability,
        **_fact(entry.fact),
    }


def _fact(fact: Fact) -> dict[str, str]:
    return {"state": fact.state, "source": fact.source, "detail": fact.detail}


def check_document(verdict: CheckVerdict) -> dict[str, Any]:
    """Return what ``check --host --json`` prints."""
    return {"schema_version": SCHEMA_VERSION, **_check(verdict)}


def migration_document(verdict: MigrationVerdict) -> dict[str, Any]:
    """Return what ``check --from --to --json`` prints."""
    return {
        "schema_version": SCHEMA_VERSION,
        "status": verdict.status,
        "forward": _check(verdict.forward),
        "back": _check(verdict.back),
    }


def _check(verdict: CheckVerdict) -> dict[str, Any]:
    return {
        "status": verdict.status,
        "host": verdict.host,
        "platform": verdict.platform,
        "allowed_unknown": verdict.allowed_unknown,
        "forced": verdict.forced,
        "findings": [finding_document(finding) for finding in verdict.findings],
    }


def finding_document(finding: Finding) -> dict[str, Any]:
    """Return one finding as plain data; what does not apply is null."""
    return {
        "code": finding.code,
        "severity": finding.severity,
        "message": finding.message,
        "help": finding.help,
        "feature": finding.feature or None,
        "property": finding.property or None,
        "value": finding.value or None,
        "device": finding.device,
        "backend": finding.backend or None,
        "capability": finding.capability or None,
        "found": None if finding.fact is None else _fact(finding.fact),
    }
