"""What a QEMU is asked, which binary that is, what is none, and that nothing is left behind."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import shutil
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import platform_abi as pa
from platform_abi.host.questions import (
    board_questions,
    cpu_observations,
    device_drivers,
    device_questions,
)
from platform_abi.host.witness import ask_netdevs, ask_qemu, find_qemu
from platform_abi.model.capability import Capability, Probe
from platform_abi.qemu.inventory import Inventory
from platform_abi.qemu.process import Throwaway, own_namespaces

# --- what there is to be asked -------------------------------------------------------------------


@pytest.fixture(scope="module")
def everything(catalogue: pa.FileCatalogue) -> Inventory:
    """Return a QEMU that has every device and property of the newest build, and no CPU flag."""
    build = catalogue.builds("x86_64")[0]
    types = catalogue.types(build, "x86_64")
    board = next(m for m in catalogue.build(build, "x86_64").machines if m.startswith("pc-q35"))
    names = device_drivers(catalogue)
    return Inventory(
        arch="x86_64",
        board=board,
        options={
            **{name: types.properties(name) for name in names if name in types},
            f"{board}-machine": frozenset({"smm"}),
            "kvm-accel": frozenset({"kernel-irqchip"}),
        },
        cpu={},
    )


def test_every_question_is_about_capabilities_that_exist(
    catalogue: pa.FileCatalogue, everything: Inventory
) -> None:
    """Each bit is forced on by a property that this QEMU has, and stands for something known."""
    questions = list(device_questions(catalogue, everything))
    assert {q.backend for q in questions} == {"tap", "tap+vhost", "vhost-vsock"}
    for question in questions:
        assert question.needs <= catalogue.capabilities().keys()
        for bit in question.bits:
            assert bit.property in everything.options[question.driver]
            assert f",{bit.property}=on" in question.arguments([bit])[-1]


def test_a_question_says_what_was_offered_bit_by_bit(
    catalogue: pa.FileCatalogue, everything: Inventory
) -> None:
    """Of 128 bits those that were forced on are looked at, and no other."""
    question = next(q for q in device_questions(catalogue, everything) if q.backend == "tap")
    for chosen in question.bits:
        seen = list(question.seen(question.bits, 1 << chosen.bit.bit))
        granted = [bit.bit.bit for bit, o in zip(question.bits, seen, strict=True) if o.granted]
        assert granted == [chosen.bit.bit]
    assert {"tun.uso", "tun.udp-tunnel-gso"} <= question.needs


def test_what_a_qemu_lacks_is_not_asked(catalogue: pa.FileCatalogue, everything: Inventory) -> None:
    """A QEMU before 8.2 knows no property for UDP segmentation: that says nothing of the host."""
    older = {n: p - {"host_uso", "guest_uso4", "guest_uso6"} for n, p in everything.options.items()}
    known = Inventory(arch="x86_64", board="pc-q35-7.2", options=older, cpu={})
    needs = {name for q in device_questions(catalogue, known) for name in q.needs}
    assert "tun.ufo" in needs
    assert "tun.uso" not in needs
    nothing = Inventory(arch="x86_64", board="none", options={}, cpu={})
    assert list(device_questions(catalogue, nothing)) == []
    assert list(board_questions(catalogue, nothing, "kvm")) == []


def test_a_flag_that_nobody_turns_on_by_itself_is_not_refused(
    catalogue: pa.FileCatalogue, everything: Inventory
) -> None:
    """-cpu host has no Hyper-V flag on any host, so that one is off proves nothing."""
    cpu = {"kvm-asyncpf": False, "kvm-pv-eoi": True, "hv-relaxed": False, "phys-bits": 0}
    known = Inventory(arch="x86_64", board=everything.board, options={}, cpu=cpu)
    seen = {o.needs: o.granted for o in cpu_observations(catalogue, known, "kvm")}
    assert seen == {("kvm.pv.async-pf",): False, ("kvm.pv.pv-eoi",): True}
    assert list(cpu_observations(catalogue, known, "tcg")) == []


def test_an_option_is_asked_where_the_qemu_has_it(
    catalogue: pa.FileCatalogue, everything: Inventory
) -> None:
    """Of the board or of the accelerator, and never of a board that has no such feature."""
    asked = {q.needs: q.arguments for q in board_questions(catalogue, everything, "kvm")}
    board = everything.board
    assert asked == {
        ("kvm.smm",): ("-machine", f"{board},smm=on", "-accel", "kvm"),
        ("kvm.split-irqchip",): ("-machine", board, "-accel", "kvm,kernel-irqchip=split"),
    }
    assert list(board_questions(catalogue, everything, "tcg")) == []


# --- which binary --------------------------------------------------------------------------------


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str], str]:
    """Return a function that makes an executable of the lines of a shell script."""

    def make(lines: str, name: str = "qemu-system-x86_64") -> str:
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\n{textwrap.dedent(lines)}\n")
        path.chmod(0o755)
        return str(path)

    return make


def test_a_named_binary_comes_before_the_one_in_path(
    script: Callable[[str], str], tmp_path: Path
) -> None:
    """PLATFORM_ABI_QEMU is taken at its word; without it PATH of that environment counts."""
    there = script("exit 0")
    path = {"PATH": str(tmp_path)}
    assert find_qemu(path, "x86_64") == there
    assert find_qemu({**path, "PLATFORM_ABI_QEMU": ""}, "x86_64") == there
    assert find_qemu({**path, "PLATFORM_ABI_QEMU": "/no/such"}, "x86_64") == "/no/such"
    if not Path("/usr/libexec/qemu-kvm").exists():
        assert find_qemu(path, "aarch64") is None
        assert find_qemu({}, "x86_64") is None


# --- binaries that are no QEMU -------------------------------------------------------------------

NETDEVS = {
    name: Capability(
        id=f"netdev.{name}",
        title=name,
        subsystem="host",
        probe=Probe(method="qemu-netdev", node=name),
    )
    for name in ("tap", "passt")
} | {"tun.uso": Capability(id="tun.uso", title="uso", subsystem="tun")}

HELP = """
    case "$*" in
    --version) echo 'QEMU emulator version 9.1.0 (qemu-kvm-9.1.0-15.el9)'; echo Copyright; exit;;
    "-netdev help") printf 'Available netdev backend types:\\nsocket\\ntap\\n'; exit;;
    esac
