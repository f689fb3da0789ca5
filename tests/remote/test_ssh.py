"""What becomes of many hosts that are asked at once, whatever each of them does."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

import platform_abi as pa
from platform_abi.host.document import MAX_SIZE
from platform_abi.remote.ssh import AT_ONCE, Answer, ask_over_ssh
from tests.qemu.programs import eventually, running, token
from tests.remote.hosts import RUN, ssh

_REPORT = '{"schema_version":1,"kind":"host-report","host":{}}'

#: A script whose whole report is known.
_SCRIPT = f"print('{_REPORT}')"


def _ask(*names: str, script: str = _SCRIPT, timeout: float = 30.0) -> list[Answer]:
    return ask_over_ssh(names, script, timeout=timeout)


def _one(script: str = _SCRIPT, timeout: float = 30.0) -> Answer:
    (answer,) = _ask("ssh:node7", script=script, timeout=timeout)
    return answer


def _code(answer: Answer) -> str:
    assert b"" == answer.report
    assert answer.error is not None
    assert answer.error.help
    assert "ssh:node7" in str(answer.error)
    assert "\x1b" not in str(answer.error)
    return answer.error.code


def test_a_python_of_the_other_side_runs_the_script(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """And what that writes comes back, as it was written."""
    ssh(monkeypatch, tmp_path)
    answer = _one()
    assert (f"{_REPORT}\n".encode(), None, ()) == (answer.report, answer.error, answer.remarks)


def test_ssh_is_let_ask_nobody_and_told_the_host_as_a_word(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Options end before the host, and one word follows it; no password and no question."""
    note = tmp_path / "words"
    ssh(monkeypatch, tmp_path, f'printf "%s\\n" "$@" >{note}\n{RUN}')
    for name, target in (("ssh:root@node7", "root@node7"), ("ssh://node7:22", "ssh://node7:22")):
        assert _ask(name)[0].report
        *options, end, host, command = note.read_text().splitlines()
        assert ("--", target) == (end, host)
        assert command.startswith("sh -c '")
        assert "BatchMode=yes" in options
        assert any(re.fullmatch("ConnectTimeout=[0-9]+", option) for option in options)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("echo Welcome to node7; echo", "echo bye"),
        ("printf 'no end of line'", "printf 'nor here'"),
        ("head -c 200000 /dev/zero", ""),
        ("echo '{}'; echo '{\"kind\":\"host-report\"}'", "echo '}'"),
        ("printf '\\033[2J\\377\\n'", "printf '\\377'"),
    ],
)
def test_what_a_shell_says_besides_does_not_disturb(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, before: str, after: str
) -> None:
    """A greeting, a farewell, bytes that are no text: the report is found among them."""
    ssh(monkeypatch, tmp_path, f"{before}\n{RUN}\n{after}")
    assert f"{_REPORT}\n".encode() == _one().report


@pytest.mark.parametrize(
    ("lines", "code", "said"),
    [
        ("echo 'ssh: connect to host node7 port 22: No route to host' >&2; exit 255",
         "host-unreachable", "No route to host"),
        ("printf 'a\\n\\033[2Jdenied\\n' >&2; exit 255", "host-unreachable", "denied"),
        ("exit 255", "host-unreachable", "without a word"),
        ("exit 127", "host-without-python", "python3"),
        ("exit 1", "host-no-report", "ended with status 1"),
        ("exit 0", "host-no-report", "ended with status 0"),
        ("kill -9 $$", "host-no-report", "SIGKILL"),
        ("echo nonsense", "host-no-report", "ended with status 0"),
        ("head -c 100000 /dev/urandom", "host-no-report", "ended with status 0"),
        (f"printf '{_REPORT[:-5]}'", "host-no-report", "ended with status 0"),
        (f"printf '{_REPORT}'; kill -9 $$", "host-no-report", "SIGKILL"),
        ("exec cat /dev/zero", "host-no-report", "without end"),
        ("exec cat /dev/zero >&2", "host-no-report", "does not end"),
        ("exec sleep 1000", "host-timeout", "2 s"),
        ("trap '' TERM HUP; while :; do sleep 1; done", "host-timeout", "2 s"),
        ("exec >&-; sleep 1000", "host-no-report", "does not end"),
        ("cat /dev/zero >&2", "host-timeout", "2 s"),
    ],
)  # fmt: skip
def test_what_goes_wrong_with_a_host_is_its_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, lines: str, code: str, said: str
) -> None:
    """Unreachable, slow, without a Python, cut off, endless: each has its code, and says why."""
    ssh(monkeypatch, tmp_path, lines)
    answer = _one(timeout=2 if code == "host-timeout" else 30)
    assert code == _code(answer)
    assert said in str(answer.error)


