"""A throw-away process: what may be one, what it can touch, and that it outlives nobody."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import platform_abi as pa
from platform_abi.author.trace import traced_compat
from platform_abi.qemu.inventory import inventory
from platform_abi.qemu.netdevs import ask_netdevs
from platform_abi.qemu.process import Throwaway, ending
from platform_abi.qemu.starting import containment
from platform_abi.qemu.stdio_qmp import Qmp
from tests.qemu.programs import code_of, eventually, make, running, script, token

# --- what is started -----------------------------------------------------------------------------


def _own(size: int | None = None) -> bytearray:
    return bytearray(Path("/proc/self/exe").read_bytes()[:size])


def _foreign(at: int, value: int) -> bytes:
    """Return this interpreter, whole, with one byte of its ELF header changed."""
    program = _own()
    program[at] = value
    return bytes(program)


#: Each would be a line of a shell script, were it given to one; ``{}`` is the file that it makes.
RUN_AS_TEXT = {
    "a text": b"touch {}\n",
    "an ELF magic": b"\x7fELF\ntouch {}\n",
    "a whole ELF header": bytes(_own(64)) + b"\ntouch {}\n",
    "a script without interpreter": b"#!\ntouch {}\n",
    "a script with a blank interpreter": b"#! \t\ntouch {}\n",
    "an interpreter that is cut off": b"#!/" + b"x" * 300 + b"\ntouch {}\n",
    "an interpreter that is a text": b"#!{}.text\ntouch {}\n",
}

#: Tracing takes a C compiler, and asks for one before it looks at the program.
NEEDS_COMPILER = pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler (cc) on PATH")

STARTS = [
    pytest.param(lambda path: ask_netdevs({}, path, timeout=10), id="netdevs"),
    pytest.param(lambda path: Qmp(path, (), timeout=10).__enter__(), id="qmp"),
    pytest.param(lambda path: inventory(path, (), timeout=10, accelerator="tcg"), id="inventory"),
    pytest.param(lambda path: traced_compat(path, timeout=10), id="trace", marks=NEEDS_COMPILER),
]


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("content", RUN_AS_TEXT.values(), ids=RUN_AS_TEXT)
def test_no_text_is_run_as_a_shell_script(
    tmp_path: Path, start: Callable[[str], object], content: bytes
) -> None:
    """execvp(3) of whatever stood between this process and QEMU would do that."""
    trace = tmp_path / "was-run"
    make(tmp_path / "was-run.text", b"touch %s\n" % os.fsencode(trace))
    binary = make(tmp_path / "qemu", content.replace(b"{}", os.fsencode(trace)))
    assert "qemu-failed" == code_of(lambda: start(binary))
    assert not trace.exists()


@pytest.mark.parametrize(
    "content",
    [
        _foreign(18, 0x7F),  # e_machine
        _foreign(16, 1),  # e_type, a relocatable file
        bytes(_own(20)),
        bytes(_own(100)),
        b"",
    ],
    ids=["processor", "object file", "header cut off", "cut off", "empty"],
)
def test_what_cannot_be_started_here_says_why(tmp_path: Path, content: bytes) -> None:
    """A binary of another architecture, an object file, half of a download."""
    binary = make(tmp_path / "qemu", content)
    with pytest.raises(pa.HostError, match="no program for this host") as caught:
        Throwaway([binary]).__enter__()
    assert ("qemu-failed", True) == (caught.value.code, bool(caught.value.help))
    early = Throwaway([binary])
    early.start()
    with early._cleanup, pytest.raises(pa.HostError, match="no program for this host"):
        early.receive(time.monotonic() + 10)


def test_an_interpreter_that_is_missing_is_not_taken_for_the_script(tmp_path: Path) -> None:
    """The kernel's own word for it is that the script is not there."""
    with pytest.raises(pa.HostError, match="interpreter"):
        Throwaway([make(tmp_path / "qemu", b"#!/no/such/sh\n")]).__enter__()


