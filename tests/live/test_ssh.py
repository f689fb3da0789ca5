"""Hosts over a real ssh: this one, by a server that the tests start for themselves.

It listens on an address and a port of this machine only, with a key of its own, and lets in who has
another one. Here it runs what it would run elsewhere: so what it says can be held against what an
installed probe says.
"""

from __future__ import annotations

import json
import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import platform_abi as pa
from platform_abi.cli import main
from platform_abi.host.document import read_report
from platform_abi.remote.known import with_known_qemus
from platform_abi.remote.script import Wishes, probe_script
from platform_abi.remote.ssh import ask_over_ssh
from tests.live.conftest import BUILD_OF

pytestmark = pytest.mark.live

_SERVER = "/usr/sbin/sshd"
_REPORT = '{"schema_version":1,"kind":"host-report","host":{}}'
_SCRIPT = f"print('{_REPORT}')"

#: Lets a host be asked: what else than the script its shell runs, and what ssh_config(5) has more.
Host = Callable[..., None]


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, int]]:
    """Return the folder of a server, with keys and who may come in, and its port."""
    if not Path(_SERVER).exists() or shutil.which("ssh") is None:
        reason = "no ssh and sshd (openssh-client, openssh-server)"
        if os.environ.get("PLATFORM_ABI_LIVE_REQUIRED") == "1":
            pytest.fail(f"required, but missing: {reason}", pytrace=False)
        pytest.skip(reason)
    folder, port = tmp_path_factory.mktemp("sshd"), _free_port()
    for name in ("host", "user"):
        words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(folder / name)]
        subprocess.run(words, check=True)
    known = (folder / "host.pub").read_text(encoding="ascii")
    (folder / "known").write_text(f"[127.0.0.1]:{port} {known}", encoding="ascii")
    (folder / "config").write_text(
        f"ListenAddress 127.0.0.1\nPort {port}\nHostKey {folder}/host\nPidFile none\nUsePAM no\n"
        f"AuthorizedKeysFile {folder}/authorized\nStrictModes no\nPasswordAuthentication no\n",
        encoding="ascii",
    )
    if os.geteuid() == 0:  # where it has nothing to do
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    words = [_SERVER, "-D", "-e", "-f", str(folder / "config")]
    with (folder / "log").open("wb") as log, subprocess.Popen(words, stderr=log) as process:
        until = time.monotonic() + 20
        while b"listening" not in (folder / "log").read_bytes():
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < until
            time.sleep(0.05)
        yield folder, port
        process.terminate()


