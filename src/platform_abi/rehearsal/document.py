"""A rehearsal as the JSON object that tools build on."""

from __future__ import annotations

from typing import Any, Final

from platform_abi.compat.finding import Finding
from platform_abi.emit.plain import Shapes, document
from platform_abi.rehearsal.result import Rehearsal

SHAPES: Final[Shapes] = {
    Finding: ("code", "severity", "message", "help", "device", "expected", "found", "cause?"),
}


def rehearsal_document(rehearsal: Rehearsal) -> dict[str, Any]:
    """Return what ``rehearse --json`` prints; what does not apply to a finding is null."""
    return document(rehearsal, SHAPES)
