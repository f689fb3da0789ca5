"""Where a virtual machine is read from: a file, or whoever runs it and says what it is.

    FILE                a lockfile, a domain XML, a command line, a configuration of Proxmox VE
    -                   the same from standard input
    virsh:[URI/]NAME    a domain of libvirt's, as virsh knows it
    qm:VMID             a virtual machine of Proxmox VE's
    pid:NUMBER          the process of a running QEMU
    qmp:SOCKET          a running QEMU behind its monitor

A file whose name begins like one of these is meant by ``./`` before it.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from platform_abi.emit.lock_reading import MAX_SIZE, check_owner, read_lock, text_of
from platform_abi.errors import HostError, UsageError, printable, suggest
from platform_abi.files import STDIN, read_bytes, untrusted
from platform_abi.launch.configuration_files import ConfigurationFiles
from platform_abi.launch.host_files import ThisHostFiles
from platform_abi.model.value import evolve, frozen
from platform_abi.qemu.binary import is_qemu
from platform_abi.source.domain_xml import from_domain_xml
from platform_abi.source.kinds import Kind, kind_of
from platform_abi.source.qm import QM_FOLDER, from_qm
from platform_abi.source.reading import KnownBesides, Unread, VmReading, with_unread
from platform_abi.source.words import divided, from_command_line, split

if TYPE_CHECKING:
    from platform_abi.model.abi import GuestAbi
    from platform_abi.model.catalogue import Catalogue
    from platform_abi.verifier.running import RunningVm

#: How long another program may take to say what a virtual machine is, in seconds.
TIMEOUT: Final = 30.0

#: Where Proxmox VE keeps its virtual machines (qemu-server(5)).

_ORIGIN: Final = re.compile(r"(?P<scheme>[a-z]+):(?P<rest>.*)", re.DOTALL)


class _Configurations:
    """Files of ``-readconfig``: read, or known by their name, of which *taken* says so.

    What is described elsewhere may well name files that are not here, which QEMU would refuse.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._known = catalogue.domains().qm_configurations
        self._options = catalogue.options()
        self._files = ConfigurationFiles()
        self.taken: list[str] = []

    def read(self, name: str) -> str | None:
        """Return the text of the file *name*, None where nobody can tell."""
        try:
            return self._files.read(name)
        except HostError:
            devices = self._known.get(os.path.basename(name))  # noqa: PTH119 - start-up time
        if devices is None:
            return None
        self.taken.append(f"{printable(name)} is not here: taken as Proxmox VE ships it")
        return "".join(map(self._section, devices))

    def _section(self, device: str) -> str:
        pairs = dict(self._options.pairs("device", device))
        said = "".join(f'{key} = "{value}"\n' for key, value in pairs.items() if key != "id")
        return f'[device "{pairs["id"]}"]\n{said}'


@frozen(kw_only=True)
class _Asked:
    """How a virtual machine is to be read, whatever it comes from."""

    catalogue: Catalogue
    arch: str | None
    build: str | None
    timeout: float

    def command_line(
        self, text: str | tuple[str, ...], aliases: Mapping[str, str] = MappingProxyType({})
    ) -> VmReading:
        files = _Configurations(self.catalogue)
        besides = self.besides(files)
        besides["aliases"] = aliases
        read = from_command_line(self.catalogue, text, arch=self.arch, **besides)
        return evolve(read, remarks=(*read.remarks, *files.taken))

    def text(self, text: str, kind: Kind, name: str) -> VmReading:
        if kind == "command-line":
            return self.command_line(text)
        read = from_domain_xml if kind == "domain-xml" else from_qm
        files = _Configurations(self.catalogue)
        besides = self.besides(files)
        found = read(self.catalogue, text, name=name, arch=self.arch, **besides)
        return evolve(found, remarks=(*found.remarks, *files.taken))

    def besides(self, files: _Configurations) -> KnownBesides:
        return {
            "build": self.build,
            "read_file": files.read,
            "files": ThisHostFiles(),
        }


def read_source(
    catalogue: Catalogue,
    name: str,
    *,
    arch: str | None = None,
    build: str | None = None,
    timeout: float = TIMEOUT,
) -> GuestAbi | VmReading:
    """Return what the source *name* says: a lockfile's ABI, or a virtual machine that it describes.

    *arch* and *build* are as in ``from_command_line``; *timeout*, in seconds, bounds how long
    another program may take.

    Raises HostError where it cannot be read or asked, UsageError where it is nothing that a virtual
    machine is read from (``source-unknown``), LockError for a lockfile that is none, and what those
    who read it raise.
    """
    asked = _Asked(catalogue=catalogue, arch=arch, build=build, timeout=timeout)
    match = _ORIGIN.fullmatch(name)
    if match is not None and match["scheme"] in _ORIGINS:
        return _ORIGINS[match["scheme"]](asked, match["rest"])
    return _file(asked, name)


