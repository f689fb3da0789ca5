"""Files that somebody else may have written, at the edge: every verb refuses them by name."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.cli import main
from platform_abi.emit.lock_reading import load_lock
from platform_abi.emit.lockfile import lockfile
from platform_abi.files import write_text
from tests.author.binaries import ORDINARY, binary
from tests.resolver.shipped import machine_with_nics
from tests.resolver.test_admission import ATTACKS, forged

_FORGED = ("-machine kernel=/etc/hostname", "virtio-net-pci.romfile=/etc/shadow")

#: Every way for a lockfile to get in.
_VERBS = (
    "resolve --from-lock vm.lock",
    "resolve --from-lock vm.lock --format lock",
    "check vm.lock",
    "verify vm.lock --start",
    "rehearse vm.lock --qemu qemu-system-x86_64 --to-qemu qemu-system-x86_64",
    "monitor --listen unix:no/socket --lock vm.lock",
    "diff abi vm.lock vm.lock",
    "baseline --lock vm.lock host.json",
    "run --qemu qemu-system-x86_64 -- -machine pc-q35-9.1 -platform lock=vm.lock",
)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with a program in the place of QEMU, that says when it was started."""
    monkeypatch.chdir(tmp_path)
    program = tmp_path / "qemu-system-x86_64"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/started\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return tmp_path


@pytest.mark.parametrize("said", _FORGED)
@pytest.mark.parametrize("words", _VERBS)
def test_no_verb_takes_a_forged_lockfile(
    catalogue: pa.FileCatalogue,
    place: Path,
    capsys: pytest.CaptureFixture[str],
    said: str,
    words: str,
) -> None:
    """What is wrong is said by name, as of a damaged one, and no QEMU is started."""
    vm = machine_with_nics(catalogue, "pc-q35-9.1", "tap")
    abi = ATTACKS[said](pa.resolve(catalogue, vm, "linux-6.9"))
    write_text("vm.lock", forged(catalogue, abi))

    assert 3 == main(shlex.split(words))
    told = capsys.readouterr()
    assert "" == told.out
    assert said in told.err
    assert not (place / "started").exists()


@pytest.mark.parametrize("words", _VERBS)
def test_no_verb_waits_for_a_pipe(
    place: Path, capsys: pytest.CaptureFixture[str], words: str
) -> None:
    """A pipe that nobody writes to, in the place of a lockfile, is an error at once."""
    os.mkfifo(place / "vm.lock")

    assert 4 == main(shlex.split(words))
    assert "vm.lock: it is a pipe, not a regular file" in capsys.readouterr().err
    assert not (place / "started").exists()


@pytest.mark.parametrize("words", _VERBS)
def test_a_site_may_take_only_lockfiles_that_nobody_else_could_write(
    catalogue: pa.FileCatalogue,
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: str,
) -> None:
    """One that a group may write to is refused by name, where the site says so and only there."""
    vm = machine_with_nics(catalogue, "pc-q35-9.1", "tap")
    write_text("vm.lock", lockfile(catalogue, pa.resolve(catalogue, vm, "linux-6.9")))
    (place / "vm.lock").chmod(0o664)
    monkeypatch.setenv("PLATFORM_ABI_LOCKS", "trusted")
    assert 3 == main(shlex.split(words))
    told = capsys.readouterr().err
    assert "error[lock-untrusted]: vm.lock: others than its owner may write to" in told
    assert "chmod go-w" in told
    assert not (place / "started").exists()

    monkeypatch.setenv("PLATFORM_ABI_LOCKS", "nonsense")
    assert 2 == main(shlex.split(words))


_DOCUMENTED = re.findall(
    r"^ssh-keygen .*$",
    (Path(__file__).parents[2] / "docs" / "reference" / "interface.md").read_text(encoding="utf-8"),
    re.MULTILINE,
)


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="needs ssh-keygen")
def test_a_signature_says_who_wrote_a_lockfile(catalogue: pa.FileCatalogue, place: Path) -> None:
    """The documented commands sign a lockfile, take it, and refuse one with a byte changed."""
    vm = machine_with_nics(catalogue, "pc-q35-9.1", "tap")
    write_text("vm.lock", lockfile(catalogue, pa.resolve(catalogue, vm, "linux-6.9")))

    def done(command: str) -> int:
        named = command.replace("ALLOWED_SIGNERS", "signers").replace("WHO", "us@example.org")
        told = subprocess.run(["sh", "-c", named], capture_output=True, timeout=60, check=False)
        return told.returncode

    assert 0 == done("ssh-keygen -q -t ed25519 -N '' -f KEY")
    key = " ".join((place / "KEY.pub").read_text().split()[:2])
    (place / "signers").write_text(f"us@example.org {key}\n")
    sign, check = _DOCUMENTED
    assert (0, 0) == (done(sign), done(check))
    load_lock("vm.lock", catalogue=catalogue)

    changed = (place / "vm.lock").read_text().replace("linux-6.9", "linux-6.8", 1)
    (place / "vm.lock").write_text(changed)
    assert 0 != done(check)


