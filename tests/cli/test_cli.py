"""The command line: exit codes, errors, streams and files."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import platform_abi as pa
from tests.cli.commands import PINNED, RESOLVE, Run, run_command
from tests.conftest import PACKAGES


def _program(
    *words: str | bytes, prefix: Sequence[str] = (), **options: object
) -> subprocess.CompletedProcess[bytes]:
    """Run the program in a process of its own."""
    environment = {
        "HOME": "/nonexistent",
        "PATH": os.environ.get("PATH", ""),
        "LC_ALL": "C.UTF-8",
        "PYTHONPATH": PACKAGES,
    }
    given_: dict[str, object] = {"capture_output": True, "stdin": subprocess.DEVNULL, **options}
    return subprocess.run(  # type: ignore[call-overload, no-any-return]
        [*prefix, sys.executable, "-m", "platform_abi", *words],
        env=environment,
        timeout=60,
        check=False,
        **given_,
    )


# --- exit codes ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (PINNED, 0),
        (["platforms"], 0),
        (["platforms", "linux-6.9"], 0),
        (["explain", "virtio-net-pci.host_uso", *RESOLVE[1:]], 0),
        (["diff", "platform", "linux-6.8", "linux-6.9"], 0),
        (["--help"], 0),
        (["resolve", "--help"], 0),
        (["--version"], 0),
        (["diff", "platform", "linux-6.1", "linux-6.2"], 1),
        ([], 2),
        (["no-such-verb"], 2),
        (["resolve", "--no-such-option"], 2),
        (["resolve"], 2),
        (["resolve", "-M", "pc-q35-9.1"], 2),
        (["resolve", "-M", "q35", "--platform", "linux-6.9"], 2),
        (["diff", "platform", "linux-6.1"], 2),
        ([*RESOLVE, "--format", "xml"], 2),
        ([*RESOLVE, "--backend", "n0"], 2),
        ([*RESOLVE, "--backend", "n0=macvtap"], 2),
        ([*RESOLVE, "--format", "readconfig", "--cpu", "host"], 2),
        ([*RESOLVE, "--from-lock", "/nonexistent/vm.lock"], 2),
        (["explain", "no.such", *RESOLVE[1:]], 2),
        (["platforms", "linux-6.99"], 2),
        (["platforms", "linux-6.9,no.such=on"], 2),
        (["diff", "platform", "linux-6.9,no.such=on", "linux-6.9"], 2),
        (["resolve", "--from-lock", "/nonexistent/vm.lock"], 4),
        (["diff", "abi", "/nonexistent/a", "/nonexistent/b"], 4),
        ([*RESOLVE, "--output", "/nonexistent/folder/f"], 4),
        ([*RESOLVE, "--lock", "/nonexistent/folder/f"], 4),
    ],
)
def test_the_exit_code_says_what_happened(capsys: Run, words: list[str], expected: int) -> None:
    """0 yes, 1 the honest answer is no, 2 usage, 4 the environment; an error is printed alone."""
    code, out, err = run_command(capsys, *words)

    assert expected == code
    if expected >= 2:
        assert "" == out
        assert err.startswith("error[")
    else:
        assert "error" not in err


def test_a_bad_definition_is_exit_code_3(
    capsys: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A site's broken file is named with its line, and nothing is resolved from it."""
    folder = tmp_path / "platforms" / "site"
    folder.mkdir(parents=True)
    (folder / "mine.toml").write_text('schema = 1\n[platform]\nname = "other"\n')
    monkeypatch.setenv("PLATFORM_ABI_PATH", str(tmp_path))
    code, out, err = run_command(capsys, "resolve", "-M", "pc-q35-9.1", "--platform", "mine")

    assert (3, "") == (code, out)
    assert f"{folder}/mine.toml:" in err


def test_a_damaged_lockfile_is_exit_code_3(capsys: Run, tmp_path: Path) -> None:
    """What was edited by hand is refused by every verb that reads it."""
    lock = str(tmp_path / "vm.lock")
    assert 0 == run_command(capsys, *PINNED, "--lock", lock)[0]
    Path(lock).write_text(Path(lock).read_text().replace('"on"', '"off"', 1))
    for words in (["resolve", "--from-lock", lock], ["diff", "abi", lock, lock]):
        code, out, err = run_command(capsys, *words)
        assert (3, "") == (code, out)
        assert err.startswith("error[lock-changed]: ")


