"""The verb ``monitor``."""

from __future__ import annotations

import re
import sys

from platform_abi.cli.options import MonitorOptions
from platform_abi.cli.render import note, say
from platform_abi.errors import UsageError
from platform_abi.model.abi import GuestAbi
from platform_abi.monitor.commands import Commands, about_itself
from platform_abi.monitor.monitor import MonitorPlaces, run_monitor
from platform_abi.monitor.schema import load_schema
from platform_abi.qemu.address import read_address


def run(options: MonitorOptions) -> int:
    """Serve QMP until told to stop, or until QEMU has ended."""
    places = _places(options)
    if options.platform is not None and options.lock is None:
        raise UsageError("--platform is of what --lock names", code="usage")
    lock = None if options.lock is None else _lock(options.lock, options.platform)
    schema = load_schema("platform.qapi")
    constants = None
    if places.qemu is None:
        schema = load_schema("control.qapi", "platform.qapi")
        constants = about_itself(schema)
    from platform_abi.cli.hosts import choose, this_host
    from platform_abi.cli.opened import load_catalogue

    commands = Commands(
        schema, load=load_catalogue, probe=this_host, choose=choose, lock=lock, constants=constants
    )
    ending = run_monitor(
        places, schema, commands, ready=lambda: _ready(places, as_json=options.json)
    )
    if ending == "qemu-ended":
        note("monitor", "QEMU has ended", "dim")
    return 0


def _places(options: MonitorOptions) -> MonitorPlaces:
    if not re.fullmatch("0?[0-7]{1,3}", options.mode):
        raise UsageError(
            f"--mode takes permissions in octal, such as 0660; found '{options.mode}'",
            code="usage",
        )
    listen = read_address(options.listen, tcp=options.allow_tcp)
    qemu = None
    if options.qemu is not None:
        qemu = read_address(options.qemu, tcp=options.allow_tcp)
    if listen == qemu:
        raise UsageError("--listen and --qemu name one socket", code="usage")
    return MonitorPlaces(listen=listen, qemu=qemu, mode=int(options.mode, 8))


def _lock(name: str, platform: str | None) -> tuple[GuestAbi, str]:
    """Return the ABI of a lockfile with its text, or of another source with what would be one."""
    from platform_abi.cli.opened import load_catalogue
    from platform_abi.cli.sources import abi_of_source
    from platform_abi.emit.lock_reading import read_lock, read_text
    from platform_abi.emit.lockfile import lockfile
    from platform_abi.source.kinds import kind_of
    from platform_abi.source.origins import is_file

    if platform is None and is_file(name):
        text = read_text(name)
        if kind_of(text, name) == "lockfile":
            return read_lock(text, name), text
    catalogue = load_catalogue()
    abi = abi_of_source(catalogue, name, platform=platform)
    return abi, lockfile(catalogue, abi)


def _ready(places: MonitorPlaces, *, as_json: bool) -> None:
    """Say that clients can connect: whoever started this waits for the line."""
    if as_json:
        from platform_abi.emit.plain import SCHEMA_VERSION, json_line

        say(json_line({"schema_version": SCHEMA_VERSION, "listening": str(places.listen)}))
    else:
        say(f"listening on {places.listen}")
    sys.stdout.flush()
