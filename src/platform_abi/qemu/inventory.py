"""What one QEMU binary says that it has: its newest board, its devices, its CPU under KVM."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from platform_abi.errors import HostError, printable
from platform_abi.model.value import frozen
from platform_abi.qemu.binary import host_architecture
from platform_abi.qemu.process import last_line
from platform_abi.qemu.stdio_qmp import Qmp, QmpCommandError

#: The board that is asked about is the newest of those that this has been an alias of.
_BOARD = "q35"
#: Where a QEMU has no board by default, its devices are asked about on the newest one of these.
_FOR_DEVICES = "virt"


#: The board that has nothing.
_NOTHING = "none"


@frozen(kw_only=True)
class Inventory:
    """What one QEMU says of itself.

    *options* are properties by QOM type: of devices, of the board and of the accelerator. A type
    that this QEMU lacks has none. *cpu* holds the properties of ``-cpu host`` under the
    accelerator; where there are none, *complaint* says why. *for_devices* is the board that devices
    are put on: *board*, unless that is the one that has nothing.
    """

    arch: str
    board: str
    options: Mapping[str, frozenset[str]]
    cpu: Mapping[str, Any]
    complaint: str = ""
    for_devices: str = ""


def inventory(
    binary: str, drivers: Iterable[str], *, timeout: float, accelerator: str
) -> Inventory:
    """Return what *binary* has of *drivers*, and what else an oracle has to know; no board starts.

    Raises HostError, ``qemu-architecture`` for a binary that emulates another machine than this.
    """
    # Of several accelerators the first that works is taken.
    order = dict.fromkeys((accelerator, "tcg", "kvm"))
    accelerators = [word for name in order for word in ("-accel", name)]
    arguments = ["-machine", "none", *accelerators, "-nodefaults", "-no-user-config"]
    with Qmp(binary, arguments, timeout=timeout) as qmp:
        try:
            arch = str(qmp.execute("query-target")["arch"])
            _check(binary, arch)
            machines = qmp.execute("query-machines")
            board = _newest_board(machines)
            cpu, complaint = _host_cpu(qmp) if accelerator == "kvm" else ({}, "")
            return Inventory(
                arch=arch,
                board=board,
                options={
                    **{name: _names(qmp, "device-list-properties", name) for name in drivers},
                    **{
                        name: _names(qmp, "qom-list-properties", name)
                        for name in (board_type(board), accelerator_type(accelerator))
                    },
                },
                cpu=cpu,
                complaint=complaint,
                for_devices=_for_devices(machines) if board == _NOTHING else board,
            )
        except (KeyError, TypeError, AttributeError, ValueError):
            raise HostError(
                f"{printable(binary)} answers what no QEMU does",
                code="qemu-failed",
                help="name the binary of a QEMU system emulator",
            ) from None


def board_type(board: str) -> str:
    """Return the QOM type of a board (include/hw/boards.h, TYPE_MACHINE_SUFFIX)."""
    return f"{board}-machine"


def accelerator_type(accelerator: str) -> str:
    """Return the QOM type of an accelerator (include/qemu/accel.h, ACCEL_CLASS_SUFFIX)."""
    return f"{accelerator}-accel"


def _check(binary: str, arch: str) -> None:
    here = host_architecture()
    if here != arch and not os.uname().machine.startswith(arch):  # armv6l is QEMU's arm
        raise HostError(
            f"{printable(binary)} emulates {printable(arch)}, and this host is {here}",
            code="qemu-architecture",
            help=f"name one such as qemu-system-{here}",
        )


def _newest_board(machines: Sequence[Mapping[str, Any]]) -> str:
    for machine in machines:
        if machine.get("alias") == _BOARD:
            return str(machine["name"])
    return next((str(m["name"]) for m in machines if m.get("is-default")), _NOTHING)


def _for_devices(machines: Sequence[Mapping[str, Any]]) -> str:
    named = (str(m["name"]) for m in machines if _FOR_DEVICES in (m.get("alias"), m["name"]))
    return next(named, _NOTHING)


def _names(qmp: Qmp, command: str, kind: str) -> frozenset[str]:
    try:
        return frozenset(str(found["name"]) for found in qmp.execute(command, typename=kind))
    except QmpCommandError:  # it has no such type
        return frozenset()


def _host_cpu(qmp: Qmp) -> tuple[Mapping[str, Any], str]:
    if not qmp.execute("query-kvm")["enabled"]:
        return {}, f"no KVM: {last_line(qmp.stderr)}"
    try:
        answer = qmp.execute("query-cpu-model-expansion", type="full", model={"name": "host"})
    except QmpCommandError as error:
        return {}, error.message
    return dict(answer["model"]["props"]), ""
