"""What is said of a QEMU that is to be started: why it is not, or what to know of it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from platform_abi.cli.render import note, remark_migration, say

if TYPE_CHECKING:
    from platform_abi.compat.finding import Finding
    from platform_abi.launch.start import Start
    from platform_abi.model.catalogue import Catalogue


def refuse(catalogue: Catalogue, begun: Start) -> None:
    """Say on stderr why QEMU is not started: everything that speaks against it, and what to do."""
    from platform_abi.cli.findings import report_findings

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
