"""Definitions put where they are read: what a file is, whether it may come, and where it goes."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from platform_abi.author.lint import LintFinding, lint
from platform_abi.author.starting import Begun
from platform_abi.definitions.checks import NAME
from platform_abi.definitions.files import DefinitionFiles
from platform_abi.definitions.kinds import PLACES, kind_of
from platform_abi.errors import DefinitionError, UsageError
from platform_abi.files import write_text
from platform_abi.model.value import frozen

#: What the top of a file tells of its kind, and the folder that its kind is at home in.
_TOPS = (
    ("platform", "platforms"),
    ("feature", "features"),
    ("capability", "capabilities"),
    ("mask", "masks"),
)


@frozen(kw_only=True)
class Installed:
    """What was put below a folder of definitions, by its name there, and what is said of it."""

    folder: str
    files: tuple[str, ...]
    findings: tuple[LintFinding, ...]


def completed(folder: Path, begun: Begun) -> str:
    """Return the whole text of the file below *folder* that what was begun goes into.

    Raises UsageError (``definition-exists``) where it is there and may hold no other.
    """
    path = folder / begun.relative
    if not path.is_file():
        return begun.head + begun.entry
    if not begun.shared:
        raise _exists(path)
    return f"{_text(path).rstrip()}\n\n{begun.entry}"


def gather(source: Path) -> dict[str, str]:
    """Return the definitions of *source*, a file or a folder of them, by where each belongs.

    Raises DefinitionError where a file is none of any kind, UsageError where there is none.
    """
    if source.is_dir():
        found = {
            path.relative_to(source).as_posix(): _text(path)
            for path in sorted(source.rglob("*.toml"))
            if "/" in path.relative_to(source).as_posix()
            and kind_of(path.relative_to(source).as_posix())
        }
    else:
        text = _text(source)
        found = {_home(source, text): text}
    if not found:
        raise UsageError(
            f"no definition is in {source}",
            code="definition-empty",
            help="a folder has features/, capabilities/, platforms/, masks/ or another kind in it",
        )
    return found


def install(
    roots: Sequence[str], folder: Path, definitions: dict[str, str], *, force: bool = False
) -> Installed:
    """Put *definitions* below *folder*, each whole, after they were looked at among *roots*.

    Nothing is written where one is wrong: the findings say so. Raises UsageError
    (``definition-exists``) where a file is there with other contents, unless *force*.
    """
    for relative, text in definitions.items():
        path = folder / relative
        if path.is_file() and path.read_text(encoding="utf-8") != text and not force:
            raise _exists(path)
    with TemporaryDirectory() as beside:
        # As it will be: what is there already, and these in the place of theirs.
        files = DefinitionFiles((str(folder),))
        for _, relative in _every(files) if folder.is_dir() else ():
            _place(Path(beside), relative, (folder / relative).read_text(encoding="utf-8"))
        for relative, text in definitions.items():
            _place(Path(beside), relative, text)
        others = [root for root in roots if Path(root) != folder]
        findings = tuple(
            LintFinding(code=f.code, level=f.level, text=f.text.replace(beside, str(folder)))
            for f in lint([*others, beside], beside)
        )
    if not any(finding.level == "error" for finding in findings):
        for relative, text in definitions.items():
            _place(folder, relative, text)
    return Installed(folder=str(folder), files=tuple(sorted(definitions)), findings=findings)


def _every(files: DefinitionFiles) -> list[tuple[str, str]]:
    return [file for kind in PLACES for file in files.of(kind)]


def _place(folder: Path, relative: str, text: str) -> None:
    path = folder / relative
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, text)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise DefinitionError([f"{path}: not UTF-8: {error}"], code="definition-syntax") from None


def _home(path: Path, text: str) -> str:
    """Return where the file at *path* belongs below a folder of definitions, by what is in it."""
    try:
        top = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise DefinitionError([f"{path}: {error}"], code="definition-syntax") from None
    folder = next((folder for key, folder in _TOPS if key in top), None)
    if folder is None:
        raise DefinitionError(
            [f"{path}: expected [platform], [[feature]], [[capability]] or [[mask]] in it"],
            code="definition-invalid",
            help="of another kind, install the folder that its own folder is in",
        )
    head = top.get("platform")
    lineage = str(head.get("lineage", "")) if isinstance(head, dict) else ""
    if folder == "platforms" and NAME.fullmatch(lineage):
        folder = f"platforms/{lineage}"
    return f"{folder}/{path.name}"


def _exists(path: Path) -> UsageError:
    return UsageError(
        f"{path} is there already",
        code="definition-exists",
        help="look at what differs, and say --force to replace it, or edit it in place",
    )
