"""What names the content of a program: the build-id that its linker gave it, else a digest.

A build-id is made of what was linked (ld(1), --build-id), so it stays what it is wherever the file
is copied to, and another build has another one, even of the same size and time. It is read from the
first pages of the file, where a digest takes all of it.
"""

from __future__ import annotations

import os
import struct

from platform_abi.files import open_file

# typing costs as much as the rest; type checkers know this name by itself.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

#: include/uapi/linux/elf.h and elf(5): where a header says what, and what of it counts here.
_MAGIC, _SMALLEST = b"\x7fELF", 52
_CLASSES = {1: "32", 2: "64"}
_ORDERS = {1: "<", 2: ">"}
_HEADER = {"32": "16x HHIIIIIHHH", "64": "16x HHIQQQIHHH"}
_SEGMENT = {"32": "IIIIIIII", "64": "IIQQQQQQ"}
_DYNAMIC_ENTRY = {"32": "iI", "64": "qQ"}
_EXECUTABLE, _SHARED = 2, 3
_PT_DYNAMIC, _PT_INTERPRETER, _PT_NOTE = 2, 3, 4
_NT_GNU_BUILD_ID = 3
_DT_FLAGS_1, _DF_1_PIE = 0x6FFF_FFFB, 0x0800_0000

#: A shorter one is no digest of what was linked: ld's are of MD5, SHA-1 or a UUID.
_SHORTEST_ID = 16

#: Nothing that is read here comes near this, but for a digest; what does is damaged. In bytes.
_LARGEST = 1 << 20
_MOST_SEGMENTS = 256

#: Read at once for a digest, in bytes.
_PIECE = 1 << 20


def program_identity(stream: BinaryIO) -> str | None:
    """Return what names the content of the program in *stream*, None where it is no ELF file.

    ``build-id:HEX``, or ``sha256:HEX`` of the whole file where its linker gave it no build-id.
    Raises OSError where it cannot be read.
    """
    if _header(stream) is None:
        return None
    found = _build_id(stream)
    return f"sha256:{_digest(stream)}" if found is None else f"build-id:{found}"


def is_executable(stream: BinaryIO) -> bool:
    """Return whether *stream* is a program that a loader starts, and no library or loader.

    It names its loader and is linked to an address of its own or, as ld has said since binutils
    2.26, as one without (DF_1_PIE in include/elf/common.h of binutils). Raises OSError.
    """
    header = _header(stream)
    if header is None:
        return False
    kind, segments = header
    if not any(segment.kind == _PT_INTERPRETER for segment in segments):
        return False
    return kind == _EXECUTABLE or (
        kind == _SHARED and any(_pie(stream, s) for s in segments if s.kind == _PT_DYNAMIC)
    )


class _Segment:
    """One program header: its kind, where in the file it is, and how what is there is written.

    A plain class: before a QEMU is started, attrs would take longer than all else.
    """

    __slots__ = ("kind", "offset", "order", "size", "width")

    def __init__(self, *, kind: int, offset: int, size: int, width: str, order: str) -> None:
        self.kind = kind
        self.offset = offset
        self.size = size
        self.width = width
        self.order = order


def _header(stream: BinaryIO) -> tuple[int, list[_Segment]] | None:
    """Return of which type an ELF file is and its segments, None for what is none."""
    stream.seek(0)
    head = stream.read(64)
    if not head.startswith(_MAGIC) or len(head) < _SMALLEST:
        return None
    width, order = _CLASSES.get(head[4]), _ORDERS.get(head[5])
    if width is None or order is None:
        return None
    layout = order + _HEADER[width]
    if len(head) < struct.calcsize(layout):
        return None
    kind, _, _, _, at, _, _, _, size, count = struct.unpack_from(layout, head)
    entry = order + _SEGMENT[width]
    if size < struct.calcsize(entry) or count > _MOST_SEGMENTS:
        return kind, []
    stream.seek(at)
    table = stream.read(size * count)
    segments = []
    for start in range(0, len(table) - struct.calcsize(entry) + 1, size):
        found = struct.unpack_from(entry, table, start)
        # p_flags stands elsewhere in the two.
        offset, length = (found[1], found[4]) if width == "32" else (found[2], found[5])
        segments.append(
            _Segment(kind=found[0], offset=offset, size=length, width=width, order=order)
        )
    return kind, segments


def _content(stream: BinaryIO, segment: _Segment) -> bytes:
    if segment.size > _LARGEST:
        return b""
    stream.seek(segment.offset)
    return stream.read(segment.size)


def _build_id(stream: BinaryIO) -> str | None:
    header = _header(stream)
    for segment in header[1] if header else ():
        if segment.kind == _PT_NOTE:
            for owner, kind, text in _notes(_content(stream, segment), segment.order):
                useful = len(text) >= _SHORTEST_ID and any(text)
                if owner == b"GNU\0" and kind == _NT_GNU_BUILD_ID and useful:
                    return text.hex()
    return None


def _notes(data: bytes, order: str) -> Iterator[tuple[bytes, int, bytes]]:
    """Yield owner, type and text of each note; each part begins at a multiple of four bytes."""
    at = 0
    while at + 12 <= len(data):
        owner_size, size, kind = struct.unpack_from(order + "III", data, at)
        begin = at + 12
        text = begin + -(-owner_size // 4) * 4
        if text + size > len(data):
            return
        yield data[begin : begin + owner_size], kind, data[text : text + size]
        at = text + -(-size // 4) * 4


def _pie(stream: BinaryIO, segment: _Segment) -> bool:
    layout = segment.order + _DYNAMIC_ENTRY[segment.width]
    data = _content(stream, segment)
    whole = len(data) // struct.calcsize(layout) * struct.calcsize(layout)
    return any(
        tag == _DT_FLAGS_1 and value & _DF_1_PIE
        for tag, value in struct.iter_unpack(layout, data[:whole])
    )


def _digest(stream: BinaryIO) -> str:
    import hashlib

    stream.seek(0)
    digest = hashlib.sha256()
    for piece in iter(lambda: stream.read(_PIECE), b""):
        digest.update(piece)
    return digest.hexdigest()


def file_identity(path: str) -> str | None:
    """Return what names the content of the program in the file *path*, None where nothing does.

    That of a script is that of the file, and says nothing of what it starts: None. So it is of what
    is no regular file or cannot be read. A program may start another one as well: see ``identity``.
    """
    try:
        with open(open_file(path), "rb") as stream:  # noqa: PTH123 - start-up time
            return program_identity(stream)
    except (OSError, ValueError):
        return None


def same_file(one: str, other: str) -> bool:
    """Return whether two paths are of one file, False where either is not to be seen."""
    try:
        return os.path.samefile(one, other)  # noqa: PTH121 - start-up time
    except (OSError, ValueError):
        return False
