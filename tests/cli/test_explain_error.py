"""The verb ``explain-error``: what it reads, prints and answers."""

from __future__ import annotations

import io
import os
import pty
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.cli.explain_error import run
from platform_abi.cli.options import ExplainErrorOptions
from tests.conftest import DEFINITIONS
from tests.documents import validated

REPORT = "Features 0x1c0010130afffaf unsupported. Allowed features: 0x10179bfffef"
LOG = f"""\
2026-01-01 00:00:00.000+0000: starting up libvirt version: 10.0.0
2026-01-01T00:00:00.000000Z qemu-kvm: {REPORT}
2026-01-01T00:00:00.000001Z qemu-kvm: Failed to load virtio-net:virtio
2026-01-01T00:00:00.000002Z qemu-kvm: error while loading state for instance 0x0 of device \
'0000:00:05.0/virtio-net'
2026-01-01T00:00:00.000003Z qemu-kvm: load of migration failed: Operation not permitted
"""


@pytest.fixture(autouse=True)
def _shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Use the definitions of this repository, parsed once."""
    catalogue = pa.FileCatalogue([DEFINITIONS])
    monkeypatch.setattr("platform_abi.cli.explain_error.load_catalogue", lambda: catalogue)


def _arguments(
    *text: str, file: str | None = None, device: str | None = None, as_json: bool = False
) -> ExplainErrorOptions:
    return ExplainErrorOptions(text=text, file=file, device=device, json=as_json)


Out = pytest.CaptureFixture[str]


def _json(capsys: Out, arguments: ExplainErrorOptions) -> tuple[int, dict[str, Any]]:
    code = run(arguments)
    return code, validated("explain-error", capsys.readouterr().out)


def _stdin(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))


def test_a_report_is_explained_in_words(capsys: Out) -> None:
    """Feature, property, kernel, platform and arguments are all on the screen."""
    assert 0 == run(_arguments(REPORT))
    out = capsys.readouterr().out

    for word in (
        "virtio-net.host-uso",
        "virtio-net-device.host_uso",
        "6.2",
        "8.2",
        "linux-6.1",
        "conservative",
        "-global virtio-net-device.guest_uso4=off",
        "a guess",
    ):
        assert word in out


def test_words_that_the_shell_has_split_are_one_message(capsys: Out) -> None:
    """A message can be given without quotes; quoted ones are lines."""
    assert 0 == run(_arguments(*REPORT.split()))
    unquoted = capsys.readouterr().out
    assert 0 == run(_arguments(REPORT))
    assert unquoted == capsys.readouterr().out
    run(_arguments("not a message", REPORT))
    assert "line 2:" in capsys.readouterr().out


def test_text_file_and_stdin_are_the_same(
    capsys: Out, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Wherever a log comes from, the document is the same."""
    log = tmp_path / "guest.log"
    log.write_text(LOG, encoding="utf-8")
    found = [_json(capsys, _arguments(LOG, as_json=True))]
    found.append(_json(capsys, _arguments(file=str(log), as_json=True)))
    for words, file in ((["-"], None), ([], "-"), ([], None)):
        _stdin(monkeypatch, LOG.encode())
        found.append(_json(capsys, _arguments(*words, file=file, as_json=True)))

    assert 0 == found[0][0]
    assert all(entry == found[0] for entry in found)


def test_the_document_says_everything(capsys: Out) -> None:
    """Its keys are the interface; a device that the log names is no guess."""
    code, document = _json(capsys, _arguments(LOG, as_json=True))
    (finding,) = document["findings"]

    assert (0, 1, True) == (code, document["schema_version"], document["explained"])
    assert ("virtio-features", 2, 1) == (finding["code"], finding["line"], finding["count"])
    assert ("virtio-net", False) == (finding["device"], finding["guessed"])
    assert "0000:00:05.0/virtio-net" == finding["section"]
    assert [54, 55, 56] == [item["bit"] for item in finding["lacking"]]
    assert {
        "name": "VIRTIO_NET_F_HOST_USO",
        "bit": 56,
        "property": "virtio-net-device.host_uso",
        "feature": "virtio-net.host-uso",
        "title": "UDP segmentation offload, guest to host",
        "kernels": {"macvtap": "6.2", "macvtap+vhost": "6.2", "tap": "6.2", "tap+vhost": "6.2"},
        "generation": "8.2",
        "argument": "virtio-net-device.host_uso=off",
    } == finding["lacking"][2]
    assert "linux-6.1" == finding["platforms"]["linux"]
    assert "-global" == finding["arguments"][0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Jan 01 host systemd[1]: Started a session.", "nothing found"),
        ("qemu: load of migration failed: Operation not permitted", "not explained"),
        (
            (
                "Features 0x00000000000000000000010130bfffa7 unsupported. "
                "Allowed features: 0x00000000000000000000010179bfffe7"
            ),
            "not explained",
        ),
    ],
)
def test_what_explains_nothing_is_a_no(capsys: Out, text: str, said: str) -> None:
    """No message, or none that says why: exit code 1, and a remark on stderr."""
    assert 1 == run(_arguments(text))
    assert said in capsys.readouterr().err
    code, document = _json(capsys, _arguments(text, as_json=True))
    assert (1, False) == (code, document["explained"])


def test_a_named_device_is_no_guess(capsys: Out) -> None:
    """With --device nothing else comes into question."""
    text = "Features 0x130000002 unsupported. Allowed features: 0x179000000"
    _, document = _json(capsys, _arguments(text, device="vhost-vsock-pci", as_json=True))
    (finding,) = document["findings"]

    assert ("vhost-vsock", False, []) == (
        finding["device"],
        finding["guessed"],
        finding["otherwise"],
    )
    assert ["vhost-vsock.seqpacket"] == [item["feature"] for item in finding["lacking"]]


def test_bad_input_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Two inputs, none at a terminal, a file that is not there, a driver that is none."""
    with pytest.raises(pa.UsageError) as both:
        run(_arguments(REPORT, file="x.log"))
    assert "usage" == both.value.code
    with pytest.raises(pa.HostError) as missing:
        run(_arguments(file=str(tmp_path / "missing.log")))
    assert "read-failed" == missing.value.code
    with pytest.raises(pa.UnknownNameError) as unknown:
        run(_arguments(REPORT, device="virtio-nett-pci"))
    assert "unknown-driver" == unknown.value.code
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, encoding="utf-8") as terminal:
        monkeypatch.setattr("sys.stdin", terminal)
        with pytest.raises(pa.UsageError) as nothing:
            run(_arguments())
    os.close(ours)
    assert "usage" == nothing.value.code
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(pa.UsageError):
        run(_arguments())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(data=st.binary(max_size=300), flag=st.booleans())
def test_any_bytes_are_read(
    capsys: Out, monkeypatch: pytest.MonkeyPatch, data: bytes, flag: bool
) -> None:
    """A log can hold anything: what is around a message neither hides it nor is printed raw."""
    _stdin(monkeypatch, data + b"\n" + REPORT.encode() + b"\n" + data)
    assert 0 == run(_arguments(as_json=flag))
    out = capsys.readouterr().out

    assert all(c.isprintable() or c == "\n" for c in out)


def test_control_characters_of_a_log_do_not_reach_the_terminal(capsys: Out) -> None:
    """A message's own words are escaped."""
    assert 0 == run(_arguments("Unknown savevm section or instance '\x1b[31mred' 0"))
    out = capsys.readouterr().out

    assert "\x1b" not in out
    assert "\\x1b[31mred" in out
