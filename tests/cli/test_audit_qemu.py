"""The verb ``audit-qemu``: what it refuses, and that it leaves nothing; no QEMU runs here."""

from __future__ import annotations

import contextlib
import secrets
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.author.difference import Difference
from platform_abi.cli import audit_qemu
from platform_abi.cli.audit_qemu import _shared, _sides
from platform_abi.cli.options import AuditOptions


def arguments(binary: str, **given: Any) -> AuditOptions:
    """Return what the parser makes of a command line."""
    return AuditOptions(binary=binary, **given)


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str], str]:
    """Return a function that makes an executable of the lines of a shell script."""

    def make(lines: str) -> str:
        path = tmp_path / "qemu-system-x86_64"
        path.write_text(f"#!/bin/sh\n{textwrap.dedent(lines)}\n")
        path.chmod(0o755)
        return str(path)

    return make


#: One that greets, and answers every command by what follows.
GREETS = """echo '{"QMP": {}}'; """


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ("exit 3", "qemu-failed"),
        ("exec yes", "qemu-failed"),
        ("echo hello", "qemu-failed"),
        ("exec sleep 1000", "qemu-timeout"),
        ("sleep 1000 & sleep 1000", "qemu-timeout"),
        (f"exec {sys.executable} -c 'import os; os.abort()'", "qemu-failed"),
        (GREETS + """sed -u 's/.*/{"return": 5}/'""", "qemu-failed"),
        (GREETS + """sed -u 's/.*/{"return": []}/'""", "qemu-too-old"),
        (GREETS + """sed -u 's/.*/{"error": {"desc": "no"}}/'""", "qemu-failed"),
    ],
)
@pytest.mark.parametrize("written", [False, True])
def test_what_is_no_qemu_is_an_error_and_nothing_is_written(
    script: Callable[[str], str], tmp_path: Path, lines: str, code: str, written: bool
) -> None:
    """An earlier view stays as it was."""
    view = tmp_path / "view.json"
    view.write_text("earlier")
    given = {"view": str(view)} if written else {}
    timeout = 0.5 if code == "qemu-timeout" else 30.0
    with pytest.raises(pa.HostError) as caught:
        audit_qemu.run(arguments(script(lines), timeout=timeout, **given))
    assert caught.value.code == code
    assert caught.value.help
    assert view.read_text() == "earlier"
    assert [path.name for path in tmp_path.glob(".view*")] == []


@pytest.mark.parametrize("binary", ["/no/such", "no-such-qemu", "", "a\0b", "/dev/null", "/"])
def test_a_binary_that_is_not_there_is_not_found(binary: str) -> None:
    """Nor one that this user may not run."""
    with pytest.raises(pa.HostError) as caught:
        audit_qemu.run(arguments(binary))
    assert caught.value.code == "qemu-not-found"


@pytest.mark.parametrize(
    "given",
    [
        {"against": "qemu-10.0.2", "against_binary": "/bin/true"},
        {"timeout": 0.0},
        {"timeout": -1.0},
        {"timeout": 1e9},
        {"timeout": float("nan")},
    ],
)
def test_options_that_make_no_sense_are_refused_before_anything_starts(
    given: dict[str, Any],
) -> None:
    """The binary is not even looked for."""
    with pytest.raises(pa.UsageError) as caught:
        audit_qemu.run(arguments("/no/such", **given))
    assert caught.value.code == "usage"


def test_no_process_outlives_an_error(script: Callable[[str], str]) -> None:
    """Neither a wrapper script nor what hangs in it."""
    token = f"1000.{secrets.randbelow(10**9):09}"
    binary = script(f"sleep {token} & sleep {token}")
    with pytest.raises(pa.HostError):
        audit_qemu.run(arguments(binary, timeout=0.3))
    left = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            left += [file] if token.encode() in file.read_bytes().split(b"\0") else []
    assert left == []


# --- what is printed -----------------------------------------------------------------------------

HEX = st.binary(min_size=40, max_size=80).map(bytes.hex)


@given(st.one_of(HEX, st.text(min_size=70)), st.one_of(HEX, st.text(min_size=70)), st.booleans())
def test_two_long_values_that_differ_look_different(first: str, second: str, alike: bool) -> None:
    """However late they differ, and however much of them is cut off."""
    if alike:
        second = first[: len(second) // 2 * 2] + second
    cells = _sides(first, second)
    assert (cells[0] == cells[1]) == (first == second)
    assert all(len(cell) <= 60 for cell in cells)


def test_bytes_that_differ_are_counted() -> None:
    """A configuration is said from the first byte on that is another one."""
    first = "00" * 40 + "1a" + "00" * 9
    assert _sides(first, first.replace("1a", "1b")) == [
        f"byte 40: {digits}000000000000000000" for digits in ("1a", "1b")
    ]
    assert _sides(first, first[:80]) == [f"byte 40: 1a{'00' * 9}", "byte 40: the end"]
    assert _sides("short", "shorter") == ["short", "shorter"]
    assert _sides(None, "x" * 61) == ["-", "x" * 57 + "..."]


def test_machine_types_that_differ_alike_are_named_together() -> None:
    """One row, each machine type once; what differs otherwise is another row."""
    differences = [
        Difference(machine=m, device="d", what=w, expected="1", found=None)
        for w in ("b", "a")
        for m in ("m1", "m2")
    ]
    grouped = [(list(each.machines), each.what) for each in _shared(differences)]
    assert grouped == [(["m1", "m2"], "a"), (["m1", "m2"], "b")]
