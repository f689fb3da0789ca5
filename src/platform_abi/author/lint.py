"""Every fault of a folder of definitions at once, before anybody resolves with it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

from platform_abi.author.lint_rules import RULES, Remark
from platform_abi.definitions import kinds
from platform_abi.definitions.catalogue import FileCatalogue
from platform_abi.definitions.kinds import PLACES, kind_of
from platform_abi.definitions.reading import Reader
from platform_abi.errors import DefinitionError, UsageError, suggest
from platform_abi.model.value import frozen

if TYPE_CHECKING:
    from platform_abi.definitions.files import File


@frozen(kw_only=True)
class LintFinding:
    """One thing that is wrong in a definition file.

    *level* is ``error`` where something could not be resolved or would silently mean nothing, and
    ``warning`` where it only lacks what the next reader needs. *text* begins with file, line and
    column, where there are.
    """

    code: str
    level: str
    text: str


def lint(roots: Sequence[str | os.PathLike[str]], folder: str | None = None) -> list[LintFinding]:
    """Return everything that is wrong in the definitions of *folder*, as it is read among *roots*.

    *roots* are folders of definitions, first to last, of which *folder* is one; without, all of
    them are looked at. Raises UsageError (``definitions-missing``) where *folder* is no folder.
    """
    if folder is not None and not Path(folder).is_dir():
        raise UsageError(
            f"{folder} is no folder",
            code="definitions-missing",
            help="name one with features/, platforms/, masks/ or another folder of definitions",
        )
    catalogue = FileCatalogue(roots)
    reader = Reader(catalogue.files)
    looked = tuple(root for root in catalogue.roots if folder in (None, root))
    found: dict[str, LintFinding] = {}
    for finding in (
        *_unread(looked),
        *_wrong_files(reader, looked),
        *_wrong_together(catalogue, looked),
        *_remarks(catalogue, reader, looked),
    ):
        found.setdefault(finding.text, finding)
    return sorted(found.values(), key=lambda each: _place(each.text))


def _place(text: str) -> tuple[str, int, str]:
    """Return what a finding is sorted by: its file, then its line."""
    file, _, rest = text.partition(":")
    line = rest.partition(":")[0]
    return file, int(line) if line.isdecimal() else 0, text


def _unread(roots: Sequence[str]) -> Iterator[LintFinding]:
    """Yield each file of definitions that lies where nothing looks for it."""
    homes = dict.fromkeys(home for home, _, _ in PLACES.values())
    for root in roots:
        for path in sorted(Path(root).rglob("*.toml")):
            relative = path.relative_to(root).as_posix()
            hidden = any(part.startswith(".") for part in path.relative_to(root).parts)
            if not hidden and ("/" not in relative or kind_of(relative) is None):
                hint = suggest(relative.partition("/")[0], homes)
                text = f"{path}: nothing reads it here{hint}"
                yield LintFinding(code="lint-unread", level="error", text=text)


def _files(reader: Reader, roots: Sequence[str]) -> Iterator[tuple[str, File]]:
    """Yield the kind and the name of each definition file in *roots*."""
    for kind in PLACES:
        yield from ((kind, file) for file in reader.files.of(kind) if file[0] in roots)


def _wrong_files(reader: Reader, roots: Sequence[str]) -> Iterator[LintFinding]:
    """Yield what is wrong in each file by itself, whatever the others say."""
    for kind, file in _files(reader, roots):
        document = import_module(f"{kinds.__name__}.{kind}").Document
        yield from _raised(partial(reader.document, document, file))


def _wrong_together(catalogue: FileCatalogue, roots: Sequence[str]) -> Iterator[LintFinding]:
    """Yield what is wrong in files that are read together: names of two meanings, broken chains."""
    asked: set[tuple[str, ...]] = set()
    for kind in PLACES:
        whole = len(signature(import_module(f"{kinds.__name__}.{kind}").merged).parameters) == 1
        for key in catalogue.files.keys(kind):
            if any(root in roots for root, _ in catalogue.files.of(kind, *key)):
                asked.add((kind,) if whole else (kind, *key))
    for called in sorted(asked):
        yield from _raised(partial(catalogue.value, *called))


def _remarks(
    catalogue: FileCatalogue, reader: Reader, roots: Sequence[str]
) -> Iterator[LintFinding]:
    """Yield what is well written and means nothing, or cannot be true."""
    for kind, (document, rule) in RULES.items():
        for _, file in (each for each in _files(reader, roots) if each[0] == kind):
            remarks: list[Remark] = []
            read = partial(reader.document, document, file)
            yield from _raised(partial(_judge, partial(rule, catalogue), read, file, remarks))
            for remark in remarks:
                yield LintFinding(
                    code=remark.code,
                    level=remark.level,
                    text=reader.fault(file, remark.path, remark.message),
                )
    if any(reader.files.of("masks")):
        yield from _raised(catalogue.masks)


def _judge(
    rule: Callable[[Any, File], Iterator[Remark]],
    read: Callable[[], Any],
    file: File,
    remarks: list[Remark],
) -> None:
    """Add what *rule* says of a document to *remarks*, up to what cannot be read."""
    remarks.extend(rule(read(), file))


def _raised(read: Callable[[], object]) -> Iterator[LintFinding]:
    """Yield the faults that *read* is refused for."""
    try:
        read()
    except DefinitionError as error:
        for fault in error.faults:
            yield LintFinding(code=error.code, level="error", text=fault)