def test_words_and_environment_arrive_to_the_byte(tmp_path: Path) -> None:
    """Empty ones, newlines and what is no text; a NUL in a word is an error."""
    shown = "import json, os, sys; print(json.dumps([sys.argv[1:], dict(os.environ)]))"
    words = ["", " a  b ", "\n", "\udcff\udcfe", "ü,,x", "--", "="]
    with Throwaway(
        [sys.executable, "-I", "-c", shown, *words], environment={"X": "", "Y": "a=b\n"}
    ) as process:
        argv, environment = json.loads(process.read_all(time.monotonic() + 30))
    assert words == argv
    assert ("", "a=b\n", "C") == (environment["X"], environment["Y"], environment["LC_ALL"])
    assert "qemu-failed" == code_of(lambda: Throwaway(["/bin/sh", "a\0b"]).__enter__())
    assert tmp_path.exists()


@pytest.mark.parametrize("status", [0, 1, 77, -signal.SIGSEGV, -signal.SIGKILL])
def test_the_status_is_the_processs_own(status: int) -> None:
    """Whether it ended by itself or by a signal; ending it twice is ending it once."""
    crash = "import ctypes; ctypes.string_at(0)"
    code = {-signal.SIGSEGV: crash, -signal.SIGKILL: "import time; time.sleep(1000)"}
    words = [sys.executable, "-I", "-c", code.get(status, f"raise SystemExit({status})")]
    with Throwaway(words) as process:
        if status != -signal.SIGKILL:
            assert "" == process.read_all(time.monotonic() + 30)
        assert status == process.end()
        assert status == process.end()


def test_a_signal_has_a_name() -> None:
    """A status of -11 says nothing to most people."""
    assert ending(-11) == "was killed by SIGSEGV"
    assert ending(-60) == "was killed by signal 60"
    assert ending(3) == "ended with status 3"


# --- what it can touch ---------------------------------------------------------------------------


def _said(lines: str, writable: str = "") -> str:
    with Throwaway(["/bin/sh", "-c", lines], writable=writable) as process:
        return process.read_all(time.monotonic() + 30)


def test_it_has_three_descriptors_and_a_folder_of_its_own(tmp_path: Path) -> None:
    """Whatever the caller has open or may let its children have, and wherever it is."""
    kept = os.open(tmp_path, os.O_RDONLY)
    os.set_inheritable(kept, True)
    try:
        listing = (
            "import os; "
            "print(*(n for n in os.listdir('/dev/fd') if os.path.exists('/dev/fd/' + n)))"
        )
        with Throwaway([sys.executable, "-I", "-c", listing]) as process:
            assert "0 1 2\n" == process.read_all(time.monotonic() + 30)
    finally:
        os.close(kept)
    folders = [_said("pwd; ls -A; echo x > x && cat x; echo $TMPDIR") for _ in range(2)]
    for folder in folders:
        where, written, temporary = folder.splitlines()
        assert ("x", where) == (written, temporary)
        assert not (Path(where) / "x").exists()
        assert str(Path.cwd()) != where


def test_it_can_write_nothing_else(tmp_path: Path) -> None:
    """Not even as root: all that is mounted is for reading, but a folder that is named."""
    if "mounts" not in containment():
        pytest.skip("this process may make no mount namespace")
    file, folder = tmp_path / "file", tmp_path / "folder"
    file.write_text("before")
    folder.mkdir()
    attack = (
        f"echo a > {file}; rm {file}; mkdir {tmp_path}/new; touch /tmp/new-$$; "
        "echo 1 > /proc/sys/vm/swappiness"
    )
    assert "" == _said(f"{attack}; echo a > {folder}/written", writable=str(folder))
    assert "before" == file.read_text()
    assert {file, folder} == set(tmp_path.iterdir())
    assert "a\n" == (folder / "written").read_text()
    assert "" == _said(f"echo b > {folder}/written")
    assert "a\n" == (folder / "written").read_text()


def test_it_has_its_own_network_and_processes() -> None:
    """It sees no interface of the host, and can signal nobody but what it started."""
    had = containment()
    if "network" in had:
        names = [line.split(":")[0].strip() for line in _said("cat /proc/net/dev").splitlines()[2:]]
        assert ["lo"] == names
    if "processes" in had:
        assert "1\n" == _said("echo $$")
        bystander = subprocess.Popen(["sleep", "1000"])
        try:
            _said(f"kill -9 {bystander.pid}; kill -9 -1")
            assert bystander.poll() is None
        finally:
            bystander.kill()
            bystander.wait()


