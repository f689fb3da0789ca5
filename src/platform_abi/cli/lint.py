"""The verb ``lint``: every fault of a folder of definitions."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Final

from platform_abi.author.lint import LintFinding, lint
from platform_abi.cli.options import LintOptions
from platform_abi.cli.render import note, print_json, say
from platform_abi.definitions.search import search_path
from platform_abi.emit.plain import Shapes, document
from platform_abi.errors import UsageError
from platform_abi.model.value import frozen


@frozen(kw_only=True)
class Linted:
    """Whether definitions hold what their readers rely on, and everything that is wrong."""

    ok: bool
    findings: tuple[LintFinding, ...]


SHAPES: Final[Shapes] = {}


def run(options: LintOptions) -> int:
    """Print what is wrong; warnings alone are no reason to refuse."""
    folder = None if options.folder is None else os.path.abspath(options.folder)  # noqa: PTH100
    if options.alone and folder is None:
        raise UsageError("--alone is about a FOLDER", code="usage", help="name the folder")
    roots: Sequence[str] = search_path()
    if folder is not None:
        roots = (folder,) if options.alone else tuple(dict.fromkeys((*roots, folder)))
    found = tuple(lint(roots, folder))
    ok = not any(finding.level == "error" for finding in found)
    if options.json:
        print_json(document(Linted(ok=ok, findings=found), SHAPES))
    else:
        show_findings(found)
        say("nothing is wrong" if not found else f"{len(found)} found")
    return int(not ok)


def show_findings(findings: Sequence[LintFinding]) -> None:
    """Print what lint found, each with its code."""
    for finding in findings:
        note(
            f"{finding.level}[{finding.code}]",
            finding.text,
            "red" if finding.level == "error" else "yellow",
        )