#: Files of a site with all that would be run, written or opened if anything in them was.
_EVIL = "$(touch ran); `touch ran` | touch ran; ../../../ran {{ ''.__class__ }} ,file=ran"
_SITE = {
    "platforms/site-1.0.toml": f"""
schema = 1
[platform]
name = "site-1.0"
lineage = "site"
version = "1.0"
title = "{_EVIL}"
extends = "linux-6.9"
assumes = ["{_EVIL}"]
""",
    "masks/site.toml": f"""
schema = 1
[[mask]]
platform = "linux-6.9"
feature = "virtio-net.guest-uso4"
reason = "{_EVIL}"
date = 2026-01-02
""",
    "evil.py": "open('ran', 'w')",
    "conftest.py": "open('ran', 'w')",
    "sitecustomize.py": "open('ran', 'w')",
}

_ASKED = (
    "platforms", "platforms site-1.0", "platforms linux-6.9", "platforms --names",
    "resolve -M pc-q35-9.1 --platform site-1.0", "diff platform site-1.0 linux-6.9",
    "explain virtio-net-pci.guest_uso4 -M pc-q35-9.1 --platform site-1.0 --device virtio-net-pci",
)  # fmt: skip

#: Reports what this process runs, connects to and opens for writing.
_WATCHED = """
import os, sys
from platform_abi.cli import main
def watch(event, said):
    writes = event == "open" and isinstance(said[2], int) and said[2] & (os.O_WRONLY | os.O_RDWR)
    if writes or event in {"os.system", "os.exec", "os.posix_spawn", "os.fork", "socket.connect",
                           "subprocess.Popen", "socket.bind", "os.remove", "os.rename", "os.link"}:
        os.write(2, f"WATCHED {event} {said}\\n".encode())
sys.addaudithook(watch)
sys.dont_write_bytecode = True
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize("words", _ASKED)
def test_definitions_run_and_write_nothing(place: Path, words: str) -> None:
    """Whatever stands in a folder of definitions, it is shown or refused, and no more."""
    for name, text in _SITE.items():
        (place / "site" / name).parent.mkdir(parents=True, exist_ok=True)
        (place / "site" / name).write_text(text)
    told = subprocess.run(
        [sys.executable, "-B", "-c", _WATCHED, *shlex.split(words)],
        env={**os.environ, "PLATFORM_ABI_PATH": str(place / "site")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode in {0, 1}, told.stderr
    assert "WATCHED" not in told.stderr
    assert not list(place.rglob("ran"))


def _put(value: Any, place: tuple[Any, ...], said: str) -> Any:
    """Return plain data with *said* instead of what is at a place."""
    if not place:
        return said
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[place[0]] = _put(value[place[0]], place[1:], said)
    return copy


def _texts(value: object, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield where the texts of plain data are."""
    if isinstance(value, str):
        yield place
    inner: Iterable[tuple[Any, object]] = ()
    if isinstance(value, (dict, list)):
        inner = value.items() if isinstance(value, dict) else enumerate(value)
    for key, each in inner:
        yield from _texts(each, (*place, key))


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.sampled_from(sorted(_texts(ORDINARY), key=repr)),
    st.sampled_from(["../evil", "/evil", "a/../../evil", "$(touch evil)", ";touch evil", "evil\0"]),
)
def test_a_qemu_names_no_file_and_no_program(
    place: Path, where: tuple[Any, ...], said: str
) -> None:
    """Whatever a binary answers, files come to be in one folder below the one asked for only."""
    inside = place / "in"
    inside.mkdir(exist_ok=True)
    program = binary(inside, answers=_put(ORDINARY, where, said))
    before = {path for path in place.rglob("*") if "site" not in path.parts}
    main(["import-qemu", program, "--force", "--output", str(inside / "site")])
    made = {path for path in place.rglob("*") if path.is_file()} - before
    assert before == {path for path in place.rglob("*") if "site" not in path.parts}
    assert {len(path.relative_to(inside / "site").parts) for path in made} <= {2}
    assert {path.suffix for path in made} <= {".toml"}


def _hostile(value: object) -> object:
    """Return *value* with every text that is no key or state naming a file of the host's."""
    if isinstance(value, dict):
        return {
            key: inner if key in _READ_BY_WORD else _hostile(inner) for key, inner in value.items()
        }
    if isinstance(value, list):
        return [_hostile(inner) for inner in value]
    return f"{value},romfile=/etc/shadow" if isinstance(value, str) else value


#: What a report is refused without, or what decides what is asked of it.
_READ_BY_WORD = frozenset({"kind", "system", "release", "arch", "state", "source"})

_CAPTURE = Path(__file__).parents[1] / "captures" / "constructed-debian-12.json"


def test_no_text_of_a_host_report_reaches_an_argument(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a report calls things may change a verdict's words, and nothing that QEMU is given."""
    honest = json.loads(_CAPTURE.read_text(encoding="utf-8"))
    honest["host"]["release"] = os.uname().release  # of this boot, or it is stale
    write_text("honest.json", json.dumps(honest))
    write_text("hostile.json", json.dumps(_hostile(honest)))
    words = "run --qemu qemu-system-x86_64 --print-args --host {} -- -machine pc-q35-9.1"
    more = "-accel tcg -nodefaults -device virtio-rng-pci -platform linux-6.1"

    given = []
    for report in ("honest.json", "hostile.json"):
        assert 0 == main(shlex.split(f"{words.format(report)} {more}"))
        given.append(capsys.readouterr().out)
    assert "shadow" in (place / "hostile.json").read_text(encoding="utf-8")
    assert "-global" in given[0]
    assert given[0] == given[1]
