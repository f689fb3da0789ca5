"""What names the content of a program."""

from __future__ import annotations

import io
import os
import struct
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platform_abi.qemu.program import file_identity, is_executable, program_identity

#: Program headers by their numbers in elf(5).
_DYNAMIC, _INTERPRETER, _NOTE = 2, 3, 4
_PIE = 0x0800_0000


def elf(
    segments: list[tuple[int, bytes]], *, kind: int = 3, width: int = 64, order: str = "<"
) -> bytes:
    """Return an ELF file of type *kind* that has *segments*, each with its content."""
    word = "Q" if width == 64 else "I"
    header_size = 64 if width == 64 else 52
    entry_size = 56 if width == 64 else 32
    at = header_size + entry_size * len(segments)
    table = body = b""
    for number, content in segments:
        place, size = at + len(body), len(content)
        fields = (
            (number, 0, place, 0, 0, size, size, 4)
            if width == 64
            else (number, place, 0, 0, size, size, 0, 4)
        )
        table += struct.pack(order + ("IIQQQQQQ" if width == 64 else "IIIIIIII"), *fields)
        body += content
    identity = b"\x7fELF" + bytes([width // 32, 1 if order == "<" else 2, 1]) + bytes(9)
    layout = f"{order}HHI{word}{word}{word}IHHHHHH"
    sizes = (header_size, entry_size, len(segments), 0, 0, 0)
    header = struct.pack(layout, kind, 0, 1, 0, header_size, 0, 0, *sizes)
    return identity + header + table + body


def note(owner: bytes, kind: int, text: bytes, order: str = "<") -> bytes:
    """Return a note as a linker writes it."""
    padded = owner + bytes(-len(owner) % 4), text + bytes(-len(text) % 4)
    return struct.pack(order + "III", len(owner), len(text), kind) + b"".join(padded)


def _identity(data: bytes) -> str | None:
    return program_identity(io.BytesIO(data))


_IDS = st.binary(min_size=16, max_size=32).filter(any)
_SHAPES = {"width": st.sampled_from([32, 64]), "order": st.sampled_from("<>")}


@given(identity=_IDS, other=st.binary(max_size=9), **_SHAPES)
def test_a_build_id_names_what_was_linked(
    identity: bytes, other: bytes, width: int, order: str
) -> None:
    """It is read of either width and byte order, behind whatever notes and segments there are."""
    notes = note(b"GNU\0", 1, other, order) + note(b"Go\0", 3, other * 9, order)
    notes += note(b"GNU\0", 3, identity, order)
    data = elf([(_INTERPRETER, b"/ld.so\0"), (_NOTE, notes)], width=width, order=order)
    assert f"build-id:{identity.hex()}" == _identity(data)
    assert _identity(data) == _identity(data + b"symbols that were stripped from another copy")


@given(one=st.binary(max_size=64), two=st.binary(max_size=64), short=st.binary(max_size=15))
def test_without_one_the_whole_content_counts(one: bytes, two: bytes, short: bytes) -> None:
    """So it does where what is there is too short to tell builds apart, or nothing but zeros."""
    for text in (short, bytes(20)):
        files = [elf([(_NOTE, note(b"GNU\0", 3, text)), (1, rest)]) for rest in (one, two)]
        names = [_identity(data) for data in files]
        assert all(name is not None and name.startswith("sha256:") for name in names)
        assert (names[0] == names[1]) is (one == two)


@given(data=st.binary(max_size=200))
def test_what_is_no_program_has_no_name(data: bytes) -> None:
    """A script says nothing of what it starts; and no bytes make a reader fail."""
    assert _identity(b"#!/bin/sh\n" + data) is None
    for damaged in (data, b"\x7fELF" + data, elf([(_NOTE, data)])):
        found = _identity(damaged)
        assert found is None or found.startswith(("build-id:", "sha256:"))
        is_executable(io.BytesIO(damaged))


@given(data=st.data(), **_SHAPES)
def test_a_cut_or_changed_file_is_no_other_fault(
    data: st.DataObject, width: int, order: str
) -> None:
    """Whatever bytes are missing or changed: an answer, or None."""
    whole = bytearray(elf([(_NOTE, note(b"GNU\0", 3, bytes(range(20)), order))], width=width))
    for _ in range(data.draw(st.integers(0, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(whole[: data.draw(st.integers(0, len(whole)))])
    found = _identity(cut)
    assert found is None or found.startswith(("build-id:", "sha256:"))


@pytest.mark.parametrize(
    ("kind", "interpreter", "flags", "expected"),
    [
        (2, True, 0, True),  # linked to an address of its own
        (3, True, _PIE, True),
        (3, True, _PIE | 1, True),
        (3, True, 1, False),  # a library that can be run, as the C library is
        (3, False, _PIE, False),  # a loader
        (2, False, 0, False),
        (1, True, _PIE, False),
    ],
)
def test_programs_are_told_from_libraries(
    kind: int, interpreter: bool, flags: int, expected: bool
) -> None:
    """A program names its loader, and is no shared library that does so too."""
    for width, layout in ((64, "<qQ"), (32, "<iI")):
        dynamic = struct.pack(layout, 5, 0x1000) + struct.pack(layout, 0x6FFFFFFB, flags)
        segments = [(_DYNAMIC, dynamic), *([(_INTERPRETER, b"/ld.so\0")] if interpreter else [])]
        assert expected is is_executable(io.BytesIO(elf(segments, kind=kind, width=width)))


def test_a_file_keeps_its_name_wherever_it_is(tmp_path: Path) -> None:
    """A copy and a link of a program have its name; what cannot be read as a file has none."""
    program = Path(sys.executable).resolve()
    copy, link = tmp_path / "copy", tmp_path / "link"
    copy.write_bytes(program.read_bytes())
    link.symlink_to(program)
    name = file_identity(str(program))
    assert name is not None
    assert name == file_identity(str(copy)) == file_identity(str(link))
    for missing in ("absent", "", "a\0b", "."):
        assert file_identity(str(tmp_path / missing)) is None
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert file_identity(str(pipe)) is None
    script = tmp_path / "script"
    script.write_text("#!/bin/sh\n")
    assert file_identity(str(script)) is None
