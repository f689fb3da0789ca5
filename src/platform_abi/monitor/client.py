"""One client of a monitor: what it was granted, and what it waits for."""

from __future__ import annotations

import os
from collections import deque
from typing import Protocol

from platform_abi.monitor.reader import CLIENT_LIMITS, MessageReader
from platform_abi.monitor.request import Request


class ClientPort(Protocol):
    """The way to one client."""

    def send(self, data: bytes) -> None:
        """Send *data* after all that was sent before; never waits."""

    def hold(self, hold: bool) -> None:
        """Stop reading what the client sends, or go on."""

    @property
    def behind(self) -> bool:
        """Whether so much waits for the client that it is to read first."""


class Client:
    """What is known of one client."""

    def __init__(self, port: ClientPort) -> None:
        self.port = port
        self.reader = MessageReader(CLIENT_LIMITS)
        self.negotiated = False
        self.oob = False
        self.gone = False
        #: In its order: what is not passed on or answered yet. Bytes are an answer already.
        self.waiting: deque[Request | bytes] = deque()
        #: An out-of-band command that waits until others of these are answered.
        self.urgent: Request | None = None
        #: How many commands of it are under way in QEMU, in band and out of band.
        self.in_flight = 0
        self.out_of_band = 0
        #: Whether one of it is being answered here.
        self.answering = False
        #: How many bytes it sent the commands in that wait or are under way.
        self.size = 0
        self.descriptors: list[int] = []

    def drop_descriptors(self) -> None:
        """Close what no command has taken."""
        for descriptor in self.descriptors:
            os.close(descriptor)
        self.descriptors = []
