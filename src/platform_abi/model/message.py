"""What QEMU, libvirt and what manages them print when a migration or a start fails.

A message is told by texts such as ``Features 0x{requested:hex} unsupported.``: words, and fields
with what they may consist of. A field ends where the words behind it begin.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Literal

from platform_abi.model.value import field, frozen

#: What a message says: why it failed; in whose state; or only that it is over. *apart* is a cause
#: that comes from the start or from the CPU, and from no device's section. A *sign* says that
#: something failed and ends nothing. *noise* means nothing, and *unknown* is any line of QEMU's.
Role = Literal["cause", "apart", "place", "end", "sign", "noise", "unknown"]

#: A warning is never the answer where there is an error.
Severity = Literal["error", "warning"]

#: Which host lacks or has what the other does not.
Side = Literal["source", "destination", "this host", "either"]


@frozen(kw_only=True)
class Piece:
    """A part of a text: words as they are, or, with a *kind*, a field called *text*."""

    text: str
    kind: str = ""


#: Kinds of fields, and the regular expression for one character of each, and how many it has at
#: most. ``list`` and ``line`` are in ``diagnosis``, for they are broken where lines are.
KINDS: Mapping[str, tuple[str, int]] = {
    "hex": ("[0-9a-fA-F]", 32),
    "number": ("[0-9]", 12),
    "signed": ("[-0-9]", 12),
    "name": ("[A-Za-z0-9_.+-]", 100),
    "word": (r"[^\s'\"\\]", 200),
    "text": (r"[\s\S]", 120),
    "line": (r"[^\n]", 300),
    "list": ("[A-Za-z0-9_.-]", 2000),
    "names": ("[A-Za-z0-9_. -]", 1000),
}

_FIELD = re.compile(r"\{([^{}]*)\}")


def pieces(text: str) -> Iterator[Piece]:
    """Yield the parts of *text*, in order; raises ValueError for a text that is none."""
    at = 0
    for match in _FIELD.finditer(text):
        if match.start() > at:
            yield Piece(text=text[at : match.start()])
        name, _, kind = match[1].partition(":")
        if not re.fullmatch(r"[a-z][a-z_]*", name) or kind not in KINDS:
            msg = (
                f"expected a field {{name:kind}} of a kind of {', '.join(KINDS)}; found {match[0]}"
            )
            raise ValueError(msg)
        yield Piece(text=name, kind=kind)
        at = match.end()
    if at < len(text):
        yield Piece(text=text[at:])


@frozen(kw_only=True)
class MessageCase:
    """What a message means where its fields are such ones; what it leaves out is the message's.

    *when* has, by field, the values that it is about, each perhaps with ``*``, ``?`` and ``[..]``;
    ``device`` is the device family, and ``section`` the section of the stream. *within-ppm* asks
    that ``source`` and ``here`` differ by at most so many millionths.
    """

    when: Mapping[str, tuple[str, ...]] = field(factory=dict)
    within_ppm: int = 0
    says: str | None = None
    helps: tuple[str, ...] | None = None
    side: Side | None = None
    features: tuple[str, ...] | None = None
    explains: bool | None = None
    log: str | None = None
    #: CPU flags, as QEMU calls them, of which it is about one or more.
    flags: tuple[str, ...] = ()
    #: It is about what stands behind a device, not about the device.
    backend: bool = False
    #: Words that *says* and *helps* are filled in with, besides the fields.
    words: Mapping[str, str] = field(factory=dict)
    source: str = ""


@frozen(kw_only=True)
class MessageText:
    """One text of a message, and the file of QEMU or libvirt that has it."""

    text: str
    #: QEMU 5.2 to 11.1 unless it says otherwise.
    source: str
    #: By field, the values for which it is this message, as in the cases.
    when: Mapping[str, tuple[str, ...]] = field(factory=dict)


@frozen(kw_only=True)
class Message:
    """One message: how it is told, and what it means.

    *says* and *helps* are filled in with the fields of the text; a help ``@name`` stands for a
    sentence of that name.
    """

    code: str
    text: tuple[MessageText, ...]
    says: str = ""
    helps: tuple[str, ...] = ()
    side: Side = "destination"
    role: Role = "cause"
    severity: Severity = "error"
    #: Codes of messages beside which a warning is an error.
    grave_with: tuple[str, ...] = ()
    #: Ids of the catalogue that the message is about.
    features: tuple[str, ...] = ()
    #: The device family that prints it, where only one does.
    family: str = ""
    #: One finding for all such messages of a text: each names one of many things.
    together: bool = False
    #: Whether the message by itself says why; where not, *log* says what to read next.
    explains: bool = True
    #: The log, by its name in ``MessageTable.logs``, that has more.
    log: str = ""
    words: Mapping[str, str] = field(factory=dict)
    case: tuple[MessageCase, ...] = ()


@frozen(kw_only=True)
class MessageTable:
    """Every message that is known, in the order in which they are looked for."""

    messages: tuple[Message, ...] = ()
    #: Sentences that several messages share, and which log to read, by name.
    sentences: Mapping[str, str] = field(factory=dict)
    logs: Mapping[str, str] = field(factory=dict)
