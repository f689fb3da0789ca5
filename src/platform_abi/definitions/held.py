"""The definitions of one QEMU build, held in a text: a host report carries those of its QEMUs.

They are the files of that build (``emit.held`` writes them), and are read as such: whoever wrote
them, what is not as a definition has to be is refused.
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from platform_abi.definitions.catalogue import FileCatalogue
from platform_abi.definitions.files import DefinitionFiles
from platform_abi.definitions.kinds import kind_of
from platform_abi.errors import DefinitionError

if TYPE_CHECKING:
    from platform_abi.definitions.files import File

#: The kinds of files that a build has one of for each architecture.
_KINDS = ("machines", "types", "properties", "migration")

#: What a held text comes to at most, in bytes: a build of many machine types is 300 KB.
_MOST = 16 * 1024 * 1024


def held(text: str, build: str, arch: str, where: str) -> FileCatalogue:
    """Return a catalogue of what *text* holds: the definitions of *build* for *arch*, only.

    *where* is what errors call it. Raises DefinitionError where it holds anything else.
    """
    try:
        packed = base64.b64decode(text, validate=True)
        inflate = zlib.decompressobj()
        body: Any = inflate.decompress(packed, _MOST)
        if not inflate.eof or inflate.unused_data:
            raise _wrong(where, f"more than {_MOST} bytes, or cut off")
        body = json.loads(body)
    except (binascii.Error, zlib.error, ValueError, RecursionError) as error:
        raise _wrong(where, f"not what holds definitions: {error}") from None
    if not isinstance(body, dict) or not all(isinstance(each, str) for each in body.values()):
        raise _wrong(where, "expected an object of texts")
    if f"machines/{build}/{arch}.toml" not in body:
        raise _wrong(where, f"the machine types of {build} for {arch} are not in it")
    for relative in body:
        if kind_of(relative) not in [(kind, (build, arch)) for kind in _KINDS]:
            raise _wrong(where, f"{relative} is no file of {build} for {arch}")
    found = HeldCatalogue({name: each.encode() for name, each in body.items()}, where)
    found.build(build, arch)
    return found


def _wrong(where: str, what: str) -> DefinitionError:
    return DefinitionError([f"{where}: {what}"], code="definition-invalid")


class _HeldFiles(DefinitionFiles):
    """Files that lie in no folder."""

    def __init__(self, files: Mapping[str, bytes], where: str) -> None:
        super().__init__((where,))
        self._held = files

    def _relative(self, root: str, folder: str, depth: int) -> Iterable[str]:  # noqa: ARG002 - it is the only one
        return sorted(
            name
            for name in self._held
            if name.startswith(f"{folder}/") and name.count("/") == depth
        )

    def read(self, file: File) -> bytes:
        """Return the content of *file*."""
        return self._held[file[1]]

    def _has(self, root: str, relative: str) -> bool:  # noqa: ARG002 - as above
        return relative in self._held


class HeldCatalogue(FileCatalogue):
    """The catalogue of definitions that lie in no folder."""

    def __init__(self, files: Mapping[str, bytes], where: str) -> None:
        """*files* are texts by their names below a root; *where* is what errors call that."""
        self._files = _HeldFiles(files, where)
        self._made_reader = None
        self._compiled = None
        self.memo = {}
