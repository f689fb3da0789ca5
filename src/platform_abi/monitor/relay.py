"""Who asked what: many clients behind one connection to QEMU, each as if it were alone.

Pure bookkeeping. Bytes come in, and go out through the ports that were given; nobody waits here.

- A client's commands are answered in its order. Several may be under way in QEMU, up to
  ``IN_FLIGHT`` of all clients together, so that QEMU's own queue of 8 is never full: then it would
  not read on, and hear no out-of-band command (``QMP_REQ_QUEUE_LEN_MAX`` in ``monitor/qmp.c``).
  Clients take turns.
- Of large commands (``LARGE``) QEMU has one at a time, as it reads its monitor byte by byte: nobody
  who asks little waits for more than one of them, however many were sent by however many.
- An out-of-band command of a client that has enabled it is passed on at once.
- Capabilities are negotiated with each client, as QEMU does; commands before that are refused.
- Events go to all clients that have negotiated, in QEMU's order among themselves and replies.
- Nothing grows without end: a client is read from while it has room (``Relay._has_room``), and a
  command of one that does not read its answers waits.
- Descriptors wait for the command of their client that takes one, and only one such command is
  under way: QEMU keeps the descriptors that came last, whoever sent them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from platform_abi.model.value import frozen
from platform_abi.monitor.admission import Admission
from platform_abi.monitor.client import Client, ClientPort
from platform_abi.monitor.reader import CLIENT_LIMITS, Fault, Message, MessageReader
from platform_abi.monitor.reply import Event, Reply, failure, read_reply, with_entries
from platform_abi.monitor.request import RefusedError, Request, read_request

#: One less than would let QEMU stop reading.
IN_FLIGHT: Final = 7

#: A command of more bytes is large. QEMU needs 3 to 6 us for each byte: this much is 50 ms at most.
LARGE: Final = 8 << 10

#: So many commands of one client wait before no more is read from it, as in QEMU.
WAITING: Final = 8

#: Of what was read at once so many are taken to wait, and an out-of-band command among them heard.
TAKEN: Final = 1024

#: How many commands are under way out of band, of one client and of all: QEMU executes one.
OUT_OF_BAND: Final = 8
ALL_OUT_OF_BAND: Final = 64

#: What takes a descriptor that came with it (``monitor/fds.c``, ``qemu_chr_fe_get_msgfd``).
_TAKES_DESCRIPTOR = frozenset({"getfd", "add-fd"})


@frozen(kw_only=True)
class Pending:
    """A command that QEMU has not answered yet."""

    client: Client
    request: Request
    descriptors: bool = False


#: Gives QEMU a command, and the descriptors that go with it; they are closed after that.
ToQemu = Callable[[bytes, Sequence[int]], None]

#: Is told of a command to answer here; ``Relay.answered`` has to be called some time.
Ask = Callable[[Client, Request], None]


class Relay:
    """All clients of one QEMU, or of none where *to_qemu* is None.

    *greeting* is what every client is greeted by, *capabilities* what it may enable. Commands of
    *own* are answered here: *ask* is told. *additions* are entries by name for the lists that
    QEMU's own commands return, by command.
    """

    def __init__(
        self,
        *,
        greeting: bytes,
        capabilities: Iterable[str],
        own: Iterable[str],
        ask: Ask,
        to_qemu: ToQemu | None = None,
        additions: Mapping[str, Mapping[str, bytes]] | None = None,
    ) -> None:
        self._greeting = greeting
        self._admission = Admission(
            capabilities=frozenset(capabilities), own=frozenset(own), behind=to_qemu is not None
        )
        self._ask = ask
        self._to_qemu = to_qemu
        self._additions = additions or {}
        self._clients: dict[Client, None] = {}
        #: Those with something to do, in turn.
        self._turns: deque[Client] = deque()
        self._pending: dict[int, Pending] = {}
        self._number = 0
        self._under_way = 0
        self._out_of_band = 0
        #: Whether a command is being answered here: one at a time, so that none queue elsewhere.
        self._answering = False
        self._descriptors_under_way = False
        #: Whether a large command is under way in band (False), and out of band (True).
        self._large = {False: False, True: False}
        #: Whether QEMU has said that it is about to end.
        self.shut_down = False

    # --- clients ---------------------------------------------------------------------------------

    def connect(self, port: ClientPort) -> Client:
        """Take a new client in, and greet it."""
        client = Client(port)
        self._clients[client] = None
        port.send(self._greeting)
        return client

    def disconnect(self, client: Client) -> None:
        """Forget a client that is gone: what it asked QEMU is done, and the answer dropped."""
        self._clients.pop(client, None)
        client.gone = True
        client.waiting.clear()
        client.urgent = None
        client.reader = MessageReader(CLIENT_LIMITS)
        client.drop_descriptors()

    def received(self, client: Client, data: bytes, descriptors: Sequence[int] = ()) -> None:
        """Take what a client sent, and the descriptors that came with it."""
        if descriptors:
            # As QEMU does: those that came earlier and were not taken are lost.
            client.drop_descriptors()
            client.descriptors = list(descriptors)
        client.reader.feed(data)
        self.resume(client)

    def resume(self, client: Client) -> None:
        """Go on with a client that has sent something, or has read what waited for it."""
        self._read(client)
        self._advance(client)

    def _read(self, client: Client) -> None:
        """Take what *client* has sent while there is room, and read on from it if there is yet."""
        if client.urgent is not None:
            self._pass_ahead(client, client.urgent)
        while self._has_room(client) and (message := client.reader.next()) is not None:
            waits = self._take(client, message)
            if waits is not None:
                client.waiting.append(waits)
                client.size += len(waits) if isinstance(waits, bytes) else waits.size
        client.port.hold(len(client.waiting) >= WAITING or not self._has_room(client))

    def _has_room(self, client: Client) -> bool:
        return (
            client.urgent is None
            and len(client.waiting) < TAKEN
            and client.size < CLIENT_LIMITS.size
            and not client.port.behind
        )

    def _take(self, client: Client, message: Message | Fault) -> Request | bytes | None:
        """Return what waits of one message of a client, or None where it was dealt with at once."""
        if isinstance(message, Fault):
            return failure(RefusedError(message.desc), None)
        request = read_request(message)
        try:
            return self._admit(client, request)
        except RefusedError as error:
            line = failure(error, request.id)
        if not (request.oob and client.oob):
            return line
        client.port.send(line)
        return None

    def _admit(self, client: Client, request: Request) -> Request | bytes | None:
        """Return what waits of a request; one out of band goes ahead of all that waits."""
        if request.message.members is None:
            raise RefusedError("QMP input must be a JSON object")
        if not client.negotiated:
            return self._admission.negotiate(client, request)
        self._admission.check(client, request)
        if not request.oob:
            return request
        client.size += request.size
        self._pass_ahead(client, request)
        return None

    def _pass_ahead(self, client: Client, request: Request) -> None:
        """Pass an out-of-band command on, or let it wait until it may be."""
        full = client.out_of_band >= OUT_OF_BAND or self._out_of_band >= ALL_OUT_OF_BAND
        waits = full or self._waits_for_another(request)
        client.urgent = request if waits else None
        if not waits:
            self._pass_on(client, request)

    def _waits_for_another(self, request: Request) -> bool:
        """Return whether *request* is large, and QEMU has such a one already."""
        return request.size > LARGE and self._large[request.oob]

    # --- in band ---------------------------------------------------------------------------------

    def _advance(self, client: Client | None) -> None:
        """Do what *client*, and whoever's turn it is, can have done now."""
        if client is not None and client.waiting and client not in self._turns:
            self._turns.append(client)
        idle = 0
        while self._turns and idle < len(self._turns):
            turn = self._turns.popleft()
            if self._step(turn):
                idle = 0
                self._read(turn)
            elif turn.waiting:
                idle += 1
            if turn.waiting:
                self._turns.append(turn)

    def _step(self, client: Client) -> bool:
        """Do the first thing that waits of *client*'s, and return whether that was possible."""
        if not client.waiting or client.answering or client.port.behind:
            return False
        first = client.waiting[0]
        if isinstance(first, bytes):
            if client.in_flight:
                return False
            client.size -= len(first)
            client.port.send(first)
        elif self._admission.answered_here(first):
            if client.in_flight or self._answering:
                return False
            self._answering = client.answering = True
            self._ask(client, first)
        else:
            takes = first.name in _TAKES_DESCRIPTOR and bool(client.descriptors)
            if self._under_way >= IN_FLIGHT or (takes and self._descriptors_under_way):
                return False
            if self._waits_for_another(first):
                return False
            self._pass_on(client, first, descriptors=takes)
        client.waiting.popleft()
        return True

    def answered(self, client: Client, request: Request, line: bytes) -> None:
        """Send *line* to a client: the answer to *request*, which ``ask`` was told of."""
        self._answering = client.answering = False
        client.size -= request.size
        if not client.gone:
            client.port.send(line)
        self.resume(client)

    def _pass_on(self, client: Client, request: Request, *, descriptors: bool = False) -> None:
        assert self._to_qemu is not None  # noqa: S101 - else it had been answered here
        self._number += 1
        self._pending[self._number] = Pending(
            client=client, request=request, descriptors=descriptors
        )
        self._count(client, request, 1)
        taken: Sequence[int] = ()
        if descriptors:
            self._descriptors_under_way = True
            taken, client.descriptors = client.descriptors, []
        self._to_qemu(request.under(self._number), taken)

    def _count(self, client: Client, request: Request, step: int) -> None:
        """Note that a command is under way in QEMU, or is no more."""
        if request.size > LARGE:
            self._large[request.oob] = step > 0
        if request.oob:
            client.out_of_band += step
            self._out_of_band += step
        else:
            client.in_flight += step
            self._under_way += step

    # --- QEMU ------------------------------------------------------------------------------------

    def said(self, line: bytes) -> bool:
        """Take one message of QEMU's, and return whether it was one that QEMU may say."""
        message = read_reply(line)
        if isinstance(message, Event):
            self.shut_down = self.shut_down or message.shutdown
            for client in self._clients:
                if client.negotiated:
                    client.port.send(message.line)
            return True
        return message is not None and self._replied(message)

    def _replied(self, reply: Reply) -> bool:
        number = reply.number
        if number is None:
            # QEMU could not read an id. In band it answers in order, so it was the oldest.
            number = next((n for n, p in self._pending.items() if not p.request.oob), None)
        pending = None if number is None else self._pending.pop(number, None)
        if pending is None:
            return reply.number is None
        client, request = pending.client, pending.request
        crowded = request.oob and (self._out_of_band >= ALL_OUT_OF_BAND or request.size > LARGE)
        self._count(client, request, -1)
        client.size -= request.size
        if pending.descriptors:
            self._descriptors_under_way = False
        if not client.gone:
            client.port.send(self._answer(request, reply))
        if crowded:
            self._let_others_ahead(client)
        self.resume(client)
        return True

    def _let_others_ahead(self, client: Client) -> None:
        """Let those that wait with an out-of-band command have theirs before *client* has more."""
        if not client.gone:
            self._clients[client] = self._clients.pop(client)
        for other in list(self._clients):
            if other is not client:
                self.resume(other)

    def _answer(self, request: Request, reply: Reply) -> bytes:
        """Return what answers *request* where QEMU's answer is *reply*."""
        line = reply.to(request.id)
        addition = self._additions.get(request.name or "")
        if not addition:
            return line
        try:
            return with_entries(line, addition, request.id)
        except RefusedError as error:
            return failure(error, request.id)

    def give_up(self, desc: str) -> None:
        """Answer by an error, *desc*, all that QEMU was asked and was to be asked."""
        error = RefusedError(desc)
        for pending in self._pending.values():
            if not pending.client.gone:
                pending.client.port.send(failure(error, pending.request.id))
        self._pending.clear()
        for client in self._clients:
            for waits in (client.urgent, *client.waiting):
                if waits is not None:
                    said = waits if isinstance(waits, bytes) else failure(error, waits.id)
                    client.port.send(said)
            client.waiting.clear()