def is_file(name: str) -> bool:
    """Return whether the source *name* is a file's, and nobody is to be asked."""
    match = _ORIGIN.fullmatch(name)
    return name != STDIN and (match is None or match["scheme"] not in _ORIGINS)


def _file(asked: _Asked, name: str) -> GuestAbi | VmReading:
    called = "standard input" if name == STDIN else name
    try:
        data = read_bytes(name, MAX_SIZE, stdin=True)
    except HostError as error:
        match = _ORIGIN.fullmatch(name)
        if match is None or os.path.exists(name):  # noqa: PTH110 - a name may hold bytes that are no text
            raise
        near = suggest(match["scheme"], _ORIGINS)
        raise HostError(
            f"{error.message}{near}", code=error.code, help=f"a source is a file, or {_LISTED}"
        ) from error
    if len(data) > MAX_SIZE:
        raise UsageError(
            f"{printable(called)}: larger than {MAX_SIZE} bytes", code="source-unknown"
        )
    text = data.decode("utf-8", "surrogateescape")
    kind = kind_of(text, called)
    if kind != "lockfile":
        return asked.text(text, kind, called)
    if name != STDIN:
        check_owner(name)
    return read_lock(text_of(data, called), called, catalogue=asked.catalogue)


# --- whoever runs it -----------------------------------------------------------------------------


def _pid(asked: _Asked, rest: str) -> VmReading:
    if not (rest.isdecimal() and rest.isascii()):
        raise UsageError(
            f"expected pid:NUMBER, found 'pid:{printable(rest)}'",
            code="usage",
            help="the number of a QEMU's process, as 'pgrep -f qemu-system' prints it",
        )
    words = _words_of_process(int(rest))
    return _by_its_qemu(asked, words, _executable(int(rest), words))


def _by_its_qemu(asked: _Asked, text: str | tuple[str, ...], program: str) -> VmReading:
    """Return what a command line describes: an alias is what the QEMU that runs it means by that.

    Where that one cannot be asked, the error is the same as of a command line in a file.
    """
    try:
        return asked.command_line(text)
    except UsageError as error:
        if error.code != "machine-alias" or asked.build is not None or not _trusted(program):
            raise
        aliases = _aliases(asked.catalogue, program)
        if not aliases:
            raise
    return asked.command_line(text, aliases)


def _aliases(catalogue: Catalogue, program: str) -> Mapping[str, str]:
    """Return what machine types a QEMU calls otherwise, nothing where it does not say."""
    from platform_abi.launch.asking import ThisHost

    try:
        return ThisHost(catalogue, program).aliased_machines()
    except HostError:
        return {}


def _executable(pid: int, words: tuple[str, ...]) -> str:
    """Return the QEMU that a process runs, empty where that can't be run here any more.

    It may have been replaced by another since, or be a container's own; what is called by its path
    now is then not what runs. Of a wrapper nothing but how it was called tells its QEMU.
    """
    link = f"/proc/{pid}/exe"
    try:
        path = os.readlink(link)  # noqa: PTH115 - start-up time
        name = os.path.basename(path.removesuffix(" (deleted)"))  # noqa: PTH119
        if not is_qemu(name):
            return divided(words)[0]
        return path if os.path.samefile(link, path) else ""  # noqa: PTH121
    except OSError:
        return ""


def _trusted(program: str) -> bool:
    """Return whether root or this user alone can have written a program."""
    try:
        return os.path.isabs(program) and not untrusted(program)  # noqa: PTH117 - start-up time
    except (OSError, ValueError):
        return False


