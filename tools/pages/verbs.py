"""The page about the verbs, from the parser itself."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from platform_abi.cli.options import VERBS, ScopeOptions, VmOptions
from platform_abi.cli.parser import Options, declarations, parser_of
from platform_abi.cli.qemu_platform import HELP
from tools.pages.markdown import anchor, decapitalized, table

#: Options that many verbs have, each described once: the heading of that, and who declares them.
_SHARED: Final[Mapping[type[Options], str]] = {
    VmOptions: "What describes a virtual machine",
    ScopeOptions: "What platforms are judged for",
}


def verbs_page() -> str:
    """Return the page about every verb: its summary, its options and its examples."""
    parser = parser_of(VERBS)
    (choices,) = (each for each in parser._actions if isinstance(each.choices, dict))  # noqa: SLF001
    assert isinstance(choices.choices, dict)
    lines = [
        "# Verbs",
        "",
        "`platform-abi VERB ...`. Every verb takes `--json`, for a [JSON document](json.md), and",
        "`--help`; [exit codes](interface.md#exit-codes) are the same of all. Where a name is",
        "misspelt the nearest is told.",
        "",
        *table(("verb", "prints"), ((f"[`{v}`](#{v})", s) for v, (s, _) in VERBS.items())),
    ]
    for verb, (summary, kind) in VERBS.items():
        lines += _verb(verb, summary, kind, choices.choices[verb])
    for kind, title in _SHARED.items():
        shared = argparse.ArgumentParser(add_help=False, prog="platform-abi")
        for name, declared in kind.__dict__.items():
            if name in dict(declarations(kind)):
                declared.add(shared, name)
        lines += [f"## {title}", "", *table(("argument", "is"), _arguments(shared, ()))]
    lines += ["## qemu-platform", "", "```text", HELP.rstrip(), "```", ""]
    return "\n".join(lines)


def _verb(
    name: str, summary: str, kind: type[Options], parser: argparse.ArgumentParser
) -> Iterator[str]:
    shared = [each for each in _SHARED if issubclass(kind, each)]
    elsewhere = {field for each in shared for field in vars(each)} | {"json", "help"}
    yield from (f"## {name}", "", f"Prints {summary}.", "")
    if kind.examples:
        yield from ("```sh", *kind.examples, "```", "")
    rows = [*_arguments(parser, elsewhere)]
    if rows:
        yield from table(("argument", "is"), rows)
    for each in shared:
        yield f"Also: [{decapitalized(_SHARED[each])}](#{anchor(_SHARED[each])})."
        yield ""


def _arguments(
    parser: argparse.ArgumentParser, elsewhere: Iterable[str]
) -> Iterator[tuple[str, str]]:
    """Yield each argument of *parser* as it is written, with what its help says of it."""
    for action in parser._actions:  # noqa: SLF001 - argparse has no other list of them
        if action.dest in elsewhere:
            continue
        metavar = str(action.metavar or action.dest)
        value = "" if action.nargs == 0 or action.choices else f" {metavar}"
        written = [f"`{each}{value}`" for each in action.option_strings] or [f"`{metavar}`"]
        said = action.help or ""
        if action.choices:
            said += ": " + ", ".join(f"`{each}`" for each in action.choices)
        if action.required and action.option_strings:
            said += "; required"
        yield ", ".join(written), said.replace("%%", "%")
