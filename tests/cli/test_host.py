"""The verbs that ask about hosts: host, platforms --host, check, diff host."""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path

import pytest

from platform_abi.cli import main
from platform_abi.definitions.catalogue import load_catalogue
from platform_abi.host.document import read_report, report_document
from tests.compat.reported import host, qemu

CAPTURES = Path(__file__).parent.parent / "captures"
UBUNTU = str(CAPTURES / "constructed-ubuntu-24.04.json")
DEBIAN = str(CAPTURES / "constructed-debian-12.json")
NIC = ["--device", "virtio-net-pci,netdev=n0,id=net0", "--netdev", "tap,id=n0"]
VM = ["--machine", "pc-q35-9.1", "--cpu", "EPYC-v4,vendor=AuthenticAMD", *NIC]

Run = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep a developer's own choices out."""
    for name in ("PLATFORM_ABI_POLICY", "PLATFORM_ABI_QEMU"):
        monkeypatch.delenv(name, raising=False)


def _run(capsys: Run, *words: str) -> tuple[int, str, str]:
    code = main(words)
    out, err = capsys.readouterr()
    return code, out, err


@pytest.fixture
def lock(tmp_path: Path, capsys: Run) -> str:
    """Return a lockfile of one NIC behind a tap, on linux-6.8."""
    path = str(tmp_path / "vm.lock")
    assert 0 == _run(capsys, "resolve", *VM, "--platform", "linux-6.8", "--lock", path)[0]
    return path


# --- host ----------------------------------------------------------------------------------------


def test_a_probe_writes_a_report_that_is_read_back(capsys: Run, tmp_path: Path) -> None:
    """``host`` writes to a file what ``--json`` prints, whole, and every verb takes it."""
    path = tmp_path / "host.json"
    code, out, err = _run(capsys, "host", "--no-qemu", "-o", str(path))
    assert (0, "", "") == (code, out, err)
    report = read_report(path.read_bytes(), "host.json")
    assert os.uname().release == report.release
    assert not report.name
    assert [path] == list(tmp_path.iterdir())
    assert 0 == _run(capsys, "platforms", "--host", str(path))[0]
    assert 0 == _run(capsys, "diff", "host", str(path), str(path))[0]


def test_one_line_for_a_file_of_many(capsys: Run) -> None:
    """``--line`` prints the report as one line with the name that was given first."""
    code, out, _ = _run(capsys, "host", "--no-qemu", "--line", "--name", "node-17")
    assert (0, 1) == (code, out.count("\n"))
    assert out.startswith('{"name":"node-17",')
    assert "node-17" == read_report(out, "line").name


def test_the_text_says_what_was_found_and_how(capsys: Run) -> None:
    """Kernel, newest platform, how many facts of each kind, and every fact with its evidence."""
    code, out, _ = _run(capsys, "host", "--no-qemu")
    lines = out.splitlines()
    assert 0 == code
    assert lines[0].startswith(f"linux {os.uname().release} ")
    assert lines[1].startswith("newest platform: ")
    # What the next newer platform lacks is said where there is one.
    heading = 5 if lines[2].startswith("why not ") else 4
    assert ["CAPABILITY", "STATE", "SOURCE", "DETAIL"] == lines[heading].split()
    assert any(line.startswith("tun.uso ") for line in lines)


