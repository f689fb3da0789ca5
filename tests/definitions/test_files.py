"""Definition files in their folders: regular ones of a bounded size, read with linear work."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

import platform_abi as pa
from platform_abi.definitions.files import MAX_SIZE, DefinitionFiles
from tests.definitions.site import DEFINITIONS, catalogue, platform_text, small, write


def _left_out(catalogue: pa.FileCatalogue) -> None:
    """Raise what is wrong with a file of capabilities, without which there are the others."""
    catalogue.capabilities()
    for error in catalogue.left_out.values():
        raise error


#: A question that reads the files of each folder.
QUESTIONS: dict[str, Callable[[pa.FileCatalogue], Any]] = {
    "masks": lambda c: c.masks(),
    "platforms": lambda c: c.platform("odd"),
    "features": lambda c: c.features("odd"),
    "capabilities": _left_out,
    "devices": lambda c: c.devices(),
    "realize": lambda c: c.realize(),
    "options": lambda c: c.options(),
    "visibility": lambda c: c.visibility(),
    "messages": lambda c: c.messages(),
    "harmless": lambda c: c.harmless(),
    "kernels": lambda c: c.kernel_sources(),
    "libvirt": lambda c: c.libvirt(),
    "guests": lambda c: c.guest_devices("odd"),
    "editions": lambda c: c.edition("2026.1"),
    "machines": lambda c: c.naming(),
}


def _refused(question: Callable[[], Any]) -> pa.PlatformAbiError:
    with pytest.raises(pa.PlatformAbiError) as caught:
        question()
    return caught.value


# --- what is no file -----------------------------------------------------------------------------


@pytest.mark.parametrize("folder", QUESTIONS)
def test_what_is_no_regular_file_is_never_read(folder: str, tmp_path: Path) -> None:
    """A pipe would be waited for and a device read without end: both are refused by name."""
    name = "2026.1" if folder == "editions" else "odd"
    path = write(tmp_path, f"{folder}/{name}.toml", "")
    for kind, make in (
        ("a pipe", partial(os.mkfifo, path)),
        ("a device", partial(os.symlink, "/dev/zero", path)),
        ("a directory", partial(os.mkdir, path)),
    ):
        path.unlink()
        make()
        error = _refused(lambda: QUESTIONS[folder](catalogue(tmp_path)))
        assert isinstance(error, pa.HostError)
        assert error.code == "definition-unreadable"
        assert error.message.startswith(f"cannot read {path}: ")
        assert kind in error.message


def test_what_is_no_regular_file_is_no_place_either(tmp_path: Path) -> None:
    """Nor does looking for a line wait for a pipe."""
    (tmp_path / "masks").mkdir()
    os.mkfifo(tmp_path / "masks/odd.toml")
    assert (1, 1) == DefinitionFiles([str(tmp_path)]).position("masks/odd.toml", ("mask",))


def test_too_large(tmp_path: Path) -> None:
    """The size of a file is bounded, to the byte, and known before anything is read of it."""
    text = "schema = 1\n#"
    path = write(tmp_path, "masks/site.toml", text + "x" * (MAX_SIZE - len(text)))
    assert () == catalogue(tmp_path).masks()
    for size in (MAX_SIZE + 1, 1 << 40):
        os.truncate(path, size)
        error = _refused(catalogue(tmp_path).masks)
        assert error.code == "definition-too-large"
        assert error.message == f"{path}: {size} bytes; a definition file has at most {MAX_SIZE}"


# --- growth --------------------------------------------------------------------------------------


def _work(question: Callable[[], Any]) -> int:
    """Return how many calls of Python and of C a question takes that is refused."""
    calls = 0

    def count(_: Any, event: str, __: Any) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        question()
    except pa.PlatformAbiError:
        return calls
    finally:
        sys.setprofile(None)
    pytest.fail("not refused")


_MASK = """[[mask]]
platform = "linux-9.{0}"
feature = "virtio-net.rss"
reason = "no such platform"
date = 2026-01-01
"""

_UNMEANT = """[[mask]]
platform = "linux-6.9"
feature = "virtio-net.rss{0}"
reason = "no such feature"
date = 2026-01-01
"""

#: A file of many faults: how it is called, and its text for a number of them.
FAULTY: dict[str, tuple[str, Callable[[int], str]]] = {
    "misspelt features": (
        "platforms/x.toml",
        lambda n: platform_text("x", "", "".join(f'"virtio-net.x{i}" = "on"\n' for i in range(n))),
    ),
    "misspelt families": (
        "platforms/x.toml",
        lambda n: platform_text("x", "", "".join(f'"virtio-x{i}.y" = "on"\n' for i in range(n))),
    ),
    "removed features": (
        "platforms/x.toml",
        lambda n: platform_text("x", "", "".join(f'"virtio-net.x{i}" = false\n' for i in range(n))),
    ),
    "masks of no platform": (
        "masks/x.toml",
        lambda n: "schema = 1\n" + "".join(_MASK.format(i) for i in range(n)),
    ),
    "masks of no feature": (
        "masks/x.toml",
        lambda n: "schema = 1\n" + "".join(_UNMEANT.format(i) for i in range(n)),
    ),
    "unknown keys": (
        "masks/x.toml",
        lambda n: "schema = 1\n" + "".join(f"key{i} = {i}\n" for i in range(n)),
    ),
    "unknown tables": (
        "masks/x.toml",
        lambda n: "schema = 1\n" + "".join(f"[a.b.c.d.e{i}]\n" for i in range(n)),
    ),
    "malformed names": (
        "masks/x.toml",
        lambda n: "schema = 1\n" + "".join(_MASK.format(f" {i}") for i in range(n)),
    ),
}


@pytest.mark.parametrize("name", FAULTY)
def test_twice_the_faults_are_twice_the_work(name: str, tmp_path: Path) -> None:
    """Every fault is said with its place, and none makes another one dearer."""
    relative, text = FAULTY[name]

    def ask(number: int) -> Callable[[], Any]:
        write(tmp_path, relative, text(number))
        found = catalogue(DEFINITIONS, tmp_path)
        if relative.startswith("masks/"):
            return found.masks
        (feature, *_) = found.features("virtio-net")
        found.platform("x")
        return lambda: found.listing(found.platform("x"), feature)

    few, many = _work(ask(400)), _work(ask(800))
    assert many < 2.2 * few
    error = _refused(ask(400))
    assert isinstance(error, pa.DefinitionError)
    assert len(error.faults) in (1, 400) if name == "unknown tables" else len(error.faults) == 400


@pytest.mark.parametrize(
    "line",
    ["[{}]", "[[{}]]", "{} = 1", "x = {{ {} = 1 }}"],
    ids=["header", "array", "key", "inline"],
)
@pytest.mark.parametrize("part", ["a", '"b c"', "'d' "])
def test_a_key_of_very_many_parts_is_refused_at_once(line: str, part: str, tmp_path: Path) -> None:
    """Parsing one takes time and space with the square of its parts: nobody starts to."""
    path = write(tmp_path, "masks/x.toml", "schema = 1\n" + line.format(".".join([part] * 8000)))
    error = _refused(catalogue(tmp_path).masks)

    assert error.message == f"{path}:2:1: a key of more than 32 parts"
    assert _work(catalogue(tmp_path).masks) < 20_000


def test_sentences_are_no_keys(tmp_path: Path) -> None:
    """Many full stops in one line, or a long version, are text."""
    words = "a. b c. " * 100 + "1.2.3 " * 40
    text = f'schema = 1\n[[mask]]\nplatform = "*"\nfeature = "net.uso"\nreason = "{words}"\n'
    small(tmp_path)
    write(tmp_path, "masks/site.toml", text + "date = 2026-01-01\n")
    (mask,) = catalogue(tmp_path).masks()
    assert words == mask.reason


def test_threads_that_ask_at_once_are_told_the_same() -> None:
    """None of them meets a folder that another has listed by half."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(20):
            files = DefinitionFiles([str(DEFINITIONS)])
            begin = Barrier(4)

            def ask(files: DefinitionFiles = files, begin: Barrier = begin) -> int:
                begin.wait()
                return len(files.of("platforms"))

            with ThreadPoolExecutor(4) as pool:
                told = {asked.result() for asked in [pool.submit(ask) for _ in range(4)]}
            assert told == {len(list((DEFINITIONS / "platforms").rglob("*.toml")))}
    finally:
        sys.setswitchinterval(interval)