@pytest.fixture
def host(server: tuple[Path, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    """Return what lets ``ssh:node7`` be this host, as this user."""
    folder, port = server
    found = shutil.which("ssh")

    def let(command: str = "", **options: str) -> None:
        forced = f'command="{command}" ' if command else ""
        key = (folder / "user.pub").read_text(encoding="ascii")
        (folder / "authorized").write_text(f"{forced}{key}", encoding="ascii")
        said = {
            "HostName": "127.0.0.1",
            "Port": str(port),
            "User": pwd.getpwuid(os.getuid()).pw_name,
            "IdentityFile": str(folder / "user"),
            "IdentitiesOnly": "yes",
            "UserKnownHostsFile": str(folder / "known"),
            "GlobalKnownHostsFile": "/dev/null",
            **options,
        }
        lines = "".join(f"  {key} {value}\n" for key, value in said.items())
        (tmp_path / "config").write_text(f"Host node7\n{lines}", encoding="ascii")
        program = tmp_path / "bin" / "ssh"
        program.parent.mkdir(exist_ok=True)
        program.write_text(f'#!/bin/sh\nexec {found} -F {tmp_path}/config "$@"\n')
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")

    return let


def _code(script: str = _SCRIPT, timeout: float = 60.0) -> str:
    (answer,) = ask_over_ssh(["ssh:node7"], script, timeout=timeout)
    assert (answer.error is None) == bool(answer.report)
    return "" if answer.error is None else answer.error.code


def _json(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, object]:
    assert 0 == main(["host", *words, "--json"]), capsys.readouterr().err
    out, err = capsys.readouterr()
    assert "" == err
    said: dict[str, object] = json.loads(out)
    return said


def test_a_host_says_what_an_installed_probe_says(
    host: Host, qemu_binaries: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """Of its kernel, its devices and two of its QEMUs: the same document, but for its name."""
    host()
    qemus = [word for v in ("10.0", "7.2") for word in ("--qemu", str(qemu_binaries[v]))]
    there = _json(capsys, "ssh:node7", *qemus)
    here = _json(capsys, *qemus)
    assert {"name": "node7", **here} == there


@pytest.mark.parametrize("suite", ["bullseye", "bookworm", "trixie"])
def test_the_pythons_of_debian_find_the_same(
    catalogue: pa.FileCatalogue, qemu_binaries: dict[str, Path], suite: str
) -> None:
    """That of Debian 11 and of 12, by their own binaries and libraries, on this very host."""
    folder = os.environ.get("PLATFORM_ABI_LIVE_QEMU", "")
    root = Path(folder) / "python" / suite / "root"
    python = root / "usr/bin/python3"
    if not python.exists():
        pytest.skip(f"no Python of {suite}; tests/live/install-python can get it")
    qemu = str(qemu_binaries["10.0"])
    libraries = [root / part / "x86_64-linux-gnu" for part in ("lib", "usr/lib")]
    loader = libraries[0] / "ld-linux-x86-64.so.2"
    path = ":".join(map(str, libraries))
    done = subprocess.run(
        [loader, "--library-path", path, python, "-I", "-"],
        input=probe_script(catalogue.capabilities(), Wishes(qemus=(qemu,))).encode(),
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert (0, b"") == (done.returncode, done.stderr)
    found = with_known_qemus(catalogue, read_report(done.stdout, suite))
    expected = pa.from_configuration(catalogue, pa.probe(catalogue.capabilities()))
    netdevs = {name for name, fact in found.facts.items() if fact.source == "oracle"}
    for name in expected.facts.keys() - netdevs:
        assert expected.facts[name] == found.facts[name]
    assert (expected.numbers, expected.masks) == (found.numbers, found.masks)
    assert expected.values.items() <= found.values.items()
    assert expected.sets.items() <= found.sets.items()
    assert [BUILD_OF["10.0"]] == [each.build for each in found.qemus]


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ('echo Welcome; sh -c \\"$SSH_ORIGINAL_COMMAND\\"; echo bye', ""),
        ("printf 'no end'; sh -c \\\"$SSH_ORIGINAL_COMMAND\\\"", ""),
        ('PATH=/nowhere /bin/sh -c \\"$SSH_ORIGINAL_COMMAND\\"', "host-without-python"),
        ('sh -c \\"$SSH_ORIGINAL_COMMAND\\" | head -c 20', "host-no-report"),
        ("kill -9 $PPID", "host-unreachable"),
        ("echo This account is not available.; exit 1", "host-no-report"),
        ("sleep 1000", "host-timeout"),
    ],
)
def test_what_a_login_makes_of_it(host: Host, command: str, code: str) -> None:
    """A greeting does no harm; a shell without a Python, one that is cut off: each has its code."""
    host(command)
    assert code == _code(timeout=4 if code == "host-timeout" else 60)


def test_nobody_is_asked_whether_to_believe_a_host(host: Host, tmp_path: Path) -> None:
    """One whose key is not known is not reached, and neither is one that wants a password."""
    host(UserKnownHostsFile=str(tmp_path / "none"))
    assert "host-unreachable" == _code()
    host(IdentityFile=str(tmp_path / "none"))
    assert "host-unreachable" == _code()
    host(Port=str(_free_port()))
    assert "host-unreachable" == _code()


def test_a_connection_that_is_shared_holds_nobody_up(host: Host, tmp_path: Path) -> None:
    """The ssh that stays behind for the next one keeps no stream of the first."""
    host(ControlMaster="auto", ControlPath=str(tmp_path / "%h"), ControlPersist="60")
    began = time.monotonic()
    try:
        assert ["", ""] == [_code(), _code()]
        assert 30 > time.monotonic() - began
    finally:
        subprocess.run(["ssh", "-O", "exit", "node7"], capture_output=True, check=False)


def test_a_server_that_says_nothing_is_not_waited_for(host: Host) -> None:
    """The others go on: each host has its own time."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        host(Port=str(silent.getsockname()[1]))
        began = time.monotonic()
        assert _code(timeout=3) == "host-timeout"
        assert 20 > time.monotonic() - began
