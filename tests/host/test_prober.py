"""Whatever becomes of the probing process, the caller gets a report and nothing is left running."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import pytest

import platform_abi as pa
from platform_abi.host.probe import probe
from platform_abi.model.capability import Capability
from platform_abi.model.host import HostReport
from tests.host.probing import (
    capability,
    catalogued,
    children,
    eventually,
    in_group,
    names,
    needs_kvm,
    needs_root,
    needs_tun,
    wrapper,
)

SIMPLE = catalogued(capability("simple", "device-node", "/dev/null"))

_KILL, _EPERM = "0x80000000", "0x00050001"
_IOCTL, _UNSHARE = "16", "272"

needs_filter = pytest.mark.skipif(
    os.uname().machine != "x86_64", reason="numbers of system calls are x86_64's here"
)

Recorded = tuple[str, Callable[[], int]]


@pytest.fixture
def recorded(tmp_path: Path) -> Recorded:
    """Return an interpreter that notes its process group, and a function that tells the group."""
    note = tmp_path / "group"
    program = wrapper(tmp_path / "python", f"echo $$ > {note}", f'exec {sys.executable} "$@"')
    return program, lambda: int(note.read_text())


@pytest.fixture
def fifo(tmp_path: Path) -> dict[str, Capability]:
    """Return a capability whose file never says anything, and two others."""
    os.mkfifo(tmp_path / "fifo")
    return catalogued(
        capability("never", "file", str(tmp_path / "fifo")),
        capability("node", "device-node", "/dev/null"),
        capability("file", "file", "/proc/sys/kernel/cap_last_cap"),
    )


def _filtered(tmp_path: Path, number: str, request: str, action: str) -> str:
    script = Path(__file__).with_name("filtered.py")
    return wrapper(
        tmp_path / "filtered",
        f'exec {sys.executable} -IS {script} {number} {request} {action} "$@"',
    )


# --- what hangs -----------------------------------------------------------------------------------


def test_what_hangs_is_cut_off_and_harms_nobody_else(
    fifo: dict[str, Capability], recorded: Recorded
) -> None:
    """A device that never answers is unknown after the time limit; all others are as ever."""
    python, group = recorded
    started = time.monotonic()
    found = probe(fifo, timeout=0.4, python=python)
    assert 0.4 < time.monotonic() - started < 3
    assert found.fact("never").detail == "no answer in 0.4 s"
    assert {n: f.state for n, f in found.facts.items()} == {
        "never": "unknown",
        "node": "present",
        "file": "present",
    }
    assert in_group(group()) == []


def test_an_interruption_leaves_nobody_behind(
    fifo: dict[str, Capability], recorded: Recorded
) -> None:
    """Ctrl-C while a device hangs goes through at once, and all processes are gone with it."""
    python, group = recorded
    before = children()

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.5)
    started = time.monotonic()
    try:
        with pytest.raises(KeyboardInterrupt):
            probe(fifo, timeout=60, python=python)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    assert time.monotonic() - started < 3
    assert eventually(lambda: not in_group(group()))
    assert children() == before


@pytest.mark.parametrize("leader", [False, True], ids=["caller", "caller-and-child"])
def test_who_is_killed_leaves_nobody_behind_for_long(
    fifo: dict[str, Capability], recorded: Recorded, leader: bool
) -> None:
    """Each process ends by itself soon after the time limit, when there is nobody to end it."""
    python, group = recorded
    pid = os.fork()
    if pid == 0:
        # What the caller blocks is inherited, and must not matter.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
        probe(fifo, timeout=0.5, python=python)
        os._exit(0)
    assert eventually(lambda: _readable(group) and len(in_group(group())) > 1)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    if leader:
        os.kill(group(), signal.SIGKILL)
    assert eventually(lambda: not in_group(group()))


def _readable(group: Callable[[], int]) -> bool:
    try:
        return group() > 0
    except (OSError, ValueError):
        return False


@pytest.mark.parametrize("lines", [["sleep 60"], ["sleep 60 & wait"], ["trap '' TERM", "sleep 60"]])
def test_a_child_that_never_speaks_is_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: list[str]
) -> None:
    """The caller waits for the time limit and a little more, whatever the child does."""
    monkeypatch.setattr("platform_abi.host.prober._START", 0.2)
    note = tmp_path / "group"
    python = wrapper(tmp_path / "python", f"echo $$ > {note}", *lines)
    started = time.monotonic()
    found = probe(SIMPLE, timeout=0.2, python=python)
    assert time.monotonic() - started < 3
    assert found.fact("simple").detail == "no answer in 0.2 s"
    assert eventually(lambda: not in_group(int(note.read_text())))


# --- what is killed -------------------------------------------------------------------------------


@needs_filter
@needs_kvm
def test_a_filter_that_kills_takes_its_group_only(
    catalogue: pa.FileCatalogue, tmp_path: Path
) -> None:
    """A seccomp filter against KVM_CREATE_VM leaves KVM unknown, by name, and all else known."""
    python = _filtered(tmp_path, _IOCTL, "0xae01", _KILL)
    found, usual = probe(catalogue.capabilities(), python=python), probe(catalogue.capabilities())
    for name, fact in found.facts.items():
        if _is_kvms(catalogue, name):
            assert (fact.state, fact.detail) == ("unknown", "probe was killed by SIGSYS"), name
        else:
            assert fact == usual.facts[name]
    assert not any(name.startswith("kvm.") for name in (*found.masks, *found.sets, *found.numbers))


def _is_kvms(catalogue: pa.FileCatalogue, name: str) -> bool:
    asked = catalogue.capabilities()[name].probe
    return asked is not None and asked.node == "/dev/kvm"


@needs_filter
@needs_tun
def test_a_filter_that_kills_later_leaves_what_was_answered(
    catalogue: pa.FileCatalogue, tmp_path: Path
) -> None:
    """Killed by TUNSETOFFLOAD, the group has said by then what the node's features are."""
    found = probe(catalogue.capabilities(), python=_filtered(tmp_path, _IOCTL, "0x400454d0", _KILL))
    assert found.state("tun.vnet-hdr") == "present"
    assert found.fact("tun.uso").detail == "probe was killed by SIGSYS"


