"""A host that is asked over ssh: a script goes to its Python, and what that writes comes back.

It is the ssh(1) of this system that connects, with this user's configuration, keys and known hosts,
and it is never let ask anybody anything. A host's name is a word of its command line and no more:
see ``destination``.
"""

from __future__ import annotations

import contextlib
import os
import re
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from typing import IO, Final

from platform_abi.errors import HostError
from platform_abi.host.document import KIND, MAX_SIZE
from platform_abi.model.value import frozen
from platform_abi.qemu.process import ending, last_line
from platform_abi.remote.destination import destination
from platform_abi.remote.standalone import REMARK

#: How long a host may take to let us in, in seconds.
CONNECT_TIMEOUT: Final = 10

#: So many hosts are asked at once: each takes a process here, and a few seconds there.
AT_ONCE: Final = 32

_OPTIONS: Final = (
    "-T",
    "-C",  # a script is a quarter of a megabyte, and most of that is words
    *("-o", "BatchMode=yes"),
    *("-o", f"ConnectTimeout={CONNECT_TIMEOUT}"),
    *("-o", "ConnectionAttempts=1"),
    *("-o", "ServerAliveInterval=5"),
    *("-o", "LogLevel=ERROR"),
    # Nothing of this host is offered to the other one, and nothing else is done by the way.
    *("-o", "ForwardAgent=no"),
    *("-o", "ForwardX11=no"),
    *("-o", "ClearAllForwardings=yes"),
    *("-o", "PermitLocalCommand=no"),
    *("-o", "RemoteCommand=none"),
)

#: What the login shell of the other side is given, whichever it is. RHEL 8 has a Python of its own
#: use where no other is installed.
_COMMAND: Final = (
    "sh -c 'for p in python3 /usr/libexec/platform-python; do"
    ' command -v "$p" >/dev/null 2>&1 && exec "$p" -I -; done; exit 127\''
)

#: What ssh(1) ends with where it is not the program of the other side that ended, and what a shell
#: ends with that has no such program.
_SSH_FAILED: Final = 255
_NO_PROGRAM: Final = 127

#: A report as the script writes it, among whatever else the other side writes: a greeting of its
#: shell perhaps, whose line may not have ended.
_REPORT: Final = re.compile(rb'\{"schema_version":[0-9]+,"kind":"%s",[^\n]*\n' % KIND.encode())

#: What a host may write besides its report, and what is kept of what it says of what went wrong,
#: in bytes.
_NOISE: Final = 256 * 1024
_SAID: Final = 64 * 1024

_CHUNK: Final = 64 * 1024

#: How long an ssh may take to end that has closed its output, in seconds.
_GRACE: Final = 2.0


@frozen(kw_only=True)
class Answer:
    """What came of asking one host: its report, a line of JSON, or an error.

    *remarks* are what could not be asked there and is unknown in the report.
    """

    name: str
    report: bytes = b""
    error: HostError | None = None
    remarks: tuple[str, ...] = ()


def ask_over_ssh(
    names: Sequence[str],
    script: str,
    *,
    timeout: float,
    progress: Callable[[int], None] = lambda _: None,
) -> list[Answer]:
    """Return what becomes of running *script* on each of the hosts *names*, in their order.

    Many are asked at once, each for *timeout* seconds at most; what goes wrong with one is its
    error, and the others go on: ``ssh-not-found``, ``host-unreachable``, ``host-timeout``,
    ``host-without-python``, ``host-no-report``. *progress* is told how many are done.

    Raises UsageError (``bad-host``) as ``destination`` does, before any is asked.
    """
    for name in names:
        destination(name)
    waiting = list(reversed(list(enumerate(names))))
    answers: dict[int, Answer] = {}
    with contextlib.ExitStack() as stack:
        selector = stack.enter_context(selectors.DefaultSelector())
        running: dict[int, _Asked] = {}
        stack.callback(_end_all, running)
        while waiting or running:
            while waiting and len(running) < AT_ONCE:
                place, name = waiting.pop()
                try:
                    running[place] = _Asked(name, script, timeout, selector)
                except HostError as error:
                    answers[place] = Answer(name=name, error=error)
            left = min((each.deadline for each in running.values()), default=0) - time.monotonic()
            for key, _ in selector.select(max(left, 0)) if running else ():
                key.data()
            for place, asked in list(running.items()):
                if asked.done or time.monotonic() > asked.deadline:
                    asked.end()
                    del running[place]
                    answers[place] = asked.answer(timeout)
                    progress(len(answers))
    return [answers[place] for place in range(len(names))]


