"""The verb ``where``: which folders definitions are read from, and which files say something."""

from __future__ import annotations

import os
from typing import Final

from platform_abi.cli.options import WhereOptions
from platform_abi.cli.render import note, print_json, say, table
from platform_abi.definitions.files import DefinitionFiles
from platform_abi.definitions.kinds import PLACES
from platform_abi.definitions.search import candidates, search_path
from platform_abi.definitions.state import state_folders
from platform_abi.emit.plain import Shapes, document
from platform_abi.errors import suggest, unknown
from platform_abi.model.value import frozen


@frozen(kw_only=True)
class SearchedFolder:
    """A folder that is looked at for definitions: whose it is, and how many files of them it has.

    *whose* is ``package``, ``system``, ``user``, or ``named`` by ``PLATFORM_ABI_PATH``.
    """

    path: str
    whose: str
    present: bool
    files: int
    #: What is in it and nobody reads.
    unread: tuple[str, ...]


@frozen(kw_only=True)
class Where:
    """The folders of definitions, first to last, the files that were asked for, and of QEMUs."""

    folders: tuple[SearchedFolder, ...]
    files: tuple[str, ...]
    #: Where what QEMUs have said of themselves is kept, and looked for.
    state: tuple[str, ...]


SHAPES: Final[Shapes] = {}


def run(options: WhereOptions) -> int:
    """Print the folders in their order, or the files that define a name."""
    # What is named and not there is an error here as well.
    there = {*search_path()}
    folders = tuple(
        SearchedFolder(
            path=path,
            whose=whose,
            present=path in there,
            files=_count(path),
            unread=_unread(path) if path in there else (),
        )
        for path, whose in candidates()
    )
    files = _files(options.name) if options.name is not None else ()
    if options.json:
        found = Where(folders=folders, files=files, state=state_folders())
        print_json(document(found, SHAPES))
    elif options.name is not None:
        for path in files:
            say(path)
    else:
        rows = [[f.path, f.whose, str(f.files) if f.present else "not there"] for f in folders]
        table(["FOLDER", "WHOSE", "FILES"], rows)
        say("")
        say(
            "later folders add to earlier ones; what QEMUs have said of themselves is in ",
            " and ".join(state_folders()),
        )
        for folder in folders:
            for name in folder.unread:
                note("warning", f"{folder.path}/{name}: nothing reads it{suggest(name, _HOMES)}")
    return 0


#: The folders that definitions of each kind are in.
_HOMES: Final = tuple(dict.fromkeys(home for home, _, _ in PLACES.values()))


def _unread(path: str) -> tuple[str, ...]:
    """Return what of a folder is none of those that definitions are in, and not hidden."""
    with os.scandir(path) as entries:
        names = [entry.name for entry in entries]
    return tuple(sorted(n for n in names if n not in _HOMES and not n.startswith(".")))


def _count(path: str) -> int:
    files = DefinitionFiles((path,))
    return sum(len(files.of(kind)) for kind in PLACES)


def _files(name: str) -> tuple[str, ...]:
    """Return the files that define *name*: a platform, a feature, or what another is called."""
    files = DefinitionFiles(search_path())
    found: list[str] = []
    known: set[str] = set()
    for kind in PLACES:
        for key in files.keys(kind):
            known |= {*key}
            if name in key or name.partition(".")[0] in key:
                found += [os.path.join(*file) for file in files.of(kind, *key)]  # noqa: PTH118
    if not found:
        raise unknown("definition", name, known, code="unknown-definition")
    return tuple(dict.fromkeys(found))
