"""Which commands of a client are taken, and in which of QEMU's words the others are refused."""

from __future__ import annotations

from typing import Any, Final

from platform_abi.model.value import frozen
from platform_abi.monitor.client import Client
from platform_abi.monitor.reply import success
from platform_abi.monitor.request import RefusedError, Request, check_shape

_NEGOTIATE: Final = "qmp_capabilities"

#: The one capability there is (``qapi/control.json``, ``QMPCapability``).
_OOB: Final = "oob"


@frozen(kw_only=True)
class Admission:
    """What a monitor takes: *capabilities* may be enabled, *own* commands are answered here.

    Where nothing is *behind* it, every command has to be one of its own.
    """

    capabilities: frozenset[str]
    own: frozenset[str]
    behind: bool

    def answered_here(self, request: Request) -> bool:
        """Return whether *request* is not for QEMU."""
        return not self.behind or request.name in self.own

    def check(self, client: Client, request: Request) -> None:
        """Raise RefusedError where a command of a client that has negotiated is not taken."""
        if request.oob and not client.oob:
            raise RefusedError("QMP input member 'exec-oob' is unexpected")
        if self.answered_here(request):
            self._check_own(client, request)

    def _check_own(self, client: Client, request: Request) -> None:
        check_shape(request.message, oob=client.oob)
        if request.name == _NEGOTIATE and not request.oob:
            raise RefusedError(
                "Capabilities negotiation is already complete, command ignored", "CommandNotFound"
            )
        if request.name not in self.own:
            raise RefusedError(f"The command {request.name} has not been found", "CommandNotFound")
        if request.oob:
            raise RefusedError(f"The command {request.name} does not support OOB")

    def negotiate(self, client: Client, request: Request) -> bytes:
        """Let *client* enable what it asks for, and return the answer; raises RefusedError."""
        check_shape(request.message, oob=False)
        if request.name != _NEGOTIATE:
            raise RefusedError(
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
            raise RefusedError(f"Parameter '{name}' is unexpected")
        if not isinstance(wanted, list):
            raise RefusedError("Invalid parameter type for 'enable', expected: array")
        for place, name in enumerate(wanted):
            if not isinstance(name, str):
                raise RefusedError(
                    f"Invalid parameter type for 'enable[{place}]', expected: string"
                )
            if name != _OOB:
                raise RefusedError(f"Parameter 'enable[{place}]' does not accept value '{name}'")
            if name not in self.capabilities:
                raise RefusedError(f"Capability {name} not available")
        return frozenset(wanted)
