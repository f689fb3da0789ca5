"""The verbs that take a host report, given hosts that are asked over ssh."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import platform_abi as pa
from platform_abi.host.document import read_report
from tests.cli.commands import Run, run_command
from tests.documents import validated
from tests.remote.hosts import RUN, ssh

_LINES = f'case "$*" in *gone*) echo no route >&2; exit 255;; esac\n{RUN}'


@pytest.fixture(autouse=True)
def _other_hosts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let each host be this one, but those that are gone; and none have a QEMU."""
    ssh(monkeypatch, tmp_path, _LINES)
    monkeypatch.setenv("PLATFORM_ABI_QEMU", "")


def test_a_host_is_reported_as_this_one_is(capsys: Run, tmp_path: Path) -> None:
    """The same document and the same text, in the same places; only its name is its own."""
    words = ["host", "--no-qemu"]
    code, there, err = run_command(capsys, *words, "ssh:node7", "--json")
    assert (0, "") == (code, err)
    here = json.loads(run_command(capsys, *words, "--json")[1])
    assert {"name": "node7", **here} == json.loads(there)
    assert here == json.loads(run_command(capsys, *words, "this", "--json")[1])
    text = run_command(capsys, *words)[1]
    assert text == run_command(capsys, *words, "ssh:node7")[1]
    file = tmp_path / "report.json"
    assert (0, "", "") == run_command(capsys, *words, "ssh:node7", "-o", str(file))
    assert there == file.read_text()


def test_one_that_cannot_be_asked_is_an_error(capsys: Run) -> None:
    """Of the environment, with its reason, and no report."""
    code, out, err = run_command(capsys, "host", "ssh:gone")
    assert (4, "") == (code, out)
    assert err.startswith("error[host-unreachable]: ssh:gone cannot be reached: no route\nhelp: ")
    code, out, err = run_command(capsys, "host", "ssh:gone", "--json")
    assert (4, "", "host-unreachable") == (code, out, json.loads(err)["error"]["code"])


def test_of_many_those_that_answer_are_reported(capsys: Run, tmp_path: Path) -> None:
    """A line for each, in the order that they are named; the others have errors, and it is 4."""
    words = ["host", "--no-qemu", "ssh:b", "ssh:gone", "this", "ssh:a"]
    code, out, err = run_command(capsys, *words, "--line")
    assert 4 == code
    reports = [read_report(line, "line") for line in out.splitlines()]
    assert ["b", "this", "a"] == [report.name for report in reports]
    assert reports[0].facts == reports[1].facts
    assert 1 == err.count("error[host-unreachable]: ssh:gone")
    code, out, err = run_command(capsys, *words)
    assert (4, 5) == (code, len(out.splitlines()))
    assert ["ssh:b", "ssh:gone", "this", "ssh:a"] == [
        row.split()[0] for row in out.splitlines()[1:]
    ]
    assert "host-unreachable" in out.splitlines()[2]
    file = tmp_path / "fleet.ndjson"
    code, out, _ = run_command(capsys, *words[:3], "--line", "-o", str(file))
    assert (0, "", 1) == (code, out, len(file.read_text().splitlines()))


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["node7"], 2, "ssh:node7"),
        (["ssh:-x"], 2, "bad-host"),
        (["ssh:a", "ssh:a"], 2, "twice"),
        (["ssh:a", "--oracle"], 2, "--oracle"),
        (["ssh:a", "--look", "q35"], 2, "--look"),
        (["ssh:a", "ssh:b", "--json"], 2, "--line"),
        (["ssh:a", "ssh:b", "--name", "x"], 2, "--name"),
        (["ssh:a", "ssh:b", "-o", "/tmp/x"], 2, "--line"),
        (["ssh:a", "--probe-script"], 2, "--probe-script"),
        (["ssh:a", "--no-qemu", "--qemu", "/x"], 2, "contradict"),
        (["ssh:a", "--timeout", "0"], 2, "--timeout"),
    ],
)
def test_bad_questions_have_errors(capsys: Run, words: list[str], code: int, said: str) -> None:
    """What cannot be done is said before anything is asked."""
    found, out, err = run_command(capsys, "host", *words)
    assert (code, "") == (found, out)
    assert said in err


def test_the_script_is_printed_or_written(
    capsys: Run, tmp_path: Path, catalogue: pa.FileCatalogue
) -> None:
    """It is what ssh:HOST runs, and knows the QEMUs that are wished for."""
    code, out, err = run_command(capsys, "host", "--probe-script")
    assert (0, "") == (code, err)
    assert pa.probe_script(catalogue.capabilities()) == out
    file = tmp_path / "probe.py"
    words = ["host", "--probe-script", "--qemu", "/opt/qemu", "-o", str(file)]
    assert (0, "", "") == run_command(capsys, *words)
    assert '"qemus": ["/opt/qemu"]' in file.read_text()


def test_wherever_a_report_is_taken_a_host_is_asked(capsys: Run, tmp_path: Path) -> None:
    """And is answered for as this one is; that one of them is gone is the error of the verb."""
    lock = str(tmp_path / "vm.lock")
    vm = ["-M", "pc-q35-9.1", "--platform", "conservative", "--accel", "tcg", "--lock", lock]
    assert 0 == run_command(capsys, "resolve", *vm)[0]
    taken = [
        ["platforms", "--host", "HOST"],
        ["check", lock, "--host", "HOST"],
        ["check", lock, "--from", "this", "--to", "HOST"],
        ["diff", "host", "this", "HOST"],
        ["baseline", "HOST"],
    ]
    for words in taken:
        here, there, gone = (
            run_command(capsys, *(host if word == "HOST" else word for word in words))
            for host in ("this", "ssh:node7", "ssh:gone")
        )
        called = [said.replace("ssh:node7", "this") for said in there[1:]]
        assert here == (there[0], *called), words
        assert (4, "") == gone[:2], words
        assert "error[host-unreachable]: ssh:gone" in gone[2]


def _error(text: str) -> str:
    message: str = json.loads(text.splitlines()[-1])["error"]["message"]
    return message


def test_a_baseline_goes_on_without_those_that_are_gone(capsys: Run) -> None:
    """What it says is of the others, and 4 says that it is not of all."""
    code, out, err = run_command(capsys, "baseline", "ssh:node7", "ssh:gone", "this")
    assert 4 == code
    assert "2 hosts of" in out
    assert "error[host-unreachable]: ssh:gone" in err
    code, out, err = run_command(capsys, "baseline", "ssh:node7", "ssh:gone", "this", "--json")
    assert 4 == code
    assert [{"host": "ssh:gone", "code": "host-unreachable", "message": _error(err)}] == (
        validated("baseline", out)["unasked"]
    )
    joins = ["baseline", "ssh:node7", "--joins", "ssh:gone"]
    assert (4, "") == run_command(capsys, *joins)[:2]


def test_a_host_is_asked_once(capsys: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where it is what says which platform to take."""
    log = tmp_path / "asked"
    ssh(monkeypatch, tmp_path / "other", f"echo >>{log}\n{RUN}")
    vm = tmp_path / "vm.args"
    vm.write_text("qemu-system-x86_64 -machine pc-q35-9.1 -accel tcg -nodefaults")
    code, out, err = run_command(capsys, "check", str(vm), "--host", "ssh:node7")
    assert code in {0, 1}
    assert out.startswith("start on ssh:node7: ")
    assert "no platform is named" in err
    assert 1 == len(log.read_text().splitlines())