"""


def _patience(code: str) -> float:
    """Return how long to wait, in seconds, for what never comes, or is sure to."""
    return 1.0 if code == "qemu-timeout" else 30.0


def _code(run: Callable[[], object]) -> str:
    with pytest.raises(pa.HostError) as caught:
        run()
    assert caught.value.help
    assert "\x1b" not in str(caught.value)
    return caught.value.code


def test_netdevs_and_version_are_what_the_binary_says(script: Callable[[str], str]) -> None:
    """Types that it lists are present, others that a probe names are absent, the rest not asked."""
    report = ask_netdevs({c.id: c for c in NETDEVS.values()}, script(HELP))
    assert {name: fact.state for name, fact in report.facts.items()} == {
        "netdev.tap": "present",
        "netdev.passt": "absent",
    }
    assert {fact.source for fact in report.facts.values()} == {"oracle"}
    assert report.sets == {"qemu.netdevs": ("socket", "tap")}
    assert report.values == {"qemu.version": "9.1.0", "qemu.package": "qemu-kvm-9.1.0-15.el9"}


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ("exit 3", "qemu-failed"),
        ("kill -SEGV $$", "qemu-failed"),
        ("exit 0", "qemu-failed"),
        ("echo 'qemu-img version 9.1.0'", "qemu-failed"),
        ("echo 'qemu-x86_64 version 9.1.0'", "qemu-failed"),
        ("printf '\\033[2J' >&2; exit 1", "qemu-failed"),
        ("exec head -c 100000 /dev/urandom", "qemu-failed"),
        ("exec yes", "qemu-failed"),
        ("exec yes >&2", "qemu-timeout"),
        ("exec sleep 1000", "qemu-timeout"),
        ("sleep 1000", "qemu-timeout"),
        ("sleep 1000 & exit 0", "qemu-timeout"),
    ],
)
def test_a_binary_that_is_no_qemu_is_an_error_with_a_code(
    script: Callable[[str], str], lines: str, code: str
) -> None:
    """One that crashes, hangs, or prints garbage or without end: never another exception."""
    assert code == _code(lambda: ask_netdevs({}, script(lines), timeout=_patience(code)))


@pytest.mark.parametrize("binary", ["/no/such", "no-such-qemu", "", "a\0b", "/dev/null", "/"])
def test_a_binary_that_is_not_there_is_not_found(binary: str) -> None:
    """Nor one that this user may not run."""
    assert "qemu-not-found" == _code(lambda: ask_netdevs({}, binary))


def test_a_binary_of_another_machine_is_an_error(tmp_path: Path) -> None:
    """The system refuses to run it, whatever stands between this process and it."""
    foreign = tmp_path / "qemu"
    header = bytearray(Path(sys.executable).read_bytes()[:4096])
    header[18:20] = b"\xf3\x00" if header[18:20] != b"\xf3\x00" else b"\x3e\x00"  # EM_RISCV
    foreign.write_bytes(header)
    foreign.chmod(0o755)
    assert "qemu-failed" == _code(lambda: ask_netdevs({}, str(foreign)))


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ("exit 1", "qemu-failed"),
        (f"exec {sys.executable} -c 'import os; os.abort()'", "qemu-failed"),
        ("exec sleep 1000", "qemu-timeout"),
        ("exec yes", "qemu-failed"),
        ("echo '[]'; exec cat", "qemu-failed"),
        ("""echo '{"QMP": {}}'; sed -u 's/.*/{"return": 5}/'""", "qemu-failed"),
        (
            """echo '{"QMP": {}}'; sed -u 's/.*/{"return": {"arch": "s390y"}}/'""",
            "qemu-architecture",
        ),
        ("""echo '{"QMP": {}}'; sed -u 's/.*/{"error": {"desc": "no"}}/'""", "qemu-failed"),
        ("""echo '{"QMP": {}}'; exec sleep 1000""", "qemu-timeout"),
    ],
)
def test_one_that_says_its_version_and_no_more_is_an_error(
    catalogue: pa.FileCatalogue, script: Callable[[str], str], lines: str, code: str
) -> None:
    """What fails only when a machine is started fails by the same codes."""
    binary = script(HELP + lines)
    assert code == _code(lambda: ask_qemu(catalogue, binary, timeout=_patience(code)))


# --- nothing is left behind ----------------------------------------------------------------------


def _running(token: str) -> list[str]:
    """Return the processes that have *token* among their arguments, zombies not counted."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = file.read_bytes().split(b"\0")
            if token.encode() in words:
                found.append(f"{file.parent.name}: {words}")
    return found


