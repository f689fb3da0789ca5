"""The packaged definitions as they were read and merged when the wheel was built.

Parsing and validating TOML costs more than everything else a small verb does. The build hook of the
wheel asks a catalogue of the packaged folder every question once and writes the answers beside it
as JSON (``compiling``); a checkout has no such file, and folders of a site never do.

An answer counts only for the very files it was made of: each is read, and its check sum compared,
before the answer is used, so that an edited, added or removed file is parsed as everywhere else.
Values are read by constructing the model's own classes: reading can never run code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from platform_abi._version import __version__
from platform_abi.errors import DefinitionError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from platform_abi.definitions.files import DefinitionFiles, File

#: What the name of the file adds to that of the folder it was made of.
SUFFIX = ".compiled"

#: The class of a value that is an object; other keys that begin so are written with one more of it.
CLASS = "@"

#: The key of an object that stands for a set of texts: a list of them, or all with blanks between.
SET = "@set"

#: The key of an object that stands for a mapping to shared values: to their places among them.
SHARED = "@shared"


class CompiledDefinitions:
    """The answers that were made of the definitions below one folder.

    The first line of the file is the check sum of the second, which is a JSON object: ``version``
    of the package, ``sources`` (the SHA-256 digest of all files, for whoever checks an
    installation), ``files`` with the check sum of each, ``classes`` by name with their modules, and
    ``answers``: for each key its offset and length in the rest of the file in bytes, its check sum,
    how many files it was made of, and by which questions these are found. ``shared`` is where
    values are that stand in very many answers: offset, length and check sum.
    """

    def __init__(self, root: str) -> None:
        """Read what there is beside the folder *root*; raises DefinitionError if it is damaged."""
        self._root = root
        self._path = root + SUFFIX
        self._answers: dict[str, Any] = {}
        self._sums: dict[str, int] = {}
        self._unchanged: dict[str, bool] = {}
        self._asked: dict[tuple[str, ...], int | None] = {}
        self._classes: dict[str, Any] = {}
        self._place_of_shared: tuple[int, int, int] = (0, 0, 0)
        self._shared: tuple[Any, ...] | None = None
        self._start = 0
        self._read_head()

    def _read_head(self) -> None:
        import json

        try:
            with open(self._path, "rb") as stream:  # noqa: PTH123 - start-up time
                expected, head = stream.readline(), stream.readline()
                self._start = stream.tell()
        except FileNotFoundError:
            return
        except OSError as error:
            raise self._damaged(f"cannot be read: {error.strerror}") from error
        if expected != b"%d\n" % check_sum(head):
            raise self._damaged("is damaged")
        known = json.loads(head)
        if known["version"] != __version__:
            raise self._damaged(f"is of version {known['version']}, not {__version__}")
        self._answers, self._sums = known["answers"], known["files"]
        self._classes, self._place_of_shared = known["classes"], known["shared"]

    def _damaged(self, what: str) -> DefinitionError:
        return DefinitionError(
            [f"{self._path} {what}"],
            code="definition-compiled",
            help="install the package again; without that file its definitions are parsed",
        )

    def answer(self, key: Sequence[str], files: DefinitionFiles) -> tuple[Any] | None:
        """Return what was the answer under *key*, or None where it is not that of *files* as well.

        Raises DefinitionError for a damaged file, HostError for a definition that cannot be read.
        """
        entry = self._answers.get(" ".join(key))
        if entry is None:
            return None
        offset, length, expected, count, questions = entry
        counts = [self._sources(tuple(question), files) for question in questions]
        if None in counts or sum(filter(None, counts)) != count:
            return None
        return (self._read(offset, length, expected),)

    def _read(self, offset: int, length: int, expected: int) -> Any:
        """Return the value that is written at *offset*; raises DefinitionError if it is damaged."""
        try:
            with open(self._path, "rb") as stream:  # noqa: PTH123 - start-up time
                stream.seek(self._start + offset)
                body = stream.read(length)
        except OSError as error:
            raise self._damaged(f"cannot be read: {error.strerror}") from error
        if check_sum(body) != expected:
            raise self._damaged("is damaged")
        import json

        # What a list is in JSON is a tuple here, which the object around the value sees to.
        return json.loads(body, object_hook=self._object)["value"]

    def _sources(self, question: tuple[str, ...], files: DefinitionFiles) -> int | None:
        """Return how many files *question* finds, None where one is none that answers are of.

        Platforms ask for one another's files again and again.
        """
        if question not in self._asked:
            sources = files.of(*question)
            same = all(self._is_source(file, files) for file in sources)
            self._asked[question] = len(sources) if same else None
        return self._asked[question]

    def _is_source(self, file: File, files: DefinitionFiles) -> bool:
        """Return whether *file* is, to the byte, one that the answers were made of."""
        root, relative = file
        if root != self._root:
            return False
        if relative not in self._unchanged:
            same = check_sum(files.read(file)) == self._sums.get(relative)
            self._unchanged[relative] = same
        return self._unchanged[relative]

    def _object(self, found: dict[str, Any]) -> Any:
        for key, value in found.items():
            if type(value) is list:
                found[key] = _tuple(value)
        name = found.pop(CLASS, None)
        if name is not None:
            cls = self._classes[name]
            if type(cls) is str:
                from importlib import import_module

                cls = self._classes[name] = getattr(import_module(cls), name)
            return cls(**found)
        if SET in found:
            members = found[SET]
            return frozenset(members.split() if type(members) is str else members)
        if SHARED in found:
            if self._shared is None:
                self._shared = self._read(*self._place_of_shared)
            return {key: self._shared[place] for key, place in found[SHARED].items()}
        if CLASS in "".join(found):
            return {key.removeprefix(CLASS): value for key, value in found.items()}
        return found


def check_sum(data: bytes) -> int:
    """Return a number that tells content from other content, though not from a forger's."""
    from zlib import crc32

    return crc32(data)


def _tuple(value: list[Any]) -> tuple[Any, ...]:
    return tuple([_tuple(inner) if type(inner) is list else inner for inner in value])
