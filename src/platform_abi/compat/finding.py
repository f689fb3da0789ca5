"""What a check says: findings, and the verdict that they make."""

from __future__ import annotations

from typing import Literal

from attrs import frozen

from platform_abi.model.host import Fact
from platform_abi.model.value import Value

Status = Literal["ok", "warn", "blocked"]
Severity = Literal["info", "warn", "blocked"]


@frozen(kw_only=True, repr=False)
class Finding(Value):
    """One thing that speaks against a start or a migration, or that should be known before it.

    *code* is stable. *fact* is what was found of *capability*; *help* says what to do.
    """

    code: str
    severity: Severity
    message: str
    help: str = ""
    feature: str = ""
    #: ``driver.property``; empty for what no property drives.
    property: str = ""
    value: str = ""
    #: The device's id, or None where it is the board, the CPU or every device of the kind.
    device: str | None = None
    backend: str = ""
    capability: str = ""
    fact: Fact | None = None


@frozen(kw_only=True, repr=False)
class CheckVerdict(Value):
    """Whether an ABI may run on a host: *blocked* where any finding is, unless it was forced.

    *allowed_unknown* and *forced* record that somebody asked to go on regardless.
    """

    status: Status
    findings: tuple[Finding, ...]
    platform: str
    host: str = ""
    allowed_unknown: bool = False
    forced: bool = False


@frozen(kw_only=True, repr=False)
class MigrationVerdict(Value):
    """Whether a running guest may move there, and whether it may then come back."""

    status: Status
    forward: CheckVerdict
    back: CheckVerdict
