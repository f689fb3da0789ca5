"""What is said of a QEMU that is to be started: why it is not, or what to know of it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from platform_abi.cli.findings import report_findings
from platform_abi.cli.render import note
from platform_abi.compat.finding import Finding
from platform_abi.launch.start import Start


def print_start(binary: str, begun: Start) -> None:
    """Print the JSON document of a QEMU that might be started."""
    from platform_abi.compat.document import check_document
    from platform_abi.resolver.digest import abi_digest

    _write(
        {
            "qemu": binary,
            "arguments": list(begun.words),
            "platform": begun.abi.platform,
            "digest": abi_digest(begun.abi),
            "host": begun.verdict.status,
            "findings": check_document(begun.verdict)["findings"],
        }
    )


def print_untouched(binary: str, words: Sequence[str]) -> None:
    """Print the JSON document of a QEMU that no platform has to do with."""
    _write(
        {
            "qemu": binary,
            "arguments": list(words),
            "platform": None,
            "digest": None,
            "host": None,
            "findings": [],
        }
    )


def _write(document: dict[str, Any]) -> None:
    from platform_abi.emit.document import SCHEMA_VERSION, to_json

    sys.stdout.write(to_json({"schema_version": SCHEMA_VERSION, **document}))


def refuse(begun: Start) -> None:
    """Say on stderr why QEMU is not started: everything that speaks against it, and what to do."""
    blocking = [f for f in begun.verdict.findings if f.severity == "blocked"]
    report_findings(blocking, by="capability")
    print(f"help: {_way_on(blocking, begun.abi.platform)}", file=sys.stderr)


def _way_on(blocking: list[Finding], platform: str) -> str:
    """Return how to go on where no other platform is wanted."""
    by_root = "let root ask after each boot: platform-abi host -o FILE, and name that with --host"
    if all(finding.code.endswith("-unknown") for finding in blocking):
        regardless = f"start it regardless: -platform {platform},allow-unknown=on"
        return f"nobody could tell; {by_root}; or {regardless}"
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
        if finding.severity == "warn" and finding.message not in passed:
            note(finding.code, finding.message)
    for entry in begun.abi.unpinned:
        if entry.migration != "safe":
            note("not migratable", f"{entry.what} is left to the host; pin it: {entry.pin}")
