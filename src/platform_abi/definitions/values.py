"""What definition files mean: each value read when it is first needed, and remembered."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from platform_abi.definitions.compiled import CompiledDefinitions
from platform_abi.definitions.files import DefinitionFiles
from platform_abi.definitions.search import packaged, search_path

if TYPE_CHECKING:
    from platform_abi.definitions.reading import Reader

T = TypeVar("T")


class DefinitionValues:
    """The values of definitions in one or more folders of the layout of the packaged ones.

    Later folders add to earlier ones. One name with two meanings is an error that shows both
    files; the same twice is not. Every method may raise DefinitionError for a file that it has to
    read, and HostError for one that it cannot.
    """

    def __init__(
        self, roots: Sequence[str | os.PathLike[str]] | None = None, *, compiled: bool = True
    ) -> None:
        """*roots* default to the search path; without *compiled* the packaged ones are parsed too.

        Raises DefinitionError where what was compiled of the packaged definitions is damaged.
        """
        places = search_path() if roots is None else tuple(os.fspath(r) for r in roots)
        self._files = DefinitionFiles(places)
        self._made_reader: Reader | None = None
        # Only the folder of the packaged definitions can have been compiled.
        self._compiled = (
            CompiledDefinitions(packaged()) if compiled and packaged() in places else None
        )
        self.memo: dict[Any, Any] = {}

    @property
    def files(self) -> DefinitionFiles:
        """Return the files that the definitions are in."""
        return self._files

    @property
    def roots(self) -> tuple[str, ...]:
        """Return the folders that the definitions are in, first to last."""
        return self._files.roots

    def locate(self, relative: str) -> str | None:
        """Return the path of the definition file that a source calls *relative*."""
        return self._files.locate(relative)

    def position(self, source: str, path: tuple[str | int, ...]) -> tuple[int, int]:
        """Return line and column of the key *path* in the definition file called *source*."""
        return self._files.position(source, path)

    def kept(self, key: tuple[str, ...], work_out: Callable[[], T]) -> T:
        """Return what *work_out* makes of definitions, remembered under *key*."""
        if key not in self.memo:
            self.memo[key] = work_out()
        value: T = self.memo[key]
        return value

    def value(self, kind: str, *key: str) -> Any:
        """Return what the files of *kind* that *key* asks for mean: see ``kinds``.

        The methods of a catalogue are this with a type, and an error for a name that there is not.
        """
        called = (kind, *key)
        if called in self.memo:
            return self.memo[called]
        return self._settled(called, lambda: self._reader().value(kind, *key))

    def _value_or(self, nothing: T, kind: str, *key: str) -> T:
        """Return what the files of *kind* that *key* asks for mean, *nothing* without any."""
        called = (kind, *key)
        if called not in self.memo and not self._files.of(kind, *key):
            return nothing
        found: T = self.memo[called] if called in self.memo else self.value(kind, *key)
        return found

    def _settled(self, key: tuple[str, ...], read: Callable[[], T]) -> T:
        """Return the value called *key*: remembered, compiled with the package, or read."""
        if key not in self.memo:
            compiled = self._compiled.answer(key, self._files) if self._compiled else None
            self.memo[key] = read() if compiled is None else compiled[0]
        value: T = self.memo[key]
        return value

    def _reader(self) -> Reader:
        if self._made_reader is None:
            from platform_abi.definitions.reading import Reader

            self._made_reader = Reader(self._files)
        return self._made_reader
