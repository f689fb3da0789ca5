"""Hosts and virtual machines that are to be kept, read from whatever the command line names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from platform_abi.errors import PlatformAbiError, ReportError, printable
from platform_abi.files import STDIN, read_bytes
from platform_abi.fleet.stream import read_fleet
from platform_abi.inventory.store import lock_digest
from platform_abi.model.host import FleetHost
from platform_abi.model.value import evolve, frozen
from platform_abi.remote.destination import SCHEME, THIS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from platform_abi.definitions.catalogue import FileCatalogue
    from platform_abi.model.abi import GuestAbi

#: What a lockfile begins with, as it is written; other sources of virtual machines do not.
_LOCKFILE = b"schema = "


@frozen(kw_only=True)
class Intake:
    """What was read: hosts, virtual machines with the digests of their lockfiles, and faults."""

    hosts: tuple[FleetHost, ...]
    locks: Mapping[str, tuple[str, GuestAbi]]
    vms: tuple[tuple[str, str], ...]
    faults: tuple[PlatformAbiError, ...]


def take(catalogue: FileCatalogue, sources: Sequence[str]) -> Intake:
    """Return what *sources* have; what cannot be read of them is among the faults, each by name."""
    faults: list[PlatformAbiError] = []
    reports, machines, asked = [], [], []
    for source in sources:
        if source == THIS or source.startswith(SCHEME):
            asked.append(source)
        elif source == STDIN or _begins(source, b"{"):
            reports.append(source)
        else:
            machines.append(source)
    hosts = [*hosts_of(reports, faults), *_asked(catalogue, asked, faults)]
    locks: dict[str, tuple[str, GuestAbi]] = {}
    vms = []
    for source in machines:
        try:
            vms.append((_called(source), _lock(catalogue, source, locks)))
        except PlatformAbiError as error:
            faults.append(error)
    return Intake(hosts=tuple(hosts), locks=locks, vms=tuple(vms), faults=tuple(faults))


def _begins(source: str, first: bytes) -> bool:
    try:
        with Path(source).open("rb") as stream:
            return stream.read(64).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(first)
    except (OSError, ValueError):
        return False  # it is no file, or what reads it says what is wrong with it


def hosts_of(paths: Sequence[str], faults: list[PlatformAbiError] | None = None) -> list[FleetHost]:
    """Return the hosts of the reports in *paths*, each by a name of its own.

    A report that names nobody is of the host that its file is called after; one of many in a file
    is of none, which is a ReportError, or one of the *faults*.
    """
    read = read_fleet(paths, most=None, faults=faults)
    places = {name: _file_of(name, paths) for host in read for name in host.names}
    many = Counter(path for path in places.values() if path)
    found = []
    for host in read:
        names = []
        for name in host.names:
            path = places[name]
            if path is None:
                names.append(name)
            elif many[path] == 1:
                names.append(Path(path).stem)
            elif faults is None:
                raise _nameless(name)
            else:
                faults.append(_nameless(name))
        found.append(evolve(host, count=len(names), names=tuple(names)))
    return found


def _file_of(name: str, paths: Sequence[str]) -> str | None:
    """Return the file that *name* is a place in, which a host has that its report does not name."""
    path, _, line = name.rpartition(":")
    path = path if line.isdigit() else name
    return path if path in paths and path != STDIN else None


def _nameless(place: str) -> ReportError:
    return ReportError(
        f"{place}: the report does not say which host it is of",
        code="report-schema",
        help="'platform-abi host --name NAME --json' writes a name into it",
    )


def _asked(
    catalogue: FileCatalogue, names: Sequence[str], faults: list[PlatformAbiError]
) -> Iterator[FleetHost]:
    from platform_abi.cli.hosts import ask, this_host

    for name in names:
        if name == THIS:
            import socket

            report = evolve(this_host(catalogue, hold_qemu=True), name="")
            yield FleetHost(report=report, names=(socket.gethostname(),))
    remote = [name for name in names if name != THIS]
    for host in ask(catalogue, remote) if remote else ():
        if host.error is not None:
            faults.append(host.error)
        elif host.report is not None:
            yield FleetHost(
                report=evolve(host.report, name=""), names=(host.name.removeprefix(SCHEME),)
            )


def _called(source: str) -> str:
    """Return what a virtual machine is called that is read from *source*."""
    return Path(source).stem if Path(source).exists() else printable(source)


def _lock(catalogue: FileCatalogue, source: str, locks: dict[str, tuple[str, GuestAbi]]) -> str:
    """Return the digest of the lockfile of *source*, which is in *locks* then."""
    from platform_abi.cli.lock import written
    from platform_abi.cli.sources import abi_of_source
    from platform_abi.emit.lock_reading import MAX_SIZE, read_lock

    if _begins(source, _LOCKFILE):
        data = read_bytes(source, MAX_SIZE)
        digest = sha256(data).hexdigest()
        if digest not in locks:
            text = data.decode(errors="replace")
            locks[digest] = text, read_lock(text, source, catalogue=catalogue)
        return digest
    abi = abi_of_source(catalogue, source)
    text = written(catalogue, abi, look=False, qemu=None)
    locks[digest := lock_digest(text)] = text, abi
    return digest
