"""The page about codes and messages, from the definitions and from what raises an error."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import platform_abi as pa
from platform_abi import errors
from tools.pages.markdown import as_code, marked, table

_ROOT: Final = Path(__file__).resolve().parents[2]


def codes_page() -> str:
    """Return the page about every code that is printed, and every message that is explained."""
    tables = {
        name: _toml(_ROOT / "definitions" / "codes" / f"{name}.toml")["means"]
        for name in ("errors", "findings")
    }
    exits = exit_codes()
    lines = [
        "# Codes and messages",
        "",
        "A code is part of the interface: it never changes its meaning. On a terminal",
        "`platform-abi explain CODE` says the same.",
        "",
        "## Errors",
        "",
        "Printed as `error[CODE]: ...` on stderr. In the library each is a child of",
        "[PlatformAbiError](library.md#platform_abi.PlatformAbiError), with the code in `code`.",
        "",
        *table(
            ("code", "means", "class, and exit code"),
            (
                (marked("error", code), means, ", ".join(exits.get(code, ())))
                for code, means in sorted(
                    # What is refused here can be a finding there.
                    {
                        **{c: m for c, m in tables["findings"].items() if c in exits},
                        **tables["errors"],
                    }.items()
                )
            ),
        ),
        "## Findings",
        "",
        "Of `check`, the launcher, `verify` and `rehearse`. How severe each is in a verdict:",
        "[hosts and verdicts](hosts.md#may-it-start-may-it-move).",
        "",
        *table(
            ("code", "means"),
            ((marked("finding", c), means) for c, means in sorted(tables["findings"].items())),
        ),
        "## Messages",
        "",
        "What QEMU, libvirt and KVM print, as `explain-error` knows it. Braces are fields.",
        "",
        *table(
            ("code", "says", "what is printed"),
            (
                (
                    marked("message", message["code"]),
                    message.get("says", "nothing by itself"),
                    "<br>".join(as_code(text["text"]) for text in message["text"]),
                )
                for message in _messages()
            ),
        ),
    ]
    return "\n".join(lines)


def _messages() -> list[dict[str, Any]]:
    """Return every message of the definitions, by code."""
    paths = sorted((_ROOT / "definitions" / "messages").glob("*.toml"))
    found = [each for path in paths for each in _toml(path).get("message", ())]
    return sorted(found, key=lambda message: str(message["code"]))


def _toml(path: Path) -> dict[str, Any]:
    """Return what a definition file says."""
    return tomllib.loads(path.read_text("utf-8"))


@cache
def exit_codes() -> dict[str, list[str]]:
    """Return by code of an error which classes it is raised as, each with its exit code."""
    classes = {
        name: value.exit_code
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, pa.PlatformAbiError)
    }
    by_code = {"definition": {"DefinitionError"}}  # where nobody says which
    for path in sorted((_ROOT / "src").rglob("*.py")):
        text = path.read_text("utf-8")
        for node in ast.walk(ast.parse(text)) if _GIVES.search(text) else ():
            for code, made_by in _coded(node):
                raised = _RAISED_BY.get(made_by, made_by)
                if raised in classes:
                    by_code.setdefault(code, set()).add(raised)
    return {
        code: [f"{each} {classes[each]}" for each in sorted(raised)]
        for code, raised in by_code.items()
    }


#: Only in a text with one of these anything is given a code.
_GIVES: Final = re.compile(r"\bcode\b|_ListenError|_fail")

#: What makes an error of ours, or becomes one, and of which class that is.
_RAISED_BY: Final = {
    "unknown": "UnknownNameError",
    "chosen": "UnknownNameError",
    "QmpError": "HostError",
    "_ListenError": "HostError",
    "_fail": "HostError",
}


def _coded(node: ast.AST) -> Iterator[tuple[str, str]]:
    """Yield each code that *node* gives, with the name of the function that it is given to."""
    if isinstance(node, ast.Call):
        made_by = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        made_by = node.func.id if isinstance(node.func, ast.Name) else made_by
        given = [each.value for each in node.keywords if each.arg == "code"]
        if made_by in {"_ListenError", "_fail"}:
            given += node.args[1:]
        for code in (text for each in given for text in _texts(each)):
            yield code, made_by
    elif isinstance(node, ast.ClassDef):
        # The default of its own code.
        for each in ast.walk(node):
            if isinstance(each, ast.arguments) and each.args[-1:] and each.args[-1].arg == "code":
                for default in each.defaults[-1:]:
                    yield from ((text, node.name) for text in _texts(default))


def _texts(node: ast.expr) -> Iterator[str]:
    """Yield the literal that *node* is, or those between which it chooses."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from _texts(node.body)
        yield from _texts(node.orelse)
