"""Where in a TOML document each key and array element stands.

No TOML parser for Python says where a valid key is, and an error about a definition has to. This
scanner runs only on the failure path and for ``explain``, on text that tomllib has accepted, so
it may trust the grammar and only has to follow it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping

from platform_abi.definitions.checks import Path

Place = tuple[int, int]

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_STRING = re.compile(
    r'"""(?:[^"\\]|\\.|"(?!""))*"{3,5}'
    r"|'''(?:[^']|'(?!''))*'{3,5}"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
_SCALAR = re.compile(r"[^,\]}#\n]+")


#: No key of a definition is deeper than this: what is gets the place of what it is in. Each level
#: of a path is noted by itself, and so the time for one key grows with the square of its depth.
DEEPEST = 16


class _Scanner:
    """A cursor over one document that notes the offset of every path it passes."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.found: dict[Path, int] = {}
        self.lengths: dict[Path, int] = {}

    def skip(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self.text, self.at)
        if match is None:
            msg = f"no {pattern.pattern!r} at offset {self.at}"
            raise ValueError(msg)
        self.at = match.end()
        return match.group()

    def peek(self, token: str) -> bool:
        return self.text.startswith(token, self.at)

    def key(self) -> list[str]:
        parts: list[str] = []
        while True:
            self.skip(_SPACE)
            if self.peek('"') or self.peek("'"):
                parts.append(str(tomllib.loads("k = " + self.skip(_STRING))["k"]))
            else:
                parts.append(self.skip(_BARE))
            self.skip(_SPACE)
            if not self.peek("."):
                return parts
            self.at += 1

    def note(self, path: Path, at: int) -> None:
        for end in range(1, min(len(path), DEEPEST) + 1):
            self.found.setdefault(path[:end], at)

    def value(self, path: Path) -> None:
        if self.peek("["):
            self.array(path)
        elif self.peek("{"):
            self.inline_table(path)
        elif self.peek('"') or self.peek("'"):
            self.skip(_STRING)
        else:
            self.skip(_SCALAR)

    def array(self, path: Path) -> None:
        self.at += 1
        index = 0
        while True:
            self.skip(_BLANK)
            if self.peek("]"):
                self.at += 1
                return
            self.note((*path, index), self.at)
            self.value((*path, index))
            self.skip(_BLANK)
            if self.peek(","):
                self.at += 1
            index += 1

    def inline_table(self, path: Path) -> None:
        self.at += 1
        while True:
            self.skip(_BLANK)
            if self.peek("}"):
                self.at += 1
                return
            self.pair(path)
            self.skip(_BLANK)
            if self.peek(","):
                self.at += 1

    def pair(self, path: Path) -> None:
        start = self.at
        inner = (*path, *self.key())[:DEEPEST]
        self.note(inner, start)
        self.at += 1  # the equals sign
        self.skip(_SPACE)
        self.value(inner)

    def header(self) -> Path:
        start = self.at
        arrayed = self.peek("[[")
        self.at += 2 if arrayed else 1
        path = self.enter(self.key()[:DEEPEST])
        if arrayed:
            index = self.lengths.get(path, 0)
            self.lengths[path] = index + 1
            self.note(path, start)
            path = (*path, index)
        self.note(path, start)
        self.at += 2 if arrayed else 1
        return path

    def enter(self, keys: list[str]) -> Path:
        """Return the path that header *keys* mean: inside the newest element of each array."""
        path: Path = ()
        for key in keys[:-1]:
            path = (*path, key)
            if path in self.lengths:
                path = (*path, self.lengths[path] - 1)
        return (*path, keys[-1])

    def document(self) -> None:
        table: Path = ()
        while True:
            self.skip(_BLANK)
            if self.at >= len(self.text):
                return
            if self.peek("["):
                table = self.header()
            else:
                self.pair(table)


def positions(text: str) -> Mapping[Path, Place]:
    """Return line and column, both from 1, of every key and array element of *text*.

    *text* is a document that tomllib accepts. Paths are what tomllib's result is indexed with.
    """
    scanner = _Scanner(text)
    scanner.document()
    starts = [0]
    starts.extend(match.end() for match in re.finditer(r"\n", text))

    def place(at: int) -> Place:
        import bisect

        line = bisect.bisect_right(starts, at)
        return line, at - starts[line - 1] + 1

    return {path: place(at) for path, at in scanner.found.items()}


def nearest(index: Mapping[Path, Place], path: Path) -> Place:
    """Return the place of *path*, or of the innermost enclosing table that has one."""
    while path:
        if path in index:
            return index[path]
        path = path[:-1]
    return (1, 1)
