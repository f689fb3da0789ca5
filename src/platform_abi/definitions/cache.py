"""Values worked out from definition files, kept as JSON until one of those files changes.

Parsing and validating TOML costs more than everything else a small verb does. An entry names the
files that it came from with size and times of each, as a compiled Python file does; it is read by
constructing the model's own classes, so it can never run code. Whatever goes wrong with the
cache, the files are read instead.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from platform_abi._version import __version__

T = TypeVar("T")

#: A folder for the cache, or empty to do without.
CACHE_VARIABLE = "PLATFORM_ABI_CACHE"

#: Grows whenever the same files would give other values, or values of another shape.
_FORMAT = 3

#: Keys that are no keys of a mapping; one that begins so as well is written with another @.
_CLASS = "@"
_SET = "@set"

#: The coarsest clock that a file system on a modern kernel stamps changes with, in nanoseconds.
_TICK = 20_000_000

#: Where the classes live that a cached value is made of.
_MODULES = (
    "feature",
    "device",
    "platform",
    "machine",
    "capability",
    "realize",
    "visibility",
    "qemu_option",
)


def cache_folder(environment: Mapping[str, str] | None = None) -> str | None:
    """Return the folder to cache in, or None where there is no place that is the user's own."""
    env = os.environ if environment is None else environment
    chosen = env.get(CACHE_VARIABLE)
    if chosen is not None:
        return chosen if chosen.startswith("/") else None
    base = env.get("XDG_CACHE_HOME", "")
    if not base.startswith("/"):
        home = env.get("HOME", "")
        if not home.startswith("/"):
            return None
        base = f"{home}/.cache"
    return f"{base}/platform-abi"


class ValueCache:
    """A folder of cached values; with None as its folder, a cache that is always empty."""

    def __init__(self, folder: str | None) -> None:
        self._folder = folder if folder is not None and _is_ours(folder) else None

    def get(self, key: str, files: Callable[[Sequence[str]], Sequence[str]]) -> Any:
        """Return the value kept under *key*, or None.

        *files* is given the names that the entry says the value depends on, and returns the files
        that these names mean now; the value counts only if they are the same, unchanged.
        """
        if self._folder is None:
            return None
        import json

        try:
            with open(self._entry(key), "rb") as stream:  # noqa: PTH123 - start-up time
                kept = json.loads(stream.read(), object_hook=_decode)
            if kept["stamp"] == _stamp(files(kept["names"])):
                return kept["value"]
        except (OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError):
            pass
        return None

    def put(
        self, key: str, value: Any, names: Sequence[str], files: Sequence[str], started: int
    ) -> None:
        """Keep *value*; a full disk or a missing permission is no error.

        *started* is when reading *files* began, in nanoseconds since the epoch. If one of them
        changed since then, or so shortly before that a change afterwards might not show, nobody
        knows which content *value* is of, and it is not kept.
        """
        if self._folder is None:
            return
        import json

        entry = self._entry(key)
        part = f"{entry}.{os.getpid()}"
        try:
            os.makedirs(self._folder, mode=0o700, exist_ok=True)  # noqa: PTH103 - start-up time
            stamp = _stamp(files)
            if any(max(entry[2:]) > started - _TICK for entry in stamp):
                return
            body = {"names": list(names), "stamp": _encode(stamp), "value": _encode(value)}
            with open(part, "w", encoding="utf-8") as stream:  # noqa: PTH123 - as above
                json.dump(body, stream, separators=(",", ":"))
            os.replace(part, entry)  # noqa: PTH105 - as above
        except (OSError, ValueError):  # ValueError: a name that no file can have
            import contextlib

            with contextlib.suppress(OSError, ValueError):
                os.unlink(part)  # noqa: PTH108 - as above

    def _entry(self, key: str) -> str:
        return f"{self._folder}/{__version__}-{_FORMAT}-{key.replace('/', '%')}.json"


def _stamp(files: Sequence[str]) -> tuple[Any, ...]:
    """Return what tells whether any of *files* changed."""
    stats = [(name, os.stat(name)) for name in files]  # noqa: PTH116 - start-up time
    return tuple((name, s.st_size, s.st_mtime_ns, s.st_ctime_ns) for name, s in stats)


def _is_ours(folder: str) -> bool:
    """Return whether nobody else can have put files into *folder*, if it is there already."""
    if not hasattr(os, "geteuid"):
        return True
    try:
        found = os.stat(folder)  # noqa: PTH116 - start-up time
    except OSError:
        return True
    return found.st_uid == os.geteuid() and not found.st_mode & 0o022


def _class(name: str) -> type:
    from importlib import import_module

    for module in _MODULES:
        found = vars(import_module(f"platform_abi.model.{module}")).get(name)
        if isinstance(found, type):
            return found
    raise KeyError(name)


_known: dict[str, type] = {}


def _encode(value: Any) -> Any:
    import attrs

    if attrs.has(type(value)):
        body = {
            f.name: _encode(getattr(value, f.name))
            for f in attrs.fields(type(value))
            if f.default is attrs.NOTHING or getattr(value, f.name) != f.default
        }
        return {_CLASS: type(value).__name__, **body}
    if isinstance(value, Mapping):
        return {_CLASS * key.startswith(_CLASS) + key: _encode(v) for key, v in value.items()}
    if isinstance(value, frozenset):
        return {_SET: sorted(value)}
    if isinstance(value, (tuple, list)):
        return [_encode(inner) for inner in value]
    return value


def _decode(found: dict[str, Any]) -> Any:
    for key, value in found.items():
        if type(value) is list:
            found[key] = _tuple(value)
    name = found.pop(_CLASS, None)
    if name is not None:
        cls = _known.get(name)
        if cls is None:
            cls = _known[name] = _class(name)
        return cls(**found)
    if _SET in found:
        return frozenset(found[_SET])
    if any(key.startswith(_CLASS) for key in found):
        return {key.removeprefix(_CLASS): value for key, value in found.items()}
    return found


def _tuple(value: list[Any]) -> tuple[Any, ...]:
    return tuple([_tuple(inner) if type(inner) is list else inner for inner in value])
