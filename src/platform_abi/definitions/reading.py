"""Definition files read, each once, for the module of their kind to merge."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

from platform_abi.errors import DefinitionError

if TYPE_CHECKING:
    from attrs import AttrsInstance

    from platform_abi.definitions.checks import Document, Path
    from platform_abi.definitions.files import DefinitionFiles, File

T = TypeVar("T")
A = TypeVar("A", bound="AttrsInstance")
D = TypeVar("D", bound="Document")


class Reader:
    """Reads definition files, each once, and has those that belong together merged.

    Nothing is read twice in the life of a reader: a catalogue of many platforms with one ancestor
    reads it once.
    """

    def __init__(self, files: DefinitionFiles) -> None:
        """Start without having read anything."""
        self.files = files
        self._documents: dict[File, Any] = {}

    def value(self, kind: str, *key: str) -> Any:
        """Return what all files of *kind* that *key* asks for mean together."""
        return import_module(f"{__package__}.kinds.{kind}").merged(self, *key)

    def document(self, cls: type[D], file: File) -> D:
        """Return the document in *file*."""
        if file not in self._documents:
            # Who has the packaged definitions compiled parses nothing.
            from platform_abi.definitions.structure import load

            self._documents[file] = load(cls, self.files.read(file), "/".join(file))
        found: D = self._documents[file]
        return found

    def every(self, cls: type[D], kind: str, *key: str) -> list[tuple[D, File]]:
        """Return the document of each file of *kind* that *key* asks for, all without a key."""
        return [(self.document(cls, file), file) for file in self.files.of(kind, *key)]

    def joined(self, table: type[A], cls: type[D], kind: str) -> A:
        """Return what all files of *kind* say together, as the *table* that each is a part of.

        Arrays follow each other, tables are merged, and of words the first counts.
        """
        from attrs import fields

        documents = [document for document, _ in self.every(cls, kind)]
        made: dict[str, Any] = {}
        for entry in fields(table):
            values = [getattr(document, entry.name) for document in documents]
            if isinstance(entry.default, str):
                made[entry.name] = next(filter(None, values), "")
            elif isinstance(entry.default, (frozenset, tuple)):
                made[entry.name] = type(entry.default)(each for value in values for each in value)
            else:
                made[entry.name] = {key: each for value in values for key, each in value.items()}
        return table(**made)

    def one(self, cls: type[D], what: str, kind: str, *key: str) -> tuple[D, File]:
        """Return the one document that *key* asks for, with its file; copies of it count as one.

        Raises DefinitionError that *what* has two meanings where files of one name disagree.
        """
        (document, first), *others = self.every(cls, kind, *key)
        for other, file in others:
            if other != document:
                raise two_meanings(what, first, file)
        return document, first

    def fault(self, file: File, path: Path, message: str) -> str:
        """Return what is wrong with the key *path* of *file*, with its line and column."""
        from platform_abi.definitions.structure import spell

        line, column = self.files.place(file, path)
        return f"{'/'.join(file)}:{line}:{column}: {spell(path)}: {message}"

    def same_name(self, file: File, path: Path, expected: str, stated: str) -> None:
        """Raise DefinitionError unless *stated* in *file* is what the file is called."""
        if stated != expected:
            message = f"expected '{expected}' as the file is called, found '{stated}'"
            raise DefinitionError([self.fault(file, path, message)], code="definition-name")


def merge(into: dict[str, tuple[T, File]], what: str, name: str, value: T, file: File) -> None:
    """Put *value* of *file* under *name*; raises DefinitionError where it has two meanings."""
    if name in into and into[name][0] != value:
        raise two_meanings(what, into[name][1], file)
    into.setdefault(name, (value, file))


def two_meanings(what: str, first: File, second: File) -> DefinitionError:
    """Return the error for a name that two files define differently."""
    return DefinitionError(
        [f"{what} has two meanings: one in {'/'.join(first)}, another in {'/'.join(second)}"],
        code="definition-conflict",
        help="give one of them another name; a site withdraws features with a mask, not a copy",
    )
