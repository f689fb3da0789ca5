"""Verdicts about what a host can do, whichever QEMU it has: what that makes of a VM is left out."""

from __future__ import annotations

from typing import Any

from platform_abi.compat import check as start
from platform_abi.compat import migration
from platform_abi.compat.finding import CheckVerdict, MigrationVerdict


def check(*asked: Any, **how: Any) -> CheckVerdict:
    """Return what ``check`` does, of a QEMU that nothing speaks against."""
    return start.check(*asked, **{"of_qemu": (), **how})


def check_migration(*asked: Any, **how: Any) -> MigrationVerdict:
    """Return what ``check_migration`` does, of QEMUs that nothing speaks against."""
    return migration.check_migration(*asked, **{"of_qemus": ((), ()), **how})
