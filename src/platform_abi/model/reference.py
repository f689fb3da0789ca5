"""Where facts of definitions can be read."""

from __future__ import annotations

from platform_abi.model.value import frozen


@frozen(kw_only=True)
class Reference:
    """Where a fact can be read: a place in a source, a symbol, a report."""

    source: str
    note: str = ""