def _words_of_process(pid: int) -> tuple[str, ...]:
    """Return the command line of a process; raises HostError, UsageError where it is no QEMU."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as stream:  # noqa: PTH123 - start-up time
            data = stream.read(MAX_SIZE)
    except OSError as error:
        raise HostError(
            f"there is no process {pid} that can be read: {error.strerror}",
            code="process-missing",
            help="only root and the user that it runs as may read it, where /proc hides others'",
        ) from None
    words = tuple(os.fsdecode(data).removesuffix("\0").split("\0")) if data else ()
    program = os.path.basename(divided(words)[0]) if words else ""  # noqa: PTH119 - start-up time
    if not is_qemu(program) and not _has_machine(words):
        raise UsageError(
            f"process {pid} is no QEMU: {printable(program) or 'a kernel thread'}",
            code="not-qemu",
            help="the number of a QEMU's process, as 'pgrep -f qemu-system' prints it",
        )
    return words


def _has_machine(words: tuple[str, ...]) -> bool:
    return any(word.lstrip("-") in ("machine", "M") for word in words if word.startswith("-"))


def _qmp(asked: _Asked, rest: str) -> VmReading:
    """Return what the QEMU behind a socket was started with, and what of that is so no more."""
    from platform_abi.verifier.peer import QmpPeer
    from platform_abi.verifier.running import look

    with QmpPeer(rest, timeout=asked.timeout) as peer:
        running = look(peer.ask)
        pid = peer.process()
    if pid is None:
        raise HostError(
            f"nobody can tell which process serves {printable(rest)}",
            code="qmp-foreign",
            help="only a QEMU that listens there itself tells that: name it by virsh:NAME where "
            "libvirt runs it, by qm:VMID, or by pid:NUMBER",
        )
    words = _words_of_process(pid)
    named = _machine_of(asked.catalogue, words)
    read = asked.command_line(words, {named: running.machine_type} if named else {})
    return _as_it_runs(read, running)


def _machine_of(catalogue: Catalogue, words: tuple[str, ...]) -> str:
    """Return the machine type that a command line names, empty for none."""
    from platform_abi.launch.command_line import read_command_line

    table = catalogue.options()
    named = ""
    for text in read_command_line(table, divided(words)[1]).values("machine"):
        named = dict(table.pairs("machine", text)).get("type", named)
    return table.machine(named)


def _as_it_runs(read: VmReading, running: RunningVm) -> VmReading:
    """Return *read*, and what was plugged in or out since, of which nobody reads what it is."""
    started = {device.id for device in read.vm.devices if device.id is not None}
    there = {d.name: d.driver for d in running.devices if d.place == "peripheral"}
    changed = [
        *(
            Unread(what=f"device {name}", reason=f"a {there[name]} that was plugged in since")
            for name in sorted(there.keys() - started)
        ),
        *(
            Unread(what=f"device {name}", reason="was plugged out since")
            for name in sorted(started - there.keys())
        ),
    ]
    unread = (*read.unread, *changed)
    return evolve(read, vm=with_unread(read.vm, unread), unread=unread)


def _qm(asked: _Asked, rest: str) -> VmReading:
    if not (rest.isdecimal() and rest.isascii()):
        raise UsageError(
            f"expected qm:VMID, found 'qm:{printable(rest)}'",
            code="usage",
            help="the number of a virtual machine, as 'qm list' prints it",
        )
    try:
        text = _said("qm", ["showcmd", rest], asked.timeout)
    except HostError as error:
        file = f"{QM_FOLDER}/{rest}.conf"
        if not os.path.exists(file):  # noqa: PTH110 - start-up time
            raise
        read = _file(asked, file)
        if not isinstance(read, VmReading):
            raise
        remark = f"{error.message}; read from {file} instead"
        return evolve(read, remarks=(*read.remarks, remark))
    return _by_its_qemu(asked, text, divided(split(text))[0])


def _virsh(asked: _Asked, rest: str) -> VmReading:
    uri, _, name = rest.rpartition("/")
    if not name or name.startswith("-"):
        raise UsageError(
            f"expected virsh:NAME or virsh:URI/NAME, found 'virsh:{printable(rest)}'",
            code="usage",
            help="as in virsh:vm1, or virsh:qemu:///system/vm1",
        )
    own = ["-c", uri] if uri else []
    text = _said("virsh", ["-q", *own, "dumpxml", "--domain", name], asked.timeout)
    return asked.text(text, "domain-xml", f"virsh:{rest}")


def _said(program: str, words: list[str], timeout: float) -> str:
    """Return what another program prints; raises HostError (``program-failed``)."""
    environment = {**os.environ, "LC_ALL": "C"}
    said = f"{program} {' '.join(words)}"
    try:
        done = subprocess.run(  # noqa: S603 - no shell
            [program, *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout,
            check=False,
            env=environment,
        )
    except subprocess.TimeoutExpired:
        message = f"'{printable(said)}' did not answer in {timeout:g} s"
        raise HostError(message, code="program-failed") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise HostError(
            f"{program} cannot be run: {reason}",
            code="program-failed",
            help=f"run this where {program} is installed, or name a file with what it prints there",
        ) from None
    if done.returncode != 0:
        lines = os.fsdecode(done.stderr).strip().splitlines() or ["no word of why"]
        raise HostError(
            f"'{printable(said)}' failed: {printable(lines[-1])}", code="program-failed"
        )
    return os.fsdecode(done.stdout)


_ORIGINS: Final[Mapping[str, Callable[[_Asked, str], VmReading]]] = {
    "virsh": _virsh,
    "qm": _qm,
    "pid": _pid,
    "qmp": _qmp,
}

_LISTED: Final = "virsh:[URI/]NAME, qm:VMID, pid:NUMBER or qmp:SOCKET"
