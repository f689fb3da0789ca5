"""Monitors that run as processes, and clients that speak bytes to them."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from array import array
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

#: The command, with an interpreter that lets no warning pass.
MONITOR = [sys.executable, "-W", "error", "-m", "platform_abi", "monitor"]


class Serving:
    """A monitor at ``unix:PATH`` for the time of a block."""

    def __init__(self, path: Path, *options: str, qemu: Path | None = None) -> None:
        self.path = path
        behind = [] if qemu is None else ["--qemu", f"unix:{qemu}"]
        self.process = subprocess.Popen(
            [*MONITOR, "--listen", f"unix:{path}", *behind, *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        assert self.process.stdout is not None
        said = self.process.stdout.readline()
        assert said == f"listening on unix:{self.path}\n", self.ended()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def ended(self) -> tuple[int, str]:
        """Wait for the end, and return the exit code and what it said on stderr."""
        _, stderr = self.process.communicate(timeout=30)
        return self.process.returncode, stderr

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Send a signal, and return what ``ended`` does."""
        self.process.send_signal(number)
        return self.ended()


class QmpBytes:
    """A client that says just what it is told to say."""

    def __init__(self, path: Path, *, negotiate: bool = True, oob: bool = False) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(30)
        try:
            self.socket.connect(str(path))
        except OSError:
            self.socket.close()
            raise
        self._file = self.socket.makefile("rb")
        self.greeting = self._file.readline()
        if negotiate:
            enable = {"enable": ["oob"] if oob else []}
            assert {} == self.ask("qmp_capabilities", **enable)["return"]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        self._file.close()
        self.socket.close()

    def send(self, *commands: bytes | dict[str, Any], descriptors: Sequence[int] = ()) -> None:
        """Send commands in one piece, and descriptors with them."""
        data = b"".join(c if isinstance(c, bytes) else json.dumps(c).encode() for c in commands)
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", descriptors))]
        sent = self.socket.sendmsg([data], rights if descriptors else [])
        if data[sent:]:
            self.socket.sendall(data[sent:])

    def line(self) -> bytes:
        """Return the next line, or nothing at the end."""
        return self._file.readline()

    def read(self) -> dict[str, Any]:
        """Return the next message."""
        message = json.loads(self.line())
        assert isinstance(message, dict)
        return message

    def ask(self, command: str, **arguments: Any) -> dict[str, Any]:
        """Return the reply to a command; events before it are passed over."""
        self.send({"execute": command, **({"arguments": arguments} if arguments else {})})
        while "event" in (message := self.read()):
            pass
        return message


def wait_for(path: Path, *, seconds: float = 20) -> None:
    """Wait until a QEMU greets there.

    One that was connected to and left before it had greeted has been seen to die of it (10.0).
    """
    until = time.monotonic() + seconds
    while True:
        try:
            with QmpBytes(path, negotiate=False) as client:
                assert client.greeting.startswith(b"{")
        except OSError:
            assert time.monotonic() < until, f"nobody listens at {path}"
            time.sleep(0.02)
        else:
            return
