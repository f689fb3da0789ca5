"""Which platforms of a host come before others."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from platform_abi.model.host import HostReport

#: The platform that the policy of this name means: everything that a host decides is off.
CONSERVATIVE = "conservative"


def preference(report: HostReport) -> tuple[str, ...]:
    """Return the lineages to choose from, best first.

    The distribution's own, then those that it says it is like (ID and ID_LIKE of os-release), then
    the operating system's upstream.
    """
    words = (report.distribution, *report.distribution_like, report.system)
    return tuple(dict.fromkeys(word for word in words if word))
