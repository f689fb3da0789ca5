"""A verification as the JSON object that tools build on."""

from __future__ import annotations

from typing import Any

from platform_abi.compat.finding import Finding
from platform_abi.emit.document import SCHEMA_VERSION
from platform_abi.verifier.verification import Verification


def verify_document(verification: Verification) -> dict[str, Any]:
    """Return what ``verify --json`` prints."""
    return {
        "schema_version": SCHEMA_VERSION,
        "status": verification.status,
        "machine": verification.machine,
        "qemu": verification.version,
        "platform": verification.platform,
        "build": verification.build,
        "compared": verification.compared,
        "findings": [_finding(finding) for finding in verification.findings],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    """Return one finding as plain data; what does not apply is null."""
    return {
        "code": finding.code,
        "severity": finding.severity,
        "message": finding.message,
        "help": finding.help,
        "device": finding.device,
        "driver": finding.driver or None,
        "property": finding.property or None,
        "expected": finding.expected,
        "found": finding.found,
        "feature": finding.feature or None,
        "seen": finding.seen,
    }
