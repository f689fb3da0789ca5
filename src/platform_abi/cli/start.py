"""What is said of a QEMU that is to be started: why it is not, or what to know of it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from platform_abi.cli.findings import report_findings
from platform_abi.cli.render import note, print_json, remark_migration, say
from platform_abi.compat.finding import Finding, Status
from platform_abi.emit.document import Migratable, migratable
from platform_abi.model.abi import Obstacle, Unpinned
from platform_abi.model.value import frozen

if TYPE_CHECKING:
    from platform_abi.launch.start import Start
    from platform_abi.model.catalogue import Catalogue


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
    from platform_abi.resolver.digest import abi_digest

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
    from platform_abi.compat.document import SHAPES
    from platform_abi.emit.plain import document

    print_json(document(found, SHAPES))


def refuse(catalogue: Catalogue, begun: Start) -> None:
    """Say on stderr why QEMU is not started: everything that speaks against it, and what to do."""
    blocking = [f for f in begun.verdict.findings if f.severity == "blocked"]
    report_findings(blocking, by="capability")
    say("help: ", _way_on(catalogue, blocking, begun.abi.platform), to=sys.stderr)


def _way_on(catalogue: Catalogue, blocking: list[Finding], platform: str) -> str:
    """Return how to go on where no other platform is wanted."""
    by_root = "let root ask after each boot: platform-abi host -o FILE, and name that with --host"
    if all(finding.code.endswith("-unknown") for finding in blocking):
        regardless = f"-platform {platform},allow-unknown=on starts it regardless"
        known = catalogue.capabilities()
        asked = [known[f.capability] for f in blocking if f.capability in known]
        # What no probe asks, root cannot ask either.
        more = f"; or {by_root}" if any(each.probe is not None for each in asked) else ""
        return f"nobody could tell; {regardless}{more}"
    regardless = f"-platform {platform},force=on starts it regardless"
    if any(_NO_NODE in f.fact.detail for f in blocking if f.fact is not None):
        # libvirt gives each QEMU a /dev of its own (qemu.conf, namespaces), and a tap ready-made.
        return f"if there is more in /dev outside of this mount namespace, {by_root}; {regardless}"
    return f"QEMU was not started; {regardless}"


#: How a probe says that a node is not there.
_NO_NODE = ": ENOENT"


def remark(begun: Start) -> None:
    """Say on stderr what was chosen, and what a user must know and no argument says."""
    if begun.chosen:
        note("platform", f"{begun.abi.platform}, the newest that this host supports", "dim")
    for text in (*begun.remarks, *begun.abi.notes):
        note("note", text, "dim")
    for finding in begun.allowed:
        note("started regardless", f"{finding.code}: {finding.message}")
    passed = {finding.message for finding in begun.allowed}
    for finding in begun.verdict.findings:
        told = finding.message in passed or finding.follows_from
        if finding.severity == "warn" and not told:
            note(finding.code, finding.message)
    remark_migration(begun.abi)
