"""Validated documents kept as JSON under the digest of the bytes they came from.

Parsing and validating TOML costs more than everything else a small verb does. The key is the
content, so an entry can never be stale; it is read by constructing the model's own classes, so
it can never run code. Whatever goes wrong with the cache, the file is parsed instead.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import attrs

from platform_abi._version import __version__
from platform_abi.definitions import documents
from platform_abi.definitions.documents import Document
from platform_abi.model import capability, device, feature

T = TypeVar("T", bound=Document)

#: A folder for the cache, or empty to do without.
CACHE_VARIABLE = "PLATFORM_ABI_CACHE"

_CLASS = "@"
_DATE = "@date"


def cache_folder(environment: Mapping[str, str] | None = None) -> Path | None:
    """Return the folder to cache in, or None where there is no place that is the user's own."""
    env = os.environ if environment is None else environment
    chosen = env.get(CACHE_VARIABLE)
    if chosen is not None:
        return Path(chosen) if chosen.startswith("/") else None
    base = env.get("XDG_CACHE_HOME", "")
    if not base.startswith("/"):
        home = env.get("HOME", "")
        if not home.startswith("/"):
            return None
        base = f"{home}/.cache"
    return Path(base, "platform-abi")


class DocumentCache:
    """A folder of cached documents; with None as its folder, a cache that is always empty."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder if folder is not None and _is_ours(folder) else None

    def get(self, cls: type[T], data: bytes) -> T | None:
        """Return the document that *data* was structured into before, if it is still kept."""
        if self._folder is None:
            return None
        try:
            with open(self._entry(cls, data), "rb") as stream:  # noqa: PTH123 - half the time of Path.open
                found = json.loads(stream.read(), object_hook=_decode)
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return None
        return found if isinstance(found, cls) else None

    def put(self, document: Document, data: bytes) -> None:
        """Keep *document*; a full disk or a missing permission is no error."""
        if self._folder is None:
            return
        entry = Path(self._entry(type(document), data))
        part = entry.with_suffix(f".{os.getpid()}")
        try:
            entry.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            part.write_text(json.dumps(_encode(document), separators=(",", ":")))
            part.replace(entry)
        except OSError:
            part.unlink(missing_ok=True) if part.parent.is_dir() else None

    def _entry(self, cls: type[Document], data: bytes) -> str:
        key = hashlib.sha256(f"{__version__} {_shape()} {cls.__name__}\n".encode() + data).hexdigest()
        return f"{self._folder}/{key[:2]}/{key[2:]}.json"


def _is_ours(folder: Path) -> bool:
    """Return whether nobody else can have put files into *folder* (or its first existing parent)."""
    if not hasattr(os, "geteuid"):
        return True
    for place in (folder, *folder.parents):
        try:
            found = place.stat()
        except OSError:
            continue
        if place != folder:
            return os.access(place, os.W_OK)
        return found.st_uid == os.geteuid() and not found.st_mode & 0o022
    return False


@cache
def _classes() -> dict[str, type]:
    modules = (documents, feature, capability, device)
    return {
        name: value
        for module in modules
        for name, value in vars(module).items()
        if isinstance(value, type) and attrs.has(value)
    }


@cache
def _shape() -> str:
    """Return what changes when a class gains or loses a field."""
    fields = {n: [f.name for f in attrs.fields(c)] for n, c in sorted(_classes().items())}
    return hashlib.sha256(json.dumps(fields).encode()).hexdigest()[:16]


def _encode(value: Any) -> Any:
    if attrs.has(type(value)):
        body = {
            f.name: _encode(getattr(value, f.name))
            for f in attrs.fields(type(value))
            if f.default is attrs.NOTHING or getattr(value, f.name) != f.default
        }
        return {_CLASS: type(value).__name__, **body}
    if isinstance(value, Mapping):
        return {key: _encode(inner) for key, inner in value.items()}
    if isinstance(value, (tuple, frozenset)):
        return [_encode(inner) for inner in value]
    if isinstance(value, date):
        return {_DATE: value.isoformat()}
    return value


def _decode(found: dict[str, Any]) -> Any:
    for key, value in found.items():
        if type(value) is list:
            found[key] = _tuple(value)
    name = found.pop(_CLASS, None)
    if name is not None:
        return _classes()[name](**found)
    if _DATE in found:
        return date.fromisoformat(found[_DATE])
    return found


def _tuple(value: list[Any]) -> tuple[Any, ...]:
    return tuple(_tuple(inner) if type(inner) is list else inner for inner in value)
