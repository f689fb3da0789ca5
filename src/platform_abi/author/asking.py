"""A QEMU that is asked about its types, and started again where a question ends it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any, Final, Self

from platform_abi.errors import HostError, printable
from platform_abi.model.value import frozen
from platform_abi.qemu.stdio_qmp import Qmp, QmpCommandError, QmpError

#: No machine, so that nothing of this host is opened and every type can be asked about.
_ARGUMENTS: Final = ("-machine", "none", "-nodefaults", "-no-user-config")

#: A QEMU that ends more often than this is not to be read: what it says means nothing.
_MOST_CRASHES: Final = 20

#: So many questions are put at once: enough for QEMU never to wait, and their text for no socket.
_AT_ONCE: Final = 64

#: What to do about an error, where the binary is an argument of its own: what asks here reads
#: neither --qemu nor PLATFORM_ABI_QEMU, and lets a QEMU have more time.
_HELP: Final = {
    "qemu-not-found": "install QEMU, or name its binary by its path",
    "qemu-timeout": "the host may be busy: allow it more time with --timeout",
}

#: What is asked; ``query-commands`` tells which of them a QEMU has.
_COMMANDS: Final = frozenset({
    "device-list-properties",
    "human-monitor-command",
    "qom-list-properties",
    "qom-list-types",
    "query-machines",
    "query-target",
    "query-version",
})  # fmt: skip


@frozen(kw_only=True)
class Refusal:
    """A word on why QEMU says nothing of a type."""

    reason: str


class Asked:
    """One binary without a machine, from the beginning of a block to its end.

    *timeout* in seconds bounds each start and each answer; *arguments* are added to those that
    every one is started with. Entering raises HostError:
    ``qemu-not-found``, ``qemu-failed``, ``qemu-timeout``, or ``qemu-too-old`` where it lacks a
    command that an import needs. So does leaving the block by an answer that QEMU does not give.
    """

    def __init__(self, binary: str, *, timeout: float, arguments: Sequence[str] = ()) -> None:
        self._binary = binary
        self._arguments = (*_ARGUMENTS, *arguments)
        self._timeout = timeout
        self._stack = contextlib.ExitStack()
        self._crashes = 0
        #: What QEMU wrote to its stderr before it was started again.
        self._written = ""

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            stack.push(self)
            self._start()
            self._check()
            stack.pop_all()
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        self._stack.close()
        if isinstance(error, HostError):
            error.help = _HELP.get(error.code, error.help)
        elif isinstance(error, (KeyError, TypeError, AttributeError)):
            raise HostError(
                f"{printable(self._binary)} answers otherwise than QEMU: {type(error).__name__}",
                code="qemu-failed",
                help="name a QEMU system emulator",
            ) from error

    def _start(self) -> None:
        self._stack.close()
        qemu = Qmp(self._binary, self._arguments, timeout=self._timeout)
        self._qemu = self._stack.enter_context(qemu)

    def _check(self) -> None:
        known = {answer["name"] for answer in self._qemu.execute("query-commands")}
        missing = sorted(_COMMANDS - known)
        if missing:
            raise HostError(
                f"{printable(self._binary)} is too old to be imported: "
                f"its QMP lacks {', '.join(missing)}",
                code="qemu-too-old",
                help="name a newer QEMU",
            )

    def _start_again(self) -> None:
        self._written += self._qemu.stderr
        self._start()
        # Listing types loads the modules that have them, and asking about one of them does not.
        self._qemu.execute("qom-list-types", implements="device")

    @property
    def crashes(self) -> int:
        """How many questions have ended a QEMU so far."""
        return self._crashes

    def begin_again(self) -> None:
        """Start QEMU again, as if it had not been asked anything, and count crashes anew."""
        self._crashes = 0
        self._start_again()

    @property
    def stderr(self) -> str:
        """What QEMU has written to its stderr so far."""
        return self._written + self._qemu.stderr

    def execute(self, command: str, **arguments: object) -> Any:
        """Return the answer; raises QmpCommandError where it is no, QmpError where QEMU is gone."""
        return self._qemu.execute(command, **arguments)

    def about(self, name: str, command: str) -> Any:
        """Return what *command* says of the type *name*, or a Refusal.

        A QEMU that the question ends is started again. Raises QmpError where it does not answer in
        time, or ends too often.
        """
        (answer,) = self.about_each([(name, command)])
        return answer

    def about_each(self, questions: Sequence[tuple[str, str]]) -> Iterator[Any]:
        """Yield what ``about`` returns for each of *questions*, a type's name and a command.

        Many are asked at once. Of a type that ends a QEMU, the questions that follow about that
        very type are not asked.
        """
        left = list(questions)
        while left:
            answers = self._qemu.execute_each([(c, {"typename": n}) for n, c in left[:_AT_ONCE]])
            try:
                for answer in answers:
                    del left[0]
                    refused = isinstance(answer, QmpCommandError)
                    yield Refusal(reason=answer.message) if refused else answer
            except QmpError as error:
                ending = self._again(error, left[0][1])
                name = left[0][0]
                while left and left[0][0] == name:
                    del left[0]
                    yield ending

    def _again(self, error: QmpError, command: str) -> Refusal:
        """Start QEMU again, which *command* has ended, and say so; raises *error* too often."""
        self._crashes += 1
        if error.code != "qemu-failed" or self._crashes > _MOST_CRASHES:
            raise error
        self._start_again()
        return Refusal(reason=f"QEMU did not survive {command}")
