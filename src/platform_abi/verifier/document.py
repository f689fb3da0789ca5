"""A verification as the JSON object that tools build on."""

from __future__ import annotations

from typing import Any, Final

from platform_abi.compat.finding import Finding
from platform_abi.emit.plain import Shapes, document
from platform_abi.verifier.verification import Verification

SHAPES: Final[Shapes] = {
    Verification: (
        *("status", "machine", "qemu:version", "platform", "build", "compared", "findings"),
    ),
    Finding: (
        *("code", "severity", "message", "help", "device", "driver?", "property?"),
        *("expected", "found", "feature?", "seen"),
    ),
}


def verify_document(verification: Verification) -> dict[str, Any]:
    """Return what ``verify --json`` prints; what does not apply to a finding is null."""
    return document(verification, SHAPES)
