"""Verdicts as the JSON objects that tools build on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from platform_abi.compat.finding import CheckVerdict, Finding, MigrationVerdict
from platform_abi.compat.supported import Answer, Missing, PlatformVerdict
from platform_abi.emit.plain import Shapes, document
from platform_abi.model.value import frozen

_ANSWERS: dict[Answer, Literal[True, False, "unknown"]] = {
    "yes": True, "no": False, "unknown": "unknown",
}  # fmt: skip


@frozen(kw_only=True)
class SupportedPlatforms:
    """What ``platforms --host`` says: every platform, and the one to choose, if there is one."""

    newest: PlatformVerdict | None
    platforms: tuple[PlatformVerdict, ...]


def _supported(verdict: PlatformVerdict) -> Literal[True, False, "unknown"]:
    return _ANSWERS[verdict.supported]


def _behind(verdict: PlatformVerdict) -> Mapping[str, Literal[True, False, "unknown"]]:
    return {name: _ANSWERS[answer] for name, answer in verdict.behind.items()}


SHAPES: Final[Shapes] = {
    SupportedPlatforms: ("newest:newest.platform", "platforms"),
    PlatformVerdict: (
        *("name", "platform", "lineage"),
        ("supported", _supported),
        ("behind", _behind),
        *("missing", "limits", "notes"),
    ),
    Missing: (
        *("feature", "backend", "value", "capability"),
        *("state:fact.state", "source:fact.source", "detail:fact.detail"),
    ),
    CheckVerdict: ("status", "host", "platform", "allowed_unknown", "forced", "findings"),
    Finding: (
        *("code", "severity", "message", "help", "feature?", "property?", "value?", "device"),
        *("backend?", "capability?", "found:fact", "follows_from?"),
    ),
}


def platforms_document(found: SupportedPlatforms) -> dict[str, Any]:
    """Return what ``platforms --host --json`` prints."""
    return document(found, SHAPES)


def check_document(verdict: CheckVerdict | MigrationVerdict) -> dict[str, Any]:
    """Return what ``check --json`` prints, of a start or of a migration and its way back."""
    return document(verdict, SHAPES)
