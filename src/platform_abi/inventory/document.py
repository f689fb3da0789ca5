"""What is answered of a fleet, as values and as the JSON object that tools build on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from platform_abi.compat.finding import Status
from platform_abi.emit.plain import Shapes, document
from platform_abi.errors import PlatformAbiError
from platform_abi.inventory.store import Change, Recorded
from platform_abi.model.value import frozen


@frozen(kw_only=True)
class Fault:
    """Something that could not be added, by the code and the message of its error."""

    code: str
    message: str


@frozen(kw_only=True)
class Kind:
    """Virtual machines with one lockfile, or hosts with one report: how many, and what of."""

    digest: str
    count: int
    what: str


@frozen(kw_only=True)
class Placement:
    """One host with the verdict on the virtual machine that was asked about.

    *about*, *code* and *message* are of the gravest that is said.
    """

    host: str
    status: Status
    about: str
    code: str
    message: str


@frozen(kw_only=True)
class Cell:
    """Virtual machines with one lockfile on hosts with one report, and the verdict on that."""

    lock: str
    machine: str
    platform: str
    vms: int
    report: str
    hosts: int
    status: Status
    about: str
    code: str
    message: str


@frozen(kw_only=True)
class Loss:
    """Virtual machines with one lockfile that a change leaves fewer hosts, of how many."""

    lock: str
    machine: str
    platform: str
    vms: int
    before: int
    after: int


@frozen(kw_only=True)
class Barred:
    """Virtual machines with one lockfile that a changed host could have and cannot any more."""

    host: str
    lock: str
    machine: str
    platform: str
    vms: int
    code: str
    message: str


@frozen(kw_only=True)
class FleetReply:
    """What ``fleet`` says; what was not asked for is empty."""

    question: str
    hosts: Recorded | None = None
    vms: Recorded | None = None
    faults: tuple[Fault, ...] = ()
    host_kinds: tuple[Kind, ...] = ()
    vm_kinds: tuple[Kind, ...] = ()
    placements: tuple[Placement, ...] = ()
    matrix: tuple[Cell, ...] = ()
    lost: tuple[Loss, ...] = ()
    barred: tuple[Barred, ...] = ()
    changes: tuple[Change, ...] = ()


SHAPES: Final[Shapes] = {}


def fleet_document(reply: FleetReply) -> dict[str, Any]:
    """Return what ``fleet --json`` prints."""
    return document(reply, SHAPES)


def faults_of(errors: Iterable[PlatformAbiError]) -> tuple[Fault, ...]:
    """Return *errors* as values, in their order."""
    return tuple(Fault(code=error.code, message=error.message) for error in errors)


def values(kind: type, rows: Iterable[Mapping[str, Any]], **more: str) -> tuple[Any, ...]:
    """Return each of *rows* as a value of *kind*, with *more*; what else a row has is left out."""
    from platform_abi.model.value import field_names

    names = [name for name in field_names(kind) if name not in more]
    return tuple(kind(**{name: row[name] for name in names}, **more) for row in rows)