@needs_filter
@needs_tun
def test_a_filter_that_refuses_is_not_taken_for_the_kernel(
    catalogue: pa.FileCatalogue, tmp_path: Path
) -> None:
    """EPERM from an ioctl says nothing of what the kernel could do: unknown, by name."""
    found = probe(
        catalogue.capabilities(), python=_filtered(tmp_path, _IOCTL, "0x400454d0", _EPERM)
    )
    assert found.state("tun.uso") == "unknown"
    assert found.fact("tun.uso").detail == "EPERM from TUNSETOFFLOAD 0x61"


@needs_filter
@needs_tun
def test_without_namespaces_of_its_own_the_tap_is_the_hosts_for_a_moment(
    catalogue: pa.FileCatalogue, tmp_path: Path
) -> None:
    """Where unshare(2) is refused, the answers are the same and say so; no interface stays."""
    usual = probe(catalogue.capabilities())
    found = probe(catalogue.capabilities(), python=_filtered(tmp_path, _UNSHARE, "0", _EPERM))
    assert found.state("tun.uso") == usual.state("tun.uso")
    assert found.fact("tun.csum").detail == "TUNSETOFFLOAD 0x1, in the host's network namespace"
    assert found.fact("macvtap.uso").detail.startswith("EPERM from unshare")
    assert found.state("macvtap.uso") == "unknown"
    assert not names("/sys/class/net", "abiprobe")


def test_a_child_that_is_killed_leaves_unknowns(tmp_path: Path) -> None:
    """Killed before it said anything, by whatever signal: everything is unknown, by that name."""
    python = wrapper(tmp_path / "python", "kill -SEGV $$")
    assert probe(SIMPLE, python=python).fact("simple").detail == "probe was killed by SIGSEGV"


