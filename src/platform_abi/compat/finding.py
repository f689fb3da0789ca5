"""What a check or a verification says: findings, and the verdict that those of a check make."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from platform_abi.model.value import frozen

if TYPE_CHECKING:
    from platform_abi.model.host import Fact
    from platform_abi.model.visibility import Seen

Status = Literal["ok", "warn", "blocked"]

#: Of a host or a build that is asked: *info*, *warn* and *blocked*. Of a QEMU that runs already:
#: *info*, *unknown* where nobody can tell, and *drift* where it is not what it was to be.
Severity = Literal["info", "warn", "blocked", "unknown", "drift"]

#: The code of what a guest finds and nobody could compare: of a whole machine a warning, of some of
#: its devices a remark.
VIEW_UNKNOWN = "view-unknown"


@frozen(kw_only=True)
class Finding:
    """One thing that speaks against a start, a migration or a running QEMU, or is to be known.

    *code* is stable; *help* says what to do. What does not apply is empty or None.
    """

    code: str
    severity: Severity
    message: str
    help: str = ""
    feature: str = ""
    #: ``driver.property``; of a running QEMU, whose *driver* is known apart, the property alone.
    property: str = ""
    #: What a host is asked for, or what the build that is asked gives.
    value: str = ""
    #: The device's id or label; None for the board, the CPU and what is about no single device.
    device: str | None = None
    backend: str = ""
    capability: str = ""
    #: What is known of *capability* on the host.
    fact: Fact | None = None
    #: The capability of the finding that this one follows from; empty: it stands for itself.
    follows_from: str = ""
    #: Of a running QEMU: the QOM type, the value of the lockfile, and the one that it has, None
    #: where it could not be read.
    driver: str = ""
    expected: str | None = None
    found: str | None = None
    #: Who can tell that of a running QEMU: the guest, its migration stream, or the host alone.
    seen: Seen | None = None
    #: What ``explain-error`` calls the message of QEMU's that says why.
    cause: str = ""


@frozen(kw_only=True)
class CheckVerdict:
    """Whether an ABI may run on a host: *blocked* where any finding is, unless it was forced.

    *allowed_unknown* and *forced* record that somebody asked to go on regardless.
    """

    status: Status
    findings: tuple[Finding, ...]
    platform: str
    host: str = ""
    allowed_unknown: bool = False
    forced: bool = False


@frozen(kw_only=True)
class MigrationVerdict:
    """Whether a running guest may move there, and whether it may then come back."""

    status: Status
    forward: CheckVerdict
    back: CheckVerdict
