"""The packaged definitions compiled, for the wheel: see ``compiled`` for what becomes of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from importlib import import_module
from inspect import signature
from operator import itemgetter
from pathlib import Path
from typing import Any

import attrs

from platform_abi._version import __version__
from platform_abi.definitions import kinds
from platform_abi.definitions.catalogue import FileCatalogue
from platform_abi.definitions.compiled import CLASS, SET, SHARED, check_sum
from platform_abi.definitions.kinds import PLACES
from platform_abi.definitions.learned import digest as learned_digest
from platform_abi.definitions.learned import written_classes
from platform_abi.model.machine import QemuBuild

#: Kinds that only those who write definitions ask for, or that no package has.
_PARSED = {"examined", "editions", "masks"}

#: What an answer is remembered by, and a question that finds files.
Key = tuple[str, ...]


def compile_definitions(folder: Path) -> bytes:
    """Return the compiled form of the definitions below *folder*; equal files give equal bytes.

    Raises DefinitionError for a definition that is wrong.
    """
    catalogue = FileCatalogue([folder], compiled=False)
    writer = _Writer()
    answers: dict[str, Any] = {}
    for key, questions, value in sorted(_answers(catalogue), key=itemgetter(0)):
        count = sum(len(catalogue.files.of(*question)) for question in questions)
        answers[" ".join(key)] = [*writer.write(value), count, questions]
    shared = writer.write_shared()
    sources = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    head = _dump(
        {
            "version": __version__,
            "sources": digest(sources),
            "files": {name: check_sum(data) for name, data in sources.items()},
            "classes": writer.classes,
            "answers": answers,
            "shared": shared,
        }
    )
    return b"%d\n" % check_sum(head) + head + writer.body


def compile_learned(identity: str, build: QemuBuild, values: Mapping[str, Any]) -> bytes:
    """Return the file of a QEMU that was asked: see ``learned``.

    *values* are what it said, by kind of answer; none where *build* is one of the definitions.
    """
    writer = _Writer()
    of = (build.name, build.arch)
    answers = {" ".join((kind, *of)): writer.write(value) for kind, value in values.items()}
    head = _dump(
        {
            "made-by": __version__,
            "identity": identity,
            "build": build.name,
            "arch": build.arch,
            "version": build.version,
            "package": build.package,
            "defined": not values,
            "answers": answers,
            "shared": writer.write_shared(),
            "classes": written_classes(),
        }
    )
    return learned_digest(head + writer.body) + b"\n" + head + writer.body


def _answers(catalogue: FileCatalogue) -> Iterator[tuple[Key, list[Key], Any]]:
    """Yield whatever verbs ask: a key, by which questions its files are found, and the value.

    A kind is asked for everything at once, or by each key of its files, as its ``merged`` has it.
    """
    for kind in PLACES.keys() - _PARSED:
        whole = len(signature(import_module(f"{kinds.__name__}.{kind}").merged).parameters) == 1
        for key in [()] if whole else sorted(catalogue.files.keys(kind)):
            value = catalogue.value(kind, *key)
            if kind == "platforms":
                chain = (*key, *value.extends)
                yield (kind, *key), [(kind, each) for each in chain], value
            elif kind == "machines":
                yield (kind, *key), [(kind, *key)], value.with_digests()
                # Many verbs ask which builds have a machine type, and one for what is in it.
                yield ("build", *key), [(kind, *key)], value.build
            elif kind == "properties":
                # Few verbs need the properties, and fewer the CPU models of the same file.
                yield ("property-rows", *key), [(kind, *key)], catalogue.property_rows(*key)
                yield ("cpu-models", *key), [(kind, *key)], catalogue.cpu_models(*key)
            elif kind == "features":
                # What groups of backends are is said with the devices.
                yield (kind, *key), [(kind, *key), ("devices",)], value
            elif kind == "capabilities":
                # Judging platforms takes the dates alone.
                yield (kind,), [(kind,)], value
                yield ("kernel-dates",), [(kind,)], catalogue.kernel_dates()
                yield ("earlier-dates",), [(kind,)], catalogue.earlier_dates()
            elif kind == "realize":
                # Every resolution asks what is inside of a device, and few anything else.
                yield (kind,), [(kind,)], value
                yield ("inner-types",), [(kind,)], value.inner
                yield ("counted-properties",), [(kind,)], catalogue.counted_properties()
            else:
                yield (kind, *key), [(kind, *key)], value


def digest(sources: Mapping[str, bytes]) -> str:
    """Return the digest of all definition files, by their names below the folder."""
    parts = [[name, hashlib.sha256(sources[name]).hexdigest()] for name in sorted(sources)]
    return f"sha256:{hashlib.sha256(_dump(parts)).hexdigest()}"


def _dump(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


class _Writer:
    """Values written one after the other, as JSON has them.

    *classes* is where the classes in them are at home.
    """

    def __init__(self) -> None:
        self.body = b""
        self.classes: dict[str, str] = {}
        self._shared: dict[Any, int] = {}

    def write(self, value: Any) -> tuple[int, int, int]:
        """Write *value*; return where it is: offset, length and check sum."""
        line = _dump({"value": self._encode(value)})
        offset = len(self.body)
        self.body += line
        return offset, len(line), check_sum(line)

    def write_shared(self) -> tuple[int, int, int]:
        """Write the values that mappings share, last, because only then all are known."""
        return self.write(list(self._shared))

    def _encode(self, value: Any) -> Any:
        if attrs.has(type(value)):
            return self._object(value)
        if isinstance(value, Mapping):
            if value and {type(v).__name__ for v in value.values()} <= _RECURRING:
                places = {
                    k: self._shared.setdefault(v, len(self._shared)) for k, v in value.items()
                }
                return {SHARED: self._encode(places)}
            return {
                CLASS * key.startswith(CLASS) + key: self._encode(v) for key, v in value.items()
            }
        if isinstance(value, frozenset):
            members = sorted(value)
            # A text is split in a fraction of the time that a list of so many takes to be read.
            plain = members and all(len(each.split()) == 1 for each in members)
            return {SET: " ".join(members) if plain else members}
        if isinstance(value, (tuple, list)):
            return [self._encode(inner) for inner in value]
        if value is None or isinstance(value, (str, bool, int)):
            return value
        raise TypeError(f"{type(value).__name__} cannot be compiled")

    def _object(self, value: Any) -> dict[str, Any]:
        name, home = type(value).__name__, type(value).__module__
        if self.classes.setdefault(name, home) != home:
            raise ValueError(f"two classes are called {name}")
        fields = {f.name: (getattr(value, f.name), f.default) for f in attrs.fields(type(value))}
        changed = {n: v for n, (v, default) in fields.items() if not _same(v, default)}
        return {CLASS: name, **{n: self._encode(v) for n, v in changed.items()}}


#: Classes of which there are few values, and very many mappings to them.
_RECURRING = {"Listing"}


def _same(value: Any, default: Any) -> bool:
    """Return whether constructing without *value* gives it: 0 is not False, nor is 1 True."""
    return type(value) is type(default) and bool(value == default)