# --- nothing is left behind ----------------------------------------------------------------------


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(), ValueError()], ids=repr)
def test_no_process_outlives_the_block(tmp_path: Path, error: BaseException) -> None:
    """Neither it nor what it started itself, whatever ends the block."""
    word = token()
    binary = script(tmp_path, f"sleep {word} & sleep {word}")

    def run() -> None:
        with Throwaway([binary]):
            assert eventually(lambda: len(running(word)) == 2)
            raise error

    with pytest.raises(type(error)):
        run()
    assert running(word) == []


_CALLER = """
    import sys, time
    from platform_abi.qemu.process import Throwaway
    print("begun", flush=True)
    with Throwaway([sys.argv[1]]):
        print("started", flush=True)
        time.sleep(1000)
"""

#: An interpreter that is slow wherever a parent could die unnoticed: before anything is looked at,
#: and around each fork and each request to the kernel.
_SLOW = """#!{python} -I
import os, sys, time
argv = sys.argv
code = argv[argv.index("-c") + 1]
sys.argv = ["-c", *argv[argv.index("-c") + 2:]]
time.sleep({pause})
fork, execve, setsid = os.fork, os.execve, os.setsid
def slow(call):
    def run(*words):
        time.sleep({pause})
        found = call(*words)
        time.sleep({pause})
        return found
    return run
os.fork, os.execve, os.setsid = slow(fork), slow(execve), slow(setsid)
exec(code)
"""


#: How many callers are killed, at moments that are spread over the whole of a slow start.
_KILLS = int(os.environ.get("PLATFORM_ABI_KILLS", "12"))

#: How many times the interpreter pauses until the process has started, and a few more.
_MOMENTS = 14


def _call(tmp_path: Path, lines: str, *, slow: float = 0) -> subprocess.Popen[str]:
    """Start a caller of a throw-away process that runs *lines*."""
    code = textwrap.dedent(_CALLER)
    if slow:
        python = make(tmp_path / "python", _SLOW.format(python=sys.executable, pause=slow).encode())
        code = f"import sys; sys.executable = {python!r}\n{code}"
    return subprocess.Popen(
        [sys.executable, "-c", code, script(tmp_path, lines)], stdout=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("lines", ["exec sleep {}", "sleep {} & setsid sleep {}"])
def test_no_process_outlives_this_one(tmp_path: Path, lines: str, number: int) -> None:
    """QEMU, and what it started itself, dies with a caller that was killed."""
    if "setsid" in lines and "processes" not in containment():
        pytest.skip("this process may make no process namespace")
    word = token()
    with _call(tmp_path, lines.replace("{}", word)) as caller:
        try:
            assert eventually(lambda: len(running(word)) == lines.count("{}"))
        finally:
            caller.send_signal(number)
            caller.wait()
    assert eventually(lambda: not running(word))


def test_no_process_outlives_one_that_dies_while_it_is_started(tmp_path: Path) -> None:
    """However slow a start is, and at whatever moment of it the caller goes."""
    word, pause = token(), 0.06
    for step in range(_KILLS):
        with _call(tmp_path, f"exec sleep {word}", slow=pause) as caller:
            assert caller.stdout is not None
            assert "begun\n" == caller.stdout.readline()
            time.sleep(step * _MOMENTS / _KILLS * pause)
            caller.kill()
        assert eventually(lambda: not _left(tmp_path)), step
        time.sleep(2 * pause)
        assert running(word) == [], step


def _left(folder: Path) -> list[str]:
    """Return what runs of the slow interpreter in *folder*."""
    return running(str(folder / "python"))


def test_a_guard_that_is_killed_takes_its_process_along(tmp_path: Path) -> None:
    """Nothing between the caller and QEMU can be lost so that QEMU stays."""
    word = token()
    with Throwaway([script(tmp_path, f"exec sleep {word}")]) as process:
        status = Path(f"/proc/{process.pid}/status").read_text()
        guard = int(status.split("PPid:")[1].split()[0])
        os.kill(guard, signal.SIGKILL)
        assert eventually(lambda: not running(word))


def test_a_relative_name_is_of_the_callers_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process is in another one, where there may be another file of that name."""
    script(tmp_path / "bin", "echo here")
    monkeypatch.chdir(tmp_path)
    for name in ("bin/qemu-system-x86_64", "./bin/../bin/qemu-system-x86_64"):
        with Throwaway([name]) as process:
            process.send_end()
            assert process.read_all(time.monotonic() + 30) == "here\n"