# --- errors --------------------------------------------------------------------------------------


def test_an_error_has_a_code_and_a_help_line(capsys: Run) -> None:
    """error[CODE]: what, then help: what to do."""
    _, _, err = run_command(capsys, "resolve", "-M", "q35", "--platform", "linux-6.9")
    first, second = err.splitlines()

    assert first.startswith("error[machine-alias]: 'q35' is an alias")
    assert "help: write the versioned name, or name by --build the QEMU that resolves it" == second


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["resolve", "--json"], "usage"),
        ([*RESOLVE, "--json", "--cpu", "x"], "unknown-cpu"),
        (["platforms", "--json", "x"], "unknown-platform"),
        (["explain", "--json", "x", *RESOLVE[1:]], "unknown-property"),
        (["diff", "--json", "abi", "/nonexistent/a", "b"], "read-failed"),
        (["--json"], "usage"),
    ],
)
def test_with_json_an_error_is_an_object(capsys: Run, words: list[str], code: str) -> None:
    """Tools read one JSON document on stderr, with code, message and help."""
    _, out, err = run_command(capsys, *words)
    document = json.loads(err)

    assert "" == out
    assert {"schema_version", "error"} == set(document)
    assert {"code", "message", "help"} == set(document["error"])
    assert code == document["error"]["code"]
    assert 1 == document["schema_version"]


def test_a_definition_error_has_all_faults_in_json(
    capsys: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every fault of a file is an entry of its own."""
    (tmp_path / "platforms" / "site").mkdir(parents=True)
    (tmp_path / "platforms" / "site" / "mine.toml").write_text(
        'schema = 1\nunknown = 1\n[platform]\nname = "other"\n'
    )
    monkeypatch.setenv("PLATFORM_ABI_PATH", str(tmp_path))
    _, _, err = run_command(capsys, "platforms", "--json", "mine")

    assert len(json.loads(err)["error"]["faults"]) >= 2


def test_an_error_cannot_steer_a_terminal(capsys: Run) -> None:
    """What a message repeats of the user's words has its control characters spelled out."""
    _, _, err = run_command(capsys, *RESOLVE, "--cpu", "\x1b[31mred\x07")

    assert "\x1b" not in err
    assert "\\x1b[31mred\\x07" in err


hostile = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        [
            "", "-", "--", "{}", "[]", '{"a": [1, {}]}', '{"driver": null}', "\0", "a\0b", "\udcff",
            "\ud800", "\n", "\x1b[2J", "../..", "/", "%s", "%(prog)s", "a,b=c", "=", ",", ",,", "@",
            "n0=macvtap", "tap,id=n0", "virtio-net-pci,netdev=n0", "virtio-net-pci.csum=on",
            '{"driver": "virtio-net-pci", "mac": "\\ud800"}', "pc-q35-9.1", "q35", "linux-6.9",
            "linux-6.9@2026.1", "linux-6.9,virtio-net.rss=on", "linux-6.9,a/b.c=on", "host",
            "linux-6.9,a\0b.c=on", "linux-6.9,\ud800.c=on", f"linux-6.9,{'a' * 300}.c=on",
            "qemu64,vendor=x", "x86_64-types", "qemu-11.1.3", "tcg", "virtio-mem-pci,block-size=9E",
            "{" * 2000, "9" * 5000, "virtio-net-pci,host_mtu=" + "9" * 5000, "٣", "²", "a" * 300,
        ]
    ),
)  # fmt: skip
options = st.sampled_from(
    ["-M", "--machine", "--platform", "--build", "--arch", "--accel", "--cpu", "--device",
     "--netdev", "--global", "--backend", "--format", "--from-lock", "--json", "--strict",
     "--names",
     "--help", "--version"]
)  # fmt: skip
verbs = st.sampled_from(
    [["resolve"], RESOLVE, PINNED, ["explain", "virtio-net-pci.csum", *RESOLVE[1:]], ["explain"],
     ["platforms"], ["diff", "platform"], ["diff", "abi"], ["diff"], []]
)  # fmt: skip