def test_a_prediction_is_marked(capsys: Run) -> None:
    """``--infer`` adds facts whose source says that they are inferred, and nothing else."""
    plain = json.loads(_run(capsys, "host", "--no-qemu", "--json")[1])["facts"]
    code, out, _ = _run(capsys, "host", "--no-qemu", "--json", "--infer")
    inferred = json.loads(out)["facts"]
    assert 0 == code
    assert {"inferred"} >= {inferred[n]["source"] for n in inferred if inferred[n] != plain.get(n)}


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--qemu", "/nonexistent/qemu"], 4, "qemu-not-found"),
        (["--qemu", "/bin/false"], 4, "qemu-failed"),
        (["--qemu", "/bin/sh", "--no-qemu"], 2, "contradict"),
        (["--timeout", "0"], 2, "--timeout"),
        (["--timeout", "nan"], 2, "--timeout"),
        (["--timeout", "soon"], 2, "--timeout"),
        (["--no-qemu", "-o", "/nonexistent/folder/file"], 4, "write-failed"),
        (["--oracle", "--qemu", "/bin/true"], 4, "qemu-failed"),
    ],
)
def test_what_cannot_be_is_said(capsys: Run, words: list[str], code: int, said: str) -> None:
    """A QEMU that is none, a time that is none, a folder that is none: an error, and no report."""
    found, out, err = _run(capsys, "host", *words)
    assert (code, "") == (found, out)
    assert said in err


