"""A QEMU that is to be started, as the JSON document that ``run --print-args --json`` prints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from platform_abi.cli.render import print_json
from platform_abi.compat.document import SHAPES
from platform_abi.compat.finding import Finding, Status
from platform_abi.emit.document import Migratable, migratable
from platform_abi.emit.plain import document
from platform_abi.model.abi import Obstacle, Unpinned
from platform_abi.model.value import frozen
from platform_abi.resolver.digest import abi_digest

if TYPE_CHECKING:
    from platform_abi.launch.start import Start


@frozen(kw_only=True)
class StartDocument:
    """What ``run --print-args --json`` says of a QEMU; null is what no platform has to do with.

    *chosen* is whether nobody named the platform, *notes* what the text form remarks, *allowed*
    what would have blocked.
    """

    qemu: str
    arguments: tuple[str, ...]
    platform: str | None = None
    digest: str | None = None
    host: Status | None = None
    findings: tuple[Finding, ...] = ()
    chosen: bool | None = None
    migratable: Migratable | None = None
    unpinned: tuple[Unpinned, ...] = ()
    obstacles: tuple[Obstacle, ...] = ()
    notes: tuple[str, ...] = ()
    allowed: tuple[Finding, ...] = ()


def print_start(binary: str, begun: Start) -> None:
    """Print the JSON document of a QEMU that might be started."""
    _print(
        StartDocument(
            qemu=binary,
            arguments=tuple(begun.words),
            platform=begun.abi.platform,
            digest=abi_digest(begun.abi),
            host=begun.verdict.status,
            findings=begun.verdict.findings,
            chosen=begun.chosen,
            migratable=migratable(begun.abi),
            unpinned=begun.abi.unpinned,
            obstacles=begun.abi.obstacles,
            notes=(*begun.remarks, *begun.abi.notes),
            allowed=begun.allowed,
        )
    )


def print_untouched(binary: str, words: Sequence[str]) -> None:
    """Print the JSON document of a QEMU that no platform has to do with."""
    _print(StartDocument(qemu=binary, arguments=tuple(words)))


def _print(found: StartDocument) -> None:
    print_json(document(found, SHAPES))