@settings(max_examples=250, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(verb=verbs, words=st.lists(hostile | options, max_size=5))
def test_no_words_make_a_traceback(
    capsys: Run, tmp_path: Path, verb: list[str], words: list[str]
) -> None:
    """Whatever is typed ends in an exit code of the five, with an error where it is not 0 or 1."""
    with contextlib.chdir(tmp_path):
        code, out, err = run_command(capsys, *verb, *words)

    assert code in {0, 1, 2, 3, 4}
    assert "Traceback" not in out + err
    if code >= 2:
        assert "" == out
        assert "error[" in err or json.loads(err)["error"]["code"]
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "word",
    [b"\xff\xfe", b"virtio-net-pci,mac=\xff", b'{"driver":"virtio-net-pci","mac":"\\ud800"}'],
)
def test_bytes_that_are_no_text_make_no_traceback(word: bytes) -> None:
    """The kernel passes any bytes; the program answers, in every format."""
    for extra in ([], ["--json"], ["--format", "lock"]):
        done = _program(*RESOLVE, "--device", word, *extra)
        assert done.returncode in {0, 2}
        assert b"Traceback" not in done.stderr


def test_bytes_of_an_argument_go_out_as_they_came() -> None:
    """An explicit value that is not UTF-8 reaches QEMU unchanged, in every locale."""
    done = _program(*RESOLVE, "--global", b"virtio-net-pci.mac=\xff")

    assert 0 == done.returncode
    assert b"virtio-net-pci.mac=\xff" in done.stdout


# --- streams -------------------------------------------------------------------------------------


def test_with_json_nothing_is_said_beside_the_document(capsys: Run) -> None:
    """Findings are in the document; stderr stays empty."""
    _, out, err = run_command(capsys, *RESOLVE, "--cpu", "host", "--json")

    assert "" == err
    assert json.loads(out)["unpinned"][0]["what"] == "x86-cpu.host-model"


@pytest.mark.parametrize(
    "words",
    [PINNED, ["platforms"], ["platforms", "linux-6.9"],
     ["diff", "platform", "linux-6.1", "linux-6.2"],
     ["explain", "virtio-net-pci.csum", *RESOLVE[1:]]],
)  # fmt: skip
def test_every_verb_has_a_json_document(capsys: Run, words: list[str]) -> None:
    """--json gives one document with a schema_version."""
    _, out, _ = run_command(capsys, *words, "--json")

    assert 1 == json.loads(out)["schema_version"]


def test_text_is_plain_where_it_is_piped(capsys: Run) -> None:
    """No escape sequence reaches a file, with or without an error."""
    for words in (
        ["platforms", "linux-6.9"],
        RESOLVE,
        ["resolve"],
        ["explain", "machine.smm", *RESOLVE[1:]],
    ):
        _, out, err = run_command(capsys, *words)
        assert "\x1b" not in out + err


