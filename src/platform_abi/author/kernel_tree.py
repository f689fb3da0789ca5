"""A kernel's source as it lies about: a checkout, a repository, a tarball, headers.

Only the files that somebody asks for are read, all of them in one pass.
"""

from __future__ import annotations

import lzma
import os
import re
import subprocess
import tarfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import IO, Final

from platform_abi.errors import HostError, UsageError, printable
from platform_abi.files import read_bytes
from platform_abi.model.kernel_source import KernelSources
from platform_abi.model.value import field, frozen

#: No file of a kernel that has to be read is larger, in bytes.
_LARGEST: Final = 8 << 20

#: Where a tree says its release.
_VERSIONED: Final = "Makefile"

_MAKE = re.compile(r"^(\w+)[ \t]*=[ \t]*(\S*)", re.MULTILINE)

#: A line of a configuration: an option that is set, or said to be not.
_OPTION = re.compile(r"^(?:CONFIG_(\w+)=(\S.*)|# CONFIG_(\w+) is not set)$", re.MULTILINE)

#: The line by which a configuration says what it is of.
_CONFIGURED = re.compile(r"^# Linux/(\w+) \S+ Kernel Configuration$", re.MULTILINE)


@frozen(kw_only=True)
class KernelTree:
    """What was read of a kernel: its release, and files by their paths in the tree.

    *release* is empty where nothing in the tree says it.
    """

    release: str = ""
    vendor: str = ""
    texts: Mapping[str, str] = field(factory=dict)

    @property
    def version(self) -> str:
        """Return the upstream release that it calls itself, as ``6.12``; empty if it does not."""
        return ".".join(self.release.split(".")[:2])


@frozen(kw_only=True)
class KernelConfiguration:
    """The options of a kernel's configuration, without CONFIG_; what is not there is off.

    *arch* is what the kernel calls the architecture that it is of; empty where nothing says it.
    """

    options: Mapping[str, str]
    arch: str = ""


def read_tree(place: str, sources: KernelSources, *, revision: str | None = None) -> KernelTree:
    """Return of the kernel at *place* the files that *sources* name.

    *place* is a folder with a kernel's source or headers, a git repository (with *revision*, or
    a bare one), or a tarball of a source, of which the outermost folder does not count.
    Raises HostError (``kernel-unreadable``) where it cannot be read, UsageError (``kernel-none``)
    where it is none of these, or has no file of a kernel.
    """
    patterns = frozenset({*sources.files(), _VERSIONED})
    path = Path(place)
    try:
        if path.is_dir():
            git = revision is not None or ((path / "objects").is_dir() and (path / "refs").is_dir())
            reader = (
                _of_git(path, patterns, revision or "HEAD") if git else _of_folder(path, patterns)
            )
        elif revision is not None:
            raise UsageError(
                f"{place} is no git repository", code="usage", help="--revision is of one"
            )
        else:
            reader = _of_tarball(path, patterns)
        texts = {name: data.decode("utf-8", "replace") for name, data in reader}
    except (OSError, tarfile.TarError, EOFError, lzma.LZMAError, zlib.error) as error:
        raise _unreadable(place, error) from error
    if not texts:
        raise UsageError(
            f"{place} has no file of a kernel that is looked at",
            code="kernel-none",
            help="a checkout, a git directory, a tarball of a source, or a folder of headers",
        )
    stated = _stated(texts.get(_VERSIONED, ""))
    numbers = [stated.get(key, "") for key in ("VERSION", "PATCHLEVEL", "SUBLEVEL")]
    release = ".".join(filter(None, numbers)) + stated.get("EXTRAVERSION", "")
    return KernelTree(
        release=release if numbers[0] else "",
        vendor=next(_vendors(texts, sources), ""),
        texts=texts,
    )


def read_configuration(place: str) -> KernelConfiguration:
    """Return what the kernel configuration in the file *place* says.

    The file may be compressed, as ``/proc/config.gz`` and those of Debian are. Raises UsageError
    (``kernel-config``) where no line is one of a configuration.
    """
    data = read_bytes(place, _LARGEST)
    try:
        if data.startswith(b"\xfd7zXZ"):
            data = lzma.decompress(data)
        elif data.startswith(b"\x1f\x8b"):
            data = zlib.decompress(data, wbits=31)
    except (lzma.LZMAError, zlib.error) as error:
        raise _unreadable(place, error) from error
    text = data.decode("utf-8", "replace")
    options = {
        option or unset: value if option else "n" for option, value, unset in _OPTION.findall(text)
    }
    if not options:
        raise UsageError(
            f"{place} is no kernel configuration",
            code="kernel-config",
            help="a .config, or one of /boot/config-*",
        )
    arch = _CONFIGURED.search(text)
    return KernelConfiguration(arch=arch[1] if arch else "", options=options)


