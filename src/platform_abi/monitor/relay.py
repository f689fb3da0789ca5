"""Who asked what: many clients behind one connection to QEMU, each as if it were alone.

Pure bookkeeping. Bytes come in, and go out through the ports that were given; nobody waits here.

- A client's commands are answered in its order. Several may be under way in QEMU, up to
  ``IN_FLIGHT`` of all clients together, so that QEMU's own queue of 8 is never full: then it would
  not read on, and hear no out-of-band command (``QMP_REQ_QUEUE_LEN_MAX`` in ``monitor/qmp.c``).
  Clients take turns.
- An out-of-band command of a client that has enabled it is passed on at once.
- Capabilities are negotiated with each client, as QEMU does; commands before that are refused.
- Events go to all clients that have negotiated, in QEMU's order among themselves and replies.
- Descriptors wait for the command of their client that takes one, and only one such command is
  under way: QEMU keeps the descriptors that came last, whoever sent them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from platform_abi.model.value import frozen
from platform_abi.monitor.client import Client, Port
from platform_abi.monitor.reader import Fault, Message
from platform_abi.monitor.reply import Event, Reply, failure, read_reply, success, with_entries
from platform_abi.monitor.request import CommandError, Request, check_shape, read_request

#: One less than would let QEMU stop reading.
IN_FLIGHT: Final = 7

#: So many commands of one client wait before no more is read from it, as in QEMU.
WAITING: Final = 8

_NEGOTIATE: Final = "qmp_capabilities"

#: The one capability there is (``qapi/control.json``, ``QMPCapability``).
_OOB: Final = "oob"

#: What takes a descriptor that came with it (``monitor/fds.c``, ``qemu_chr_fe_get_msgfd``).
_TAKES_DESCRIPTOR = frozenset({"getfd", "add-fd"})


@frozen(kw_only=True)
class Pending:
    """A command that QEMU has not answered yet."""

    client: Client
    identity: bytes | None
    name: str | None
    oob: bool = False
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
        self._capabilities = frozenset(capabilities)
        self._own = frozenset(own)
        self._ask = ask
        self._to_qemu = to_qemu
        self._additions = additions or {}
        self._clients: dict[Client, None] = {}
        #: Those with something to do, in turn.
        self._turns: deque[Client] = deque()
        self._pending: dict[int, Pending] = {}
        self._number = 0
        self._under_way = 0
        self._descriptors_under_way = False
        #: Whether QEMU has said that it is about to end.
        self.shut_down = False

    # --- clients ---------------------------------------------------------------------------------

    def connect(self, port: Port) -> Client:
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
        client.drop_descriptors()

    def received(self, client: Client, data: bytes, descriptors: Sequence[int] = ()) -> None:
        """Take what a client sent, and the descriptors that came with it."""
        if descriptors:
            # As QEMU does: those that came earlier and were not taken are lost.
            client.drop_descriptors()
            client.descriptors = list(descriptors)
        for found in client.reader.feed(data):
            self._take(client, found)
        self._advance(client)
        self._hold(client)

    def _take(self, client: Client, found: Message | Fault) -> None:
        """Put one message of a client to what waits, or deal with it at once."""
        if isinstance(found, Fault):
            client.waiting.append(failure(CommandError(found.desc), None))
            return
        if found.members is None:
            refused = CommandError("QMP input must be a JSON object")
            client.waiting.append(failure(refused, None))
            return
        request = read_request(found)
        try:
            if not client.negotiated:
                client.waiting.append(self._negotiate(client, request))
                return
            if request.oob:
                self._out_of_band(client, request)
                return
        except CommandError as error:
            client.waiting.append(failure(error, request.id))
            return
        client.waiting.append(request)

    def _negotiate(self, client: Client, request: Request) -> bytes:
        check_shape(request.message, oob=False)
        if request.name != _NEGOTIATE:
            raise CommandError(
                f"Expecting capabilities negotiation with '{_NEGOTIATE}'", "CommandNotFound"
            )
        enabled = self._enabled(request.arguments())
        client.oob = _OOB in enabled
        client.negotiated = True
        return success({}, request.id)

    def _enabled(self, arguments: dict[str, Any]) -> frozenset[str]:
        """Return which capabilities the arguments of qmp_capabilities enable."""
        wanted = arguments.pop("enable", [])
        for name in arguments:
            raise CommandError(f"Parameter '{name}' is unexpected")
        if not isinstance(wanted, list):
            raise CommandError("Invalid parameter type for 'enable', expected: array")
        for place, name in enumerate(wanted):
            if not isinstance(name, str):
                raise CommandError(
                    f"Invalid parameter type for 'enable[{place}]', expected: string"
                )
            if name != _OOB:
                raise CommandError(f"Parameter 'enable[{place}]' does not accept value '{name}'")
            if name not in self._capabilities:
                raise CommandError(f"Capability {name} not available")
        return frozenset(wanted)

    def _out_of_band(self, client: Client, request: Request) -> None:
        """Pass an out-of-band command on ahead of all that waits."""
        if not client.oob:
            raise CommandError("QMP input member 'exec-oob' is unexpected")
        if self._answered_here(request):
            # Nothing here is done out of band, and being told so need not wait.
            try:
                self._check_own(client, request)
            except CommandError as error:
                client.port.send(failure(error, request.id))
            return
        self._pass_on(client, request, oob=True)

    def _hold(self, client: Client) -> None:
        client.port.hold(len(client.waiting) >= WAITING)

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
                self._hold(turn)
            elif turn.waiting:
                idle += 1
            if turn.waiting:
                self._turns.append(turn)

    def _step(self, client: Client) -> bool:
        """Do the first thing that waits of *client*'s, and return whether that was possible."""
        if not client.waiting or client.answering:
            return False
        first = client.waiting[0]
        if isinstance(first, bytes) or self._answered_here(first):
            if client.in_flight:
                return False
            client.waiting.popleft()
            self._answer(client, first)
            return True
        takes = first.name in _TAKES_DESCRIPTOR and bool(client.descriptors)
        if self._under_way >= IN_FLIGHT or (takes and self._descriptors_under_way):
            return False
        client.waiting.popleft()
        self._pass_on(client, first, descriptors=takes)
        return True

    def _answered_here(self, request: Request) -> bool:
        return self._to_qemu is None or request.name in self._own

    def _answer(self, client: Client, first: Request | bytes) -> None:
        if isinstance(first, bytes):
            client.port.send(first)
            return
        try:
            self._check_own(client, first)
        except CommandError as error:
            client.port.send(failure(error, first.id))
            return
        client.answering = True
        self._ask(client, first)

    def _check_own(self, client: Client, request: Request) -> None:
        """Raise CommandError where *request* cannot be answered here, in QEMU's words."""
        check_shape(request.message, oob=client.oob)
        if request.name == _NEGOTIATE and not request.oob:
            raise CommandError(
                "Capabilities negotiation is already complete, command ignored", "CommandNotFound"
            )
        if request.name not in self._own:
            raise CommandError(f"The command {request.name} has not been found", "CommandNotFound")
        if request.oob:
            raise CommandError(f"The command {request.name} does not support OOB")

    def answered(self, client: Client, line: bytes) -> None:
        """Send *line* to a client: the answer to the command that ``ask`` was told of."""
        client.answering = False
        if not client.gone:
            client.port.send(line)
            self._advance(client)
            self._hold(client)

    def _pass_on(
        self, client: Client, request: Request, *, oob: bool = False, descriptors: bool = False
    ) -> None:
        assert self._to_qemu is not None  # noqa: S101 - else it had been answered here
        self._number += 1
        self._pending[self._number] = Pending(
            client=client, identity=request.id, name=request.name, oob=oob, descriptors=descriptors
        )
        if not oob:
            client.in_flight += 1
            self._under_way += 1
        taken: Sequence[int] = ()
        if descriptors:
            self._descriptors_under_way = True
            taken, client.descriptors = client.descriptors, []
        self._to_qemu(request.under(self._number), taken)

    # --- QEMU ------------------------------------------------------------------------------------

    def said(self, line: bytes) -> bool:
        """Take one message of QEMU's, and return whether it was QMP."""
        found = read_reply(line)
        if isinstance(found, Event):
            self.shut_down = self.shut_down or found.shutdown
            for client in self._clients:
                if client.negotiated:
                    client.port.send(found.line)
        elif found is not None:
            self._replied(found)
        return found is not None

    def _replied(self, reply: Reply) -> None:
        number = reply.number
        if number is None:
            # QEMU could not read an id. In band it answers in order, so it was the oldest.
            number = next((n for n, p in self._pending.items() if not p.oob), None)
        pending = None if number is None else self._pending.pop(number, None)
        if pending is None:
            return
        client = pending.client
        if not pending.oob:
            client.in_flight -= 1
            self._under_way -= 1
        if pending.descriptors:
            self._descriptors_under_way = False
        if not client.gone:
            line = reply.to(pending.identity)
            addition = self._additions.get(pending.name or "")
            if addition:
                line = with_entries(line, addition, pending.identity)
            client.port.send(line)
        self._advance(client)