def test_a_report_that_is_too_large_is_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """No host has so much to say; nobody waits for the end of it, nor keeps it."""
    ssh(monkeypatch, tmp_path)
    assert "host-no-report" == _code(_one(f"print('x' * {2 * MAX_SIZE})"))


def test_a_python_that_is_none_is_told_from_one_that_is_too_old(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What its Python says last is in the error."""
    ssh(monkeypatch, tmp_path)
    answer = _one("raise SystemExit('this needs Python 3.6')")
    assert "host-no-report" == _code(answer)
    assert "ended with status 1: this needs Python 3.6" in str(answer.error)


def test_without_an_ssh_there_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Of every host, and it names what to install."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert ["ssh-not-found"] * 2 == [
        answer.error.code for answer in _ask("ssh:a", "ssh:b") if answer.error is not None
    ]


def test_what_could_not_be_asked_there_is_remarked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Of all that stands on standard error, what the script says of its report."""
    ssh(monkeypatch, tmp_path, f"echo a banner >&2\n{RUN}")
    said = "import sys; sys.stderr.write('platform-abi: no QEMU asked\\nelse\\n')"
    answer = _one(f"{said}\n{_SCRIPT}")
    assert ("no QEMU asked",) == answer.remarks
    assert answer.report


def test_many_are_asked_at_once_and_answer_in_their_order(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """One that hangs takes its own time and nobody else's; how many are done is told."""
    ssh(
        monkeypatch,
        tmp_path,
        f"""
        case "$*" in
        *slow*) exec sleep 1000;;
        *gone*) exit 255;;
        *late*) sleep 1;;
        esac
        {RUN}
        """,
    )
    names = ["ssh:slow", "ssh:late", "ssh:gone", *(f"ssh:node{n}" for n in range(AT_ONCE + 3))]
    done: list[int] = []
    began = time.monotonic()
    answers = ask_over_ssh(names, _SCRIPT, timeout=20, progress=done.append)
    assert 40 > time.monotonic() - began
    assert names == [answer.name for answer in answers]
    assert list(range(1, len(names) + 1)) == done
    assert ["host-timeout", "", "host-unreachable", *[""] * (AT_ONCE + 3)] == [
        "" if answer.error is None else answer.error.code for answer in answers
    ]


def test_a_name_that_is_none_is_an_error_before_any_is_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It is the caller's mistake, and no host's."""
    note = tmp_path / "started"
    ssh(monkeypatch, tmp_path, f"touch {note}")
    with pytest.raises(pa.UsageError):
        _ask("ssh:node7", "ssh:-x")
    assert not note.exists()


@pytest.mark.parametrize("ending", ["sleep", "closed", "background"])
def test_nothing_is_left_of_an_ssh(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ending: str
) -> None:
    """Neither of one that never ended, nor of what it started, and nobody waits for either."""
    mark = token()
    lines = {
        "sleep": f"sleep {mark}",
        "closed": f"{RUN}\nexec >&-; sleep {mark}",
        "background": f"{RUN}\nsleep {mark} >/dev/null &",
    }[ending]
    ssh(monkeypatch, tmp_path, lines)
    began = time.monotonic()
    answer = _one(timeout=2 if ending == "sleep" else 60)
    assert 30 > time.monotonic() - began
    assert (ending == "sleep") == (answer.error is not None)
    assert eventually(lambda: not running(mark))