# --- what makes no sense --------------------------------------------------------------------------


def _says(tmp_path: Path, *lines: str) -> HostReport:
    return probe(SIMPLE, python=wrapper(tmp_path / "python", *lines))


def test_a_child_that_fails_leaves_unknowns(tmp_path: Path) -> None:
    """An interpreter that is none, and one that cannot be started."""
    assert _says(tmp_path, "exit 3").fact("simple").detail == "the probe ended early, with status 3"
    for python in (str(tmp_path / "none"), str(tmp_path), "/dev/null", "a\0b"):
        fact = probe(SIMPLE, python=python).fact("simple")
        assert fact.state == "unknown"
        assert fact.detail.startswith("the probe did not start: "), python


@pytest.mark.parametrize("nowhere", ["", None])
def test_an_interpreter_that_nobody_knows_starts_nothing(
    monkeypatch: pytest.MonkeyPatch, nowhere: str | None
) -> None:
    """A program that Python is embedded in may have none (sys.executable)."""
    monkeypatch.setattr(sys, "executable", nowhere)
    assert probe(SIMPLE).fact("simple").detail.startswith("the probe did not start: ")


def test_garbage_is_no_answer(tmp_path: Path) -> None:
    """What is no JSON, or of another shape, or cut off, leaves the question unanswered."""
    said = (
        r"""printf '\377\376\n{}\n[]\n[1]\n["fact"]\n["fact","simple","present","file","cut of'"""
    )
    assert _says(tmp_path, said).state("simple") == "unknown"
    assert _says(tmp_path, r"""printf '["done"]\n'""").fact("simple").detail == (
        "the probe did not say"
    )


def test_what_was_answered_before_the_end_holds(tmp_path: Path) -> None:
    """Whole lines count, although the child died over the next."""
    said = r"""printf '["fact","simple","present","file","x"]\n["fact","simple","abs'; kill -9 $$"""
    assert _says(tmp_path, said).state("simple") == "present"


def test_a_child_that_never_ends_talking_is_cut_off(tmp_path: Path) -> None:
    """More than any host has to say is not kept, nor waited for."""
    started = time.monotonic()
    assert _says(tmp_path, "exec yes").state("simple") == "unknown"
    assert time.monotonic() - started < 5


# --- the caller's own state -----------------------------------------------------------------------


def test_the_callers_signals_and_environment_do_not_matter(
    fifo: dict[str, Capability], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ignored and blocked signals are inherited, and PYTHON* is for other programs: no harm."""
    monkeypatch.setenv("PYTHONPATH", "/nonexistent")
    monkeypatch.setenv("PYTHONHOME", "/nonexistent")
    previous = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    signals = {signal.SIGCHLD, signal.SIGALRM, signal.SIGTERM}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        found = probe(fifo, timeout=0.3)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        signal.signal(signal.SIGCHLD, previous)
    assert found.state("node") == "present"
    assert found.fact("never").detail == "no answer in 0.3 s"


def test_threads_of_the_caller_do_not_matter() -> None:
    """Several threads probe at once, and each gets what one alone would get."""
    found: list[HostReport] = []
    threads = [threading.Thread(target=lambda: found.append(probe(SIMPLE))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [probe(SIMPLE)] * 4


def test_no_process_and_no_descriptor_stays(recorded: Recorded) -> None:
    """After a probe no child runs or waits to be waited for, and no descriptor is open."""
    python, group = recorded
    before = children(), names("/proc/self/fd")
    probe(SIMPLE, python=python)
    assert in_group(group()) == []
    assert (children(), names("/proc/self/fd")) == before


@needs_root
def test_a_bare_interpreter_without_site_packages_is_enough(catalogue: pa.FileCatalogue) -> None:
    """What asks imports nothing but the standard library, wherever the caller's packages are."""
    found = probe(catalogue.capabilities(), python=os.path.realpath(sys.executable))
    assert found == probe(catalogue.capabilities())