def _eventually(holds: Callable[[], bool]) -> bool:
    """Return whether something comes true within a few seconds."""
    for _ in range(200):
        if holds():
            return True
        time.sleep(0.02)
    return False


@pytest.fixture
def token() -> str:
    """Return a number of seconds that no other process sleeps."""
    return f"1000.{secrets.randbelow(10**9):09}"


@pytest.mark.parametrize("isolated", [False, True])
@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(), ValueError()], ids=repr)
def test_no_process_outlives_the_block(
    script: Callable[[str], str], token: str, error: BaseException, isolated: bool
) -> None:
    """Neither it nor what it started itself, whatever ends the block."""
    binary = script(f"sleep {token} & sleep {token}")

    def run() -> None:
        with Throwaway([binary], isolated=isolated):
            assert _eventually(lambda: len(_running(token)) == 2)
            raise error

    with pytest.raises(type(error)):
        run()
    assert _running(token) == []


def test_no_process_outlives_an_error(
    catalogue: pa.FileCatalogue, script: Callable[[str], str], token: str
) -> None:
    """A wrapper script that hangs is gone, and so is what hangs in it, when the error is there."""
    for lines in (f"sleep {token}", f"{HELP}\nsleep {token} &\nsleep {token}"):
        binary = script(lines)
        assert "qemu-timeout" == _code(lambda: ask_qemu(catalogue, binary, timeout=0.3))  # noqa: B023
        assert _running(token) == []


@pytest.mark.parametrize(
    ("lines", "isolated"), [("exec sleep {}", False), ("sleep {} & setsid sleep {}", True)]
)
def test_no_process_outlives_this_one(
    script: Callable[[str], str], token: str, lines: str, isolated: bool
) -> None:
    """Where the kernel can see to it, QEMU dies with a caller that was killed itself."""
    if shutil.which("setpriv") is None:
        pytest.skip("no setpriv (util-linux) on PATH")
    if isolated and "--pid" not in own_namespaces():
        pytest.skip("this process may make no process namespace")
    binary = script(lines.replace("{}", token))
    code = f"""
        import time
        from platform_abi.qemu.process import Throwaway, own_namespaces
        with Throwaway([{binary!r}], isolated={isolated}):
            time.sleep(1000)
    """
    caller = subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)])
    try:
        assert _eventually(lambda: len(_running(token)) == lines.count("{}"))
    finally:
        caller.kill()
        caller.wait()
    assert _eventually(lambda: not _running(token))


def test_a_caller_may_be_in_any_thread_or_loop(script: Callable[[str], str]) -> None:
    """Nothing here needs the main thread, nor minds an event loop around it."""
    binary, found = script(HELP), []

    async def ask() -> None:
        found.append(ask_netdevs({}, binary).values["qemu.version"])

    thread = threading.Thread(target=lambda: asyncio.run(ask()))
    thread.start()
    thread.join()
    asyncio.run(ask())
    assert found == ["9.1.0", "9.1.0"]