def _unreadable(place: str, error: Exception) -> HostError:
    reason = getattr(error, "strerror", None) or str(error)
    return HostError(
        f"cannot read {printable(place)}: {printable(reason)}",
        code="kernel-unreadable",
        help="name a folder, a git repository or a tarball of a kernel's source",
    )


def _stated(text: str) -> dict[str, str]:
    return dict(_MAKE.findall(text))


def _vendors(texts: Mapping[str, str], sources: KernelSources) -> Iterator[str]:
    for vendor, (file, *names) in sources.vendors.items():
        stated = _stated(texts.get(file, ""))
        if all(stated.get(name) for name in names):
            yield f"{vendor} {'.'.join(stated[name] for name in names)}"


# --- where it lies -------------------------------------------------------------------------------


def _of_folder(root: Path, patterns: frozenset[str]) -> Iterator[tuple[str, bytes]]:
    for folder, names in _by_folder(patterns).items():
        try:
            inside = sorted(file.name for file in (root / folder).iterdir())
        except (FileNotFoundError, NotADirectoryError):
            continue
        for name in inside:
            file = root / folder / name
            if _fits(name, names) and file.is_file():
                yield f"{folder}/{name}" if folder else name, _bounded(file.open("rb"))


def _of_git(root: Path, patterns: frozenset[str], revision: str) -> Iterator[tuple[str, bytes]]:
    """Yield files of one commit; nothing is checked out, no hook or filter runs."""
    if revision.startswith("-"):
        raise UsageError(f"'{revision}' is no revision", code="usage", help="a tag or a commit")
    folders = _by_folder(patterns)
    tree = f"{revision}^{{tree}}"
    listed = _git(
        root, "ls-tree", "-z", "--full-tree", tree, "--", *(f"{f}/" if f else "./" for f in folders)
    )
    blobs = [
        row.split("\t", 1) for row in listed.decode("utf-8", "replace").split("\0") if "\t" in row
    ]
    chosen = [
        (meta.split()[2], path)
        for meta, path in blobs
        if meta.split()[1] == "blob"
        and _fits(path.rpartition("/")[2], folders.get(path.rpartition("/")[0], ()))
    ]
    answer = _git(
        root, "cat-file", "--batch", said="".join(f"{blob}\n" for blob, _ in chosen).encode()
    )
    at = 0
    for _, path in chosen:
        head, _, _ = answer[at : at + 200].partition(b"\n")
        *_, kind, size = head.split()
        if kind == b"blob":
            begin = at + len(head) + 1
            yield path, answer[begin : begin + int(size)]
            at = begin + int(size) + 1
        else:  # A partial clone may lack it.
            at += len(head) + 1


def _git(root: Path, *words: str, said: bytes = b"") -> bytes:
    environment = {**os.environ, "GIT_NO_LAZY_FETCH": "1", "GIT_OPTIONAL_LOCKS": "0"}
    try:
        done = subprocess.run(  # noqa: S603 - no shell
            ["git", "-C", str(root), "-c", "core.fsmonitor=false", *words],  # noqa: S607 - the user's own
            input=said,
            capture_output=True,
            check=False,
            env=environment,
        )
    except FileNotFoundError as error:
        raise _unreadable(str(root), OSError(0, "git is not installed")) from error
    if done.returncode:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["git failed"]
        raise _unreadable(str(root), OSError(0, lines[-1]))
    return done.stdout


def _of_tarball(path: Path, patterns: frozenset[str]) -> Iterator[tuple[str, bytes]]:
    """Yield files of a tarball in one pass, until it is over: what it has is in any order."""
    folders = _by_folder(patterns)
    with tarfile.open(path, "r|*") as archive:
        for member in archive:
            name = member.name.removeprefix("./").partition("/")[2]
            folder, _, last = name.rpartition("/")
            if member.isfile() and _fits(last, folders.get(folder, ())):
                content = archive.extractfile(member)
                if content is not None:
                    yield name, _bounded(content)


def _bounded(stream: IO[bytes]) -> bytes:
    with stream:
        return stream.read(_LARGEST)


def _by_folder(patterns: Iterable[str]) -> dict[str, set[str]]:
    folders: dict[str, set[str]] = {}
    for pattern in sorted(patterns):
        folder, _, name = pattern.rpartition("/")
        folders.setdefault(folder, set()).add(name)
    return folders


def _fits(name: str, patterns: Iterable[str]) -> bool:
    return name in patterns or any("*" in each and fnmatchcase(name, each) for each in patterns)


_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.DOTALL)


def uncommented(text: str) -> str:
    """Return C source *text* without what its comments say; each line keeps its number."""
    return _COMMENT.sub(
        lambda each: "\n" * each[0].count("\n") + " " if each[0][0] == "/" else each[0], text
    )
