"""A client's command: what it asks, and the bytes that go to QEMU under another id.

Everything but the value of ``id`` is passed on byte for byte: large integers, floats, escapes and
white space arrive as they were sent.
"""

from __future__ import annotations

from typing import Any, Final, Literal

from platform_abi.model.value import frozen
from platform_abi.monitor.reader import Message
from platform_abi.monitor.strings import decoded, plain, standard

EXECUTE: Final = b"execute"
EXEC_OOB: Final = b"exec-oob"
_ID: Final = b"id"
_ARGUMENTS: Final = b"arguments"

#: Classes of errors in ``qapi/error.json`` that a monitor gives by itself.
ErrorClass = Literal["GenericError", "CommandNotFound"]


class RefusedError(Exception):
    """A command is answered by an error; never raised out of this room."""

    def __init__(self, desc: str, kind: ErrorClass = "GenericError") -> None:
        super().__init__(desc)
        self.desc = desc
        self.kind = kind


@frozen(kw_only=True)
class Request:
    """A JSON object that a client sent."""

    message: Message
    #: The command's name, or None where it has none that QEMU could run.
    name: str | None
    #: Whether it is to run out of band: ``qmp_is_oob`` in ``qapi/qmp-dispatch.c``.
    oob: bool

    @property
    def id(self) -> bytes | None:
        """The id as it goes back to the client, on one line, or None where it gave none."""
        value = self.message.member(_ID)
        if value is None:
            return None
        return standard(value).replace(b"\r", b" ").replace(b"\n", b" ")

    @property
    def size(self) -> int:
        """How many bytes it was sent in."""
        return len(self.message.text)

    def under(self, number: int) -> bytes:
        """Return the bytes of the same command with *number* for its id."""
        message = self.message
        assert message.members is not None  # noqa: S101 - a request is an object
        place = message.members.get(_ID)
        text = message.text
        if place is not None:
            return b"%s%d%s\n" % (text[: place[0]], number, text[place[1] :])
        separator = b", " if message.members else b""
        return b'{"id": %d%s%s\n' % (number, separator, text[1:])

    def arguments(self) -> dict[str, Any]:
        """Return the arguments as plain data; raises RefusedError where they are too deep."""
        value = self.message.member(_ARGUMENTS)
        try:
            arguments = {} if value is None else decoded(value)
        except RecursionError:
            raise RefusedError("JSON nesting depth limit exceeded") from None
        assert isinstance(arguments, dict)  # noqa: S101 - check_shape said so
        return arguments


def read_request(message: Message) -> Request:
    """Return the request that *message*, an object, is; whatever else it may hold."""
    execute = message.member(EXECUTE)
    command = message.member(EXEC_OOB) if execute is None else execute
    return Request(
        message=message,
        name=None if command is None or command[:1] not in _QUOTES else _name(command),
        oob=execute is None and command is not None,
    )


_QUOTES: Final = (b'"', b"'")


def _name(token: bytes) -> str:
    return plain(token).decode()


def check_shape(message: Message, *, oob: bool) -> None:
    """Raise RefusedError where *message* is no command, in QEMU's words.

    *oob* says whether the client has enabled out-of-band execution
    (``qmp_dispatch_check_obj`` in ``qapi/qmp-dispatch.c``).
    """
    if message.members is None:
        raise RefusedError("QMP input must be a JSON object")
    command: str | None = None
    for key in message.members:
        value = message.member(key) or b""
        said = key.decode()
        if key == EXECUTE or (key == EXEC_OOB and oob):
            if command is not None:
                raise RefusedError(f"QMP input member '{said}' clashes with '{command}'")
            command = said
            if value[:1] not in _QUOTES:
                raise RefusedError(f"QMP input member '{said}' must be a string")
        elif key == _ARGUMENTS:
            if value[:1] != b"{":
                raise RefusedError("QMP input member 'arguments' must be an object")
        elif key != _ID:
            raise RefusedError(f"QMP input member '{said}' is unexpected")
    if command is None:
        raise RefusedError("QMP input lacks member 'execute'")