def test_the_usual_qemu_need_not_work(capsys: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A QEMU that nobody named and that fails leaves its facts unknown; the probe goes on."""
    monkeypatch.setenv("PLATFORM_ABI_QEMU", "/bin/false")
    code, out, _ = _run(capsys, "host", "--json")
    assert (0, "unknown") == (code, json.loads(out)["facts"]["netdev.tap"]["state"])


# --- platforms --host ----------------------------------------------------------------------------


def test_the_document_has_the_promised_shape(capsys: Run) -> None:
    """Names, answers that are true, false or unknown, and what is missing with its evidence."""
    code, out, _ = _run(capsys, "platforms", "--host", DEBIAN, "--json")
    document = json.loads(out)
    assert 0 == code
    assert {"schema_version", "newest", "platforms"} == set(document)
    assert "linux-debian-12@2026.2" == document["newest"]
    by_name = {entry["name"]: entry for entry in document["platforms"]}
    assert by_name["linux-6.1"]["supported"] is True
    refused = by_name["linux-6.2"]
    assert refused["supported"] is False
    assert {
        *("feature", "backend", "value", "capability", "state", "source", "detail"),
    } == set(refused["missing"][0])
    assert {"tun.uso"} == {entry["capability"] for entry in refused["missing"]}


def test_one_platform_is_a_question_with_an_answer(capsys: Run) -> None:
    """The exit code says whether the platform is supported, for scripts."""
    assert 0 == _run(capsys, "platforms", "linux-6.1", "--host", DEBIAN)[0]
    code, out, _ = _run(capsys, "platforms", "linux-6.2@2026.1", "--host", DEBIAN)
    assert 1 == code
    assert "linux-6.2@2026.1  supported: no" in out
    assert "tun.uso  absent" in out


def test_standard_input_is_a_report(capsys: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """``-`` reads the report from a pipe."""
    piped = io.TextIOWrapper(io.BytesIO(Path(DEBIAN).read_bytes()))
    monkeypatch.setattr(sys, "stdin", piped)
    code, out, _ = _run(capsys, "platforms", "--host", "-", "--names")
    assert 0 == code
    assert "linux-debian-12" == out.splitlines()[0]
    assert "linux-6.2" not in out.splitlines()


def test_a_site_prefers_by_its_environment(capsys: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """PLATFORM_ABI_POLICY chooses where --policy does not."""
    monkeypatch.setenv("PLATFORM_ABI_POLICY", "conservative")
    assert "newest: conservative@2026.2" in _run(capsys, "platforms", "--host", DEBIAN)[1]
    asked = _run(capsys, "platforms", "--host", DEBIAN, "--policy", "newest")[1]
    assert "newest: linux-debian-12@2026.2" in asked
    monkeypatch.setenv("PLATFORM_ABI_POLICY", "newst")
    code, _, err = _run(capsys, "platforms", "--host", DEBIAN)
    assert (2, True) == (code, "did you mean 'newest'" in err)


def test_labels_and_traits_are_lines(capsys: Run) -> None:
    """One label or trait a line, ready for a node feature discovery or a provider."""
    labels = _run(capsys, "platforms", "--host", DEBIAN, "--format", "labels")[1].splitlines()
    assert "platform-abi/newest=linux-debian-12" in labels
    assert "platform-abi.node.kubevirt.io/linux-6.1=true" in labels
    assert "platform-abi.node.kubevirt.io/linux-6.1_2026.1=true" in labels
    assert "platform-abi.node.kubevirt.io/linux-6.1_2026.2=true" in labels
    traits = _run(capsys, "platforms", "--host", DEBIAN, "--format", "traits")[1].splitlines()
    assert "CUSTOM_PLATFORM_ABI_LINUX_6_1" in traits


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--host", "/nonexistent"], 4, "read-failed"),
        (["--host", __file__], 2, "report-syntax"),
        (["--host", DEBIAN, "--accel", "kvn"], 2, "did you mean 'kvm'"),
        (["--host", DEBIAN, "--backend", "tapp"], 2, "did you mean 'tap'"),
        (["linux-6.99", "--host", DEBIAN], 2, "unknown-platform"),
        (["linux-6.1@2031.1", "--host", DEBIAN], 2, "unknown-edition"),
        (["linux-6.1,pc.smm=off", "--host", DEBIAN], 2, "not about overrides"),
    ],
)
def test_bad_questions_have_errors(capsys: Run, words: list[str], code: int, said: str) -> None:
    """Files, words and names that are wrong are named, with the nearest valid one."""
    found, out, err = _run(capsys, "platforms", *words)
    assert (code, "") == (found, out)
    assert said in err


# --- check ---------------------------------------------------------------------------------------


def test_a_start_is_allowed_or_refused_by_name(capsys: Run, lock: str) -> None:
    """0 where it may start; 1 with feature, device, evidence and the cure where it may not."""
    assert 0 == _run(capsys, "check", lock, "--host", UBUNTU)[0]
    code, out, _ = _run(capsys, "check", lock, "--host", DEBIAN)
    assert 1 == code
    assert "virtio-net-device.guest_uso4=on of net0 needs tun.uso, which is absent here" in out
    assert "and with it: virtio-net-device.guest_uso6=on of net0" in out
    assert "linux-6.1@2026.2" in out


def test_a_migration_is_judged_both_ways(capsys: Run, lock: str) -> None:
    """From the newer host to the older one it is refused before any memory is copied."""
    code, out, _ = _run(capsys, "check", lock, "--from", UBUNTU, "--to", DEBIAN, "--json")
    document = json.loads(out)
    assert 1 == code
    assert ("blocked", "blocked", "warn") == (
        *(document["status"], document["forward"]["status"], document["back"]["status"]),
    )
    assert 0 == _run(capsys, "check", lock, "--from", UBUNTU, "--to", UBUNTU)[0]


def test_what_was_let_pass_is_recorded(capsys: Run, lock: str, tmp_path: Path) -> None:
    """--force and --allow-unknown turn the exit code, and the verdict says that they did."""
    code, out, _ = _run(capsys, "check", lock, "--host", DEBIAN, "--force", "--json")
    document = json.loads(out)
    assert (0, "warn", True, False) == (
        *(code, document["status"], document["forced"], document["allowed_unknown"]),
    )
    assert "blocked" in {finding["severity"] for finding in document["findings"]}
    asked = json.loads(Path(UBUNTU).read_text(encoding="utf-8"))
    unasked = tmp_path / "unasked.json"
    unasked.write_text(json.dumps({**asked, "facts": {}}), encoding="utf-8")
    empty = str(unasked)
    assert 1 == _run(capsys, "check", lock, "--host", empty)[0]
    code, out, _ = _run(capsys, "check", lock, "--host", empty, "--allow-unknown")
    assert (0, True) == (code, "unknown capabilities were allowed" in out)


def test_a_vm_needs_no_lockfile(capsys: Run) -> None:
    """The options of resolve describe it as well."""
    words = ["check", *VM, "--host", DEBIAN]
    assert 0 == _run(capsys, *words, "--platform", "linux-6.1")[0]
    assert 1 == _run(capsys, *words, "--platform", "linux-6.8")[0]


def test_check_names_what_another_build_makes_of_the_machine_type(
    tmp_path: Path, capsys: Run
) -> None:
    """The same name with other content is blocked, with the argument that keeps the old value."""
    path = str(tmp_path / "vm.lock")
    vm = [*VM, "--device", "vfio-pci,host=01:00.0", "--build", "qemu-10.0.2"]
    assert 0 == _run(capsys, "resolve", *vm, "--platform", "linux-6.8", "--lock", path)[0]
    for build, said in (("qemu-11.1.3", True), ("qemu-10.0.2", False)):
        words = ["check", path, "--host", UBUNTU, "--build", build]
        assert said == ("-global vfio-pci.x-igd-opregion=off" in _run(capsys, *words)[1])
    moved = ["check", path, "--from", UBUNTU, "--to", UBUNTU, "--build", "qemu-11.1.3", "--json"]
    verdict = json.loads(_run(capsys, *moved)[1])
    found = [
        any(f["code"] == "machine-content" for f in verdict[way]["findings"])
        for way in ("forward", "back")
    ]
    assert [True, False] == found
    code, _, err = _run(capsys, "check", path, "--host", UBUNTU, "--build", "qemu-11.1.4")
    assert (2, True) == (code, "did you mean 'qemu-11.1.3'" in err)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--host", DEBIAN], 2, "nothing to check"),
        (["LOCK", "--from", DEBIAN], 2, "--from and --to"),
        (["LOCK", "--from", DEBIAN, "--to", DEBIAN, "--host", DEBIAN], 2, "no --host"),
        (["LOCK", "--machine", "pc-q35-9.1", "--host", DEBIAN], 2, "take away --machine"),
        ([DEBIAN, "--host", DEBIAN], 2, "no virtual machine"),
        (["/nonexistent", "--host", DEBIAN], 4, "read-failed"),
        (["LOCK", "--host", "LOCK"], 2, "report-syntax"),
    ],
)
def test_bad_checks_have_errors(
    capsys: Run, lock: str, words: list[str], code: int, said: str
) -> None:
    """A question that is none, or a file that is another, is an error and no verdict."""
    found, out, err = _run(capsys, "check", *(lock if w == "LOCK" else w for w in words))
    assert (code, "") == (found, out)
    assert said in err


# --- diff host -----------------------------------------------------------------------------------


def test_a_difference_between_hosts_is_listed(capsys: Run) -> None:
    """Each differing fact with both states; the exit code says that there are any."""
    code, out, _ = _run(capsys, "diff", "host", UBUNTU, DEBIAN, "--json")
    document = json.loads(out)
    assert 1 == code
    assert {"kind": "fact", "what": "tun.uso", "before": "present", "after": "absent"} in document[
        "differences"
    ]
    assert 0 == _run(capsys, "diff", "host", UBUNTU, UBUNTU)[0]


def test_what_does_not_move_to_a_named_build_is_told_by_the_source_of_a_migration(
    capsys: Run, tmp_path: Path
) -> None:
    """Debian's 10.0.13 does not move to 11.1.3; to start there is another matter."""
    catalogue = load_catalogue()
    report = host(qemu(catalogue, "qemu-10.0.13", usual=True))
    there = tmp_path / "there.json"
    there.write_text(json.dumps(report_document(report)))
    lock = tmp_path / "vm.lock"
    vm = ["--machine", "pc-q35-10.0", "--accel", "tcg", "--device", "virtio-rng-pci,id=rng0"]
    code, _, err = _run(capsys, "resolve", *vm, "--platform", "linux-6.1", "--lock", str(lock))
    assert code == 0, err
    for words, expected in (
        (["--from", str(there), "--to", str(there)], True),
        (["--host", str(there)], False),
    ):
        _, out, _ = _run(capsys, "check", str(lock), *words, "--build", "qemu-11.1.3")
        assert ("stream-stops: rng0" in out) is expected, out
