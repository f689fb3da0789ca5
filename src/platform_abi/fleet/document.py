"""What a fleet has in common as the JSON object that tools build on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from platform_abi.compat.document import SHAPES as VERDICTS
from platform_abi.emit.plain import Shapes, document
from platform_abi.errors import PlatformAbiError
from platform_abi.fleet.common import Baseline, Common, HostCost, HostGroup
from platform_abi.fleet.stranded import Stranded
from platform_abi.model.host import FleetHost
from platform_abi.model.value import frozen


@frozen(kw_only=True)
class Unasked:
    """A host that was to be asked and could not be, with the code and the message of its error."""

    host: str
    code: str
    message: str


@frozen(kw_only=True)
class FleetAnswer:
    """What hosts have in common, had before some joined or changed, and which VMs cannot follow.

    Hosts that could not be asked are among none of those: they are ``unasked``.
    """

    now: Baseline
    before: Baseline | None
    stranded: tuple[Stranded, ...]
    unasked: tuple[Unasked, ...]


def _kinds(of: Baseline | HostGroup | FleetAnswer) -> int:
    return len(of.now.hosts if isinstance(of, FleetAnswer) else of.hosts)


def _names(group: HostGroup) -> list[str]:
    return [name for host in group.hosts for name in host.names]


SHAPES: Final[Shapes] = {
    **VERDICTS,
    FleetAnswer: (
        "count:now.count",
        ("kinds", _kinds),
        *("newest:now.newest.platform", "lineages:now.lineages", "before"),
        *("accelerator:now.scope.accelerator", "backends:now.scope.backends"),
        *("arch:now.scope.arch", "allowed_unknown:now.allowed_unknown", "common:now.common"),
        *("groups:now.groups", "obstacles:now.obstacles", "hosts:now.hosts"),
        *("unsupported:now.unsupported", "masks:now.masks", "cpu:now.cpu", "stranded"),
        "unasked",
    ),
    Baseline: ("count", ("kinds", _kinds), "newest:newest.platform", "lineages"),
    Common: ("lineage", "platform"),
    HostGroup: (
        *("count", ("kinds", _kinds), ("names", _names), "newest:newest.platform", "supported"),
    ),
    HostCost: ("count:host.count", "names:host.names", "newest:own.platform", "costs"),
    FleetHost: ("count", "names"),
    Unasked: ("host", "code", "message"),
}


def baseline_document(
    found: Baseline,
    *,
    before: Baseline | None = None,
    left_behind: Sequence[Stranded] = (),
    unasked: Mapping[str, PlatformAbiError] = MappingProxyType({}),
) -> dict[str, Any]:
    """Return what ``baseline --json`` prints.

    *before* is what the fleet had in common until hosts joined or changed, *unasked* by name the
    hosts that could not be asked.
    """
    answer = FleetAnswer(
        now=found,
        before=before,
        stranded=tuple(left_behind),
        unasked=tuple(
            Unasked(host=host, code=error.code, message=error.message)
            for host, error in unasked.items()
        ),
    )
    return document(answer, SHAPES)
