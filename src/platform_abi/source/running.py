"""Virtual machines that whoever runs them is asked for: virsh, qm, a process, a QEMU itself."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from platform_abi.emit.lock_reading import MAX_SIZE
from platform_abi.errors import HostError, UsageError, printable
from platform_abi.files import untrusted
from platform_abi.model.value import evolve
from platform_abi.qemu.binary import is_qemu
from platform_abi.source.file import Asked, read_file
from platform_abi.source.qm import QM_FOLDER
from platform_abi.source.reading import Unread, VmReading, with_unread
from platform_abi.source.text import read_command_line, read_text
from platform_abi.source.words import divided, split

if TYPE_CHECKING:
    from platform_abi.model.catalogue import Catalogue
    from platform_abi.verifier.running import RunningVm


def _command_line(
    asked: Asked, text: str | tuple[str, ...], aliases: Mapping[str, str] = MappingProxyType({})
) -> VmReading:
    return read_command_line(asked.catalogue, text, aliases, arch=asked.arch, build=asked.build)


def _pid(asked: Asked, rest: str) -> VmReading:
    if not (rest.isdecimal() and rest.isascii()):
        raise UsageError(
            f"expected pid:NUMBER, found 'pid:{printable(rest)}'",
            code="usage",
            help="the number of a QEMU's process, as 'pgrep -f qemu-system' prints it",
        )
    words = _words_of_process(int(rest))
    return _by_its_qemu(asked, words, _executable(int(rest), words))


def _by_its_qemu(asked: Asked, text: str | tuple[str, ...], program: str) -> VmReading:
    """Return what a command line describes: an alias is what the QEMU that runs it means by that.

    Where that one cannot be asked, the error is the same as of a command line in a file.
    """
    try:
        return _command_line(asked, text)
    except UsageError as error:
        if error.code != "machine-alias" or asked.build is not None or not _trusted(program):
            raise
        aliases = _aliases(asked.catalogue, program)
        if not aliases:
            raise
    return _command_line(asked, text, aliases)


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


def _qmp(asked: Asked, rest: str) -> VmReading:
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
    read = _command_line(asked, words, {named: running.machine_type} if named else {})
    return _as_it_runs(read, running)


def _machine_of(catalogue: Catalogue, words: tuple[str, ...]) -> str:
    """Return the machine type that a command line names, empty for none."""
    from platform_abi.launch.command_line import read_command_line as options_of

    table = catalogue.options()
    named = ""
    for text in options_of(table, divided(words)[1]).values("machine"):
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


def _qm(asked: Asked, rest: str) -> VmReading:
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
        read = read_file(asked, file)
        if not isinstance(read, VmReading):
            raise
        remark = f"{error.message}; read from {file} instead"
        return evolve(read, remarks=(*read.remarks, remark))
    return _by_its_qemu(asked, text, divided(split(text))[0])


def _virsh(asked: Asked, rest: str) -> VmReading:
    uri, _, name = rest.rpartition("/")
    if not name or name.startswith("-"):
        raise UsageError(
            f"expected virsh:NAME or virsh:URI/NAME, found 'virsh:{printable(rest)}'",
            code="usage",
            help="as in virsh:vm1, or virsh:qemu:///system/vm1",
        )
    own = ["-c", uri] if uri else []
    text = _said("virsh", ["-q", *own, "dumpxml", "--domain", name], asked.timeout)
    return read_text(
        asked.catalogue, text, "domain-xml", f"virsh:{rest}", arch=asked.arch, build=asked.build
    )


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


_SCHEMES: Final[Mapping[str, Callable[[Asked, str], VmReading]]] = {
    "virsh": _virsh,
    "qm": _qm,
    "pid": _pid,
    "qmp": _qmp,
}


def read_running(asked: Asked, scheme: str, rest: str) -> VmReading:
    """Return what whoever *scheme* stands for says of the virtual machine that it calls *rest*."""
    return _SCHEMES[scheme](asked, rest)