def _on_a_terminal(words: Sequence[str], **environment: str) -> bytes:
    """Return everything that the program writes to a terminal."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "platform_abi", *words],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env={"TERM": "xterm", "LC_ALL": "C.UTF-8", "PYTHONPATH": PACKAGES, **environment},
    )
    os.close(follower)
    seen = b""
    with contextlib.suppress(OSError):
        while chunk := os.read(leader, 4096):
            seen += chunk
    os.close(leader)
    process.wait(timeout=60)
    return seen


@pytest.mark.parametrize(
    "words", [["resolve"], ["explain", "machine.smm", *RESOLVE[1:]], [*RESOLVE, "--cpu", "host"]]
)
def test_a_terminal_is_coloured_unless_it_asks_not_to_be(words: list[str]) -> None:
    """Colours are for people who look; NO_COLOR and TERM=dumb turn them off."""
    assert b"\x1b[" in _on_a_terminal(words)
    assert b"\x1b[" not in _on_a_terminal(words, NO_COLOR="1")
    assert b"\x1b[" not in _on_a_terminal(words, TERM="dumb")


def test_the_arguments_themselves_are_never_coloured() -> None:
    """What is copied from a terminal is what would be piped."""
    assert b"\x1b" not in _on_a_terminal(PINNED)


@pytest.mark.parametrize("words", [PINNED, ["platforms", "--json"], ["--help"]])
def test_a_reader_that_has_seen_enough_is_no_error(words: list[str]) -> None:
    """``platform-abi ... | head -1`` ends quietly."""
    reader, writer = os.pipe()
    os.close(reader)
    done = _program(*words, capture_output=False, stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)

    assert (0, b"") == (done.returncode, done.stderr)


@pytest.mark.parametrize("words", [PINNED, ["platforms"], ["--version"]])
def test_a_full_disk_is_an_error_of_the_environment(words: list[str]) -> None:
    """Output that could not be written is not a success."""
    with Path("/dev/full").open("wb") as full:
        done = _program(*words, capture_output=False, stdout=full, stderr=subprocess.PIPE)

    assert 4 == done.returncode
    assert b"error[write-failed]: cannot write the output: No space left on device\n" == done.stderr


@pytest.mark.parametrize(("closed", "expected"), [(">&-", 4), ("2>&-", 0), ("<&-", 0)])
def test_a_closed_stream_makes_no_traceback(closed: str, expected: int) -> None:
    """Without stdout nothing can be said, which is an error; without stderr or stdin much can."""
    words = [*RESOLVE, "--cpu", "host"]
    command = shlex.join([sys.executable, "-m", "platform_abi", *words])
    done = subprocess.run(
        ["sh", "-c", f"{command} {closed}"],
        capture_output=True,
        env={"HOME": "/nonexistent", "PYTHONPATH": PACKAGES},
        check=False,
    )

    assert expected == done.returncode
    assert b"Traceback" not in done.stderr


# --- files ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["lines", "shell", "lock", "json"])
def test_output_to_a_file_is_output_to_stdout(capsys: Run, tmp_path: Path, form: str) -> None:
    """--output writes the very bytes, and nothing to stdout."""
    extra = ["--json"] if form == "json" else ["--format", form]
    _, expected, _ = run_command(capsys, *PINNED, *extra)
    code, out, _ = run_command(capsys, *PINNED, *extra, "-o", str(tmp_path / "f"))

    assert (0, "") == (code, out)
    assert expected == (tmp_path / "f").read_text()
    assert ["f"] == [path.name for path in tmp_path.iterdir()]


# --- verbs ---------------------------------------------------------------------------------------


def test_version_and_module() -> None:
    """``python -m platform_abi --version`` names program and version."""
    done = _program("--version")

    assert (0, f"platform-abi {pa.__version__}\n".encode()) == (done.returncode, done.stdout)


def test_the_installed_program_is_the_module() -> None:
    """The console script does what ``python -m`` does."""
    script = Path(sys.executable).parent / "platform-abi"
    if not script.exists():
        pytest.skip("the package is not installed here")
    environment = {"PYTHONPATH": PACKAGES}
    done = subprocess.run([script, *PINNED], capture_output=True, env=environment, check=False)

    assert _program(*PINNED).stdout == done.stdout
    assert 0 == done.returncode


def test_an_interrupt_is_no_traceback(capsys: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C ends with the code that a shell expects."""

    def interrupted(_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("platform_abi.cli.resolve.run", interrupted)
    assert (130, "", "") == run_command(capsys, *PINNED)


def test_each_document_has_a_schema_that_can_be_asked_for(capsys: Run) -> None:
    """Of the name that is listed, and JSON; another name is told the nearest."""
    code, out, _ = run_command(capsys, "schema")
    assert code == 0
    assert {"check", "resolve", "report"} <= {*out.split()}
    for name in out.split():
        code, text, _ = run_command(capsys, "schema", name)
        assert code == 0
        assert json.loads(text)["type"] == "object"
    code, _, err = run_command(capsys, "schema", "chek")
    assert code == 2
    assert "did you mean 'check'?" in err


def test_lists_of_names_are_for_completion(capsys: Run) -> None:
    """One a line, and nothing else; those of one family where it is named."""
    code, out, _ = run_command(capsys, "features", "virtio-net", "--names")
    assert code == 0
    assert "virtio-net.host-uso" in out.splitlines()
    assert all(name.startswith("virtio-net.") for name in out.splitlines())
    code, out, _ = run_command(capsys, "features", "virtio-net.host-uso", "--names")
    assert out == "virtio-net.host-uso\n"
    code, out, _ = run_command(capsys, "capabilities", "--names")
    assert "tun.uso" in out.splitlines()
    for verb, name in (("features", "virtio-nett"), ("capabilities", "tun.us")):
        code, _, err = run_command(capsys, verb, name)
        assert code == 2
        assert "did you mean" in err
