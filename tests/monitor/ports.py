"""A client's end of a monitor, in memory."""

from __future__ import annotations

import json
from typing import Any


class Port:
    """A client's end: what it was sent, and whether it is read from."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.held = False
        self.behind = False

    def send(self, data: bytes) -> None:
        """Keep what the client would read."""
        self.lines.append(data)

    def hold(self, hold: bool) -> None:
        """Keep whether it is read from."""
        self.held = hold

    def said(self) -> list[dict[str, Any]]:
        """Return what the client was sent after the greeting, as plain data."""
        return [json.loads(line) for line in self.lines[1:]]