def _end_all(running: dict[int, _Asked]) -> None:
    for each in running.values():
        each.end()


class _Asked:
    """One ssh that is under way; *selector* tells what to call when there is something to do."""

    def __init__(
        self, name: str, script: str, timeout: float, selector: selectors.BaseSelector
    ) -> None:
        self._name = name
        self._selector = selector
        self._left = memoryview(script.encode())
        self._output = bytearray()
        self._said = bytearray()
        self._status: int | None = None
        self.done = False
        self.deadline = time.monotonic() + timeout
        try:
            self._process = subprocess.Popen(  # noqa: S603 - the destination was checked
                ["ssh", *_OPTIONS, "--", destination(name), _COMMAND],  # noqa: S607 - the user's own
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                start_new_session=True,  # no terminal to ask at, and a group to be ended by
            )
        except OSError as error:
            raise HostError(
                f"cannot start ssh: {error.strerror}",
                code="ssh-not-found",
                help="install an ssh client (openssh-client, openssh-clients)",
            ) from error
        for stream, act, event in (
            (self._process.stdin, self._write, selectors.EVENT_WRITE),
            (self._process.stdout, self._read, selectors.EVENT_READ),
            (self._process.stderr, self._listen, selectors.EVENT_READ),
        ):
            assert stream is not None  # noqa: S101 - a pipe
            os.set_blocking(stream.fileno(), False)
            selector.register(stream, event, act)

    @property
    def _endless(self) -> bool:
        return len(self._output) > MAX_SIZE + _NOISE

    def _write(self) -> None:
        stream = self._process.stdin
        assert stream is not None  # noqa: S101 - a pipe
        try:
            self._left = self._left[os.write(stream.fileno(), self._left[:_CHUNK]) :]
        except BlockingIOError:
            return
        except OSError:  # nobody reads it any more
            self._left = self._left[:0]
        if not self._left:
            self._close(stream)

    def _read(self) -> None:
        stream = self._process.stdout
        assert stream is not None  # noqa: S101 - a pipe
        more = os.read(stream.fileno(), _CHUNK)
        self._output += more
        if not more or self._endless:
            # What ssh left behind, to share its connection, may hold its stderr open.
            self._close(stream)
            self.done = True

    def _listen(self) -> None:
        stream = self._process.stderr
        assert stream is not None  # noqa: S101 - a pipe
        with contextlib.suppress(BlockingIOError):
            more = os.read(stream.fileno(), _CHUNK)
            self._said += more[: _SAID - len(self._said)]
            if not more:
                self._close(stream)

    def _close(self, stream: IO[bytes]) -> None:
        self._selector.unregister(stream)
        stream.close()

    def end(self) -> None:
        """End the ssh, if it has not ended by itself, with whatever it has started."""
        if self.done and not self._endless:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._status = self._process.wait(_GRACE)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        if self._process.stderr is not None and not self._process.stderr.closed:
            self._listen()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None and not stream.closed:
                self._close(stream)

    def answer(self, timeout: float) -> Answer:
        """Return what came of it."""
        reports = _REPORT.findall(self._output)
        words = self._said.decode(errors="replace")
        remarks = [line for line in words.splitlines() if line.startswith(REMARK)]
        return Answer(
            name=self._name,
            report=reports[-1] if reports else b"",
            error=None if reports else self._error(words, timeout),
            remarks=tuple(remark[len(REMARK) :] for remark in remarks),
        )

    def _error(self, words: str, timeout: float) -> HostError:
        """Return why there is no report."""
        name, target, said = self._name, destination(self._name), last_line(words)
        if not self.done:
            return HostError(
                f"{name} did not answer in {timeout:g} s",
                code="host-timeout",
                help="it may be slow, or something on it hangs: allow it more time with --timeout",
            )
        if self._status == _SSH_FAILED:
            return HostError(
                f"{name} cannot be reached: {said}",
                code="host-unreachable",
                help=f"'ssh -o BatchMode=yes {target} true' has to work: nobody is there to give a "
                "password or to answer a question",
            )
        if self._status == _NO_PROGRAM:
            return HostError(
                f"{name} has no python3",
                code="host-without-python",
                help="install Python 3.6 or newer there",
            )
        if self._endless:
            ended = "writes without end"
        else:
            ended = "does not end" if self._status is None else ending(self._status)
        return HostError(
            f"{name} gave no report: it {ended}: {said}",
            code="host-no-report",
            help=f"see what it says: platform-abi host --probe-script | ssh {target} python3 -",
        )
