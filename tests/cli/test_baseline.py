"""The verb ``baseline``: what it prints, and what its exit code says."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

import platform_abi as pa
from platform_abi.cli import main
from platform_abi.host.document import report_document, report_line
from platform_abi.model.host import HostReport
from tests.compat.strategies import full_report, variants, without
from tests.documents import validated
from tests.resolver.shipped import PINNED_CPU

Run = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def folder(catalogue: pa.FileCatalogue, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the reports of some hosts, and two virtual machines."""
    root = tmp_path_factory.mktemp("fleet")
    full = full_report(catalogue)
    poor = without(full, "tun.uso")
    reports = {
        "full": full,
        "poor": poor,
        "vague": without(full, "tun.uso", state="unknown"),
        "none": HostReport(system="linux", arch="x86_64"),
        "arm": evolve(full, arch="aarch64"),
    }
    for name, report in reports.items():
        document = report_document(evolve(report, name=name))
        (root / f"{name}.json").write_text(json.dumps(document, indent=2))
    lines = [("a", full), ("b", full), ("c", poor), ("c", without(full, "tun.ufo"))]
    for name, count in (("two", 2), ("three", 3), ("four", 4)):
        text = "".join(report_line(evolve(r, name=n)) + "\n" for n, r in lines[:count])
        (root / f"{name}.ndjson").write_text(text)
    return root


@pytest.fixture(autouse=True)
def _there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Run every command in the folder, and take back what main() does for speed."""
    monkeypatch.chdir(folder)
    for platform in ("linux-6.1", "linux-6.9"):
        if not Path(f"{platform}.lock").exists():
            main(
                [
                    *("resolve", "-M", "pc-q35-9.1", "--platform", platform, "--cpu", PINNED_CPU),
                    *("--device", "virtio-net-pci,netdev=n0,id=net0", "--netdev", "tap,id=n0"),
                    *("--lock", f"{platform}.lock", "--output", "/dev/null"),
                ]
            )
    yield
    gc.enable()


def _run(capsys: Run, *words: str) -> tuple[int, str, str]:
    capsys.readouterr()
    code = main(["baseline", *words])
    out, err = capsys.readouterr()
    return code, out, err


def _json(capsys: Run, *words: str) -> dict[str, Any]:
    return validated("baseline", _run(capsys, *words, "--json")[1])


# --- exit codes ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["full.json"], 0),
        (["three.ndjson"], 0),
        (["full.json", "poor.json", "vague.json"], 0),
        (["two.ndjson", "--accel", "tcg", "--backend", "user"], 0),
        (["two.ndjson", "--lock", "linux-6.9.lock"], 0),
        (["two.ndjson", "--lock", "linux-6.1.lock", "--joins", "poor.json"], 0),
        (["two.ndjson", "--joins", "poor.json"], 0),
        (["vague.json", "--lock", "linux-6.9.lock", "--allow-unknown"], 0),
        (["none.json"], 1),
        (["two.ndjson", "--joins", "none.json"], 1),
        (["three.ndjson", "--lock", "linux-6.9.lock"], 1),
        (["vague.json", "--lock", "linux-6.9.lock"], 1),
        (["two.ndjson", "--lock", "linux-6.9.lock", "--joins", "poor.json"], 1),
        (["two.ndjson", "--lock", "linux-6.9.lock", "--upgrade", "b=poor.json"], 1),
        ([], 2),
        (["arm.json", "full.json"], 2),
        (["linux-6.9.lock"], 2),
        (["two.ndjson", "--edition", "2020.1"], 2),
        (["two.ndjson", "--accel", "kwm"], 2),
        (["two.ndjson", "--backend", "tab"], 2),
        (["two.ndjson", "--upgrade", "poor.json"], 2),
        (["two.ndjson", "--upgrade", "x=poor.json"], 2),
        (["two.ndjson", "--upgrade", "poor.json=full.json"], 2),
        (["four.ndjson", "--upgrade", "c=full.json"], 2),
        (["two.ndjson", "--upgrade", "a=three.ndjson"], 2),
        (["two.ndjson", "--upgrade", "a=poor.json", "--upgrade", "a=poor.json"], 2),
        (["full.json", "--upgrade", "full=poor.json", "--upgrade", "full.json=poor.json"], 2),
        (["two.ndjson", "--lock", "two.ndjson"], 2),
        (["no-such-file"], 4),
        (["two.ndjson", "--joins", "no-such-file"], 4),
        (["."], 4),
    ],
)
def test_the_exit_code_says_what_was_found(capsys: Run, words: list[str], expected: int) -> None:
    """0 there is a common platform for everybody, 1 there is none or somebody is stranded."""
    code, out, err = _run(capsys, *words)

    assert expected == code
    if expected > 1:
        assert "" == out
        assert err.startswith("error[")
    else:
        assert "newest platform of all: " in out
        assert "error" not in err


# --- what is printed -----------------------------------------------------------------------------


def test_text_says_what_each_host_costs(capsys: Run) -> None:
    """The common platform, who could have more, what stands in the way, and whose fault that is."""
    _, out, err = _run(capsys, "three.ndjson")

    assert "3 hosts of 2 kinds, with kvm and the usual backends\n" in out
    assert "newest platform of all: linux-6.1@2026.2\n" in out
    rows = [line.split() for line in out.splitlines()]
    assert ["2", "linux-6.18@2026.2", "a,", "b"] in rows
    assert ["linux-6.2@2026.2", "1", "tun.uso", "(1)"] in rows
    (cost,) = [row for row in rows if row[:2] == ["c", "1"]]
    assert ["linux-6.1@2026.2", "linux-6.18@2026.2", "tun.uso"] == cost[2:5]
    assert "" == err


def test_text_says_who_is_stranded(capsys: Run) -> None:
    """The virtual machine, the host and what became of it, and the capability with its evidence."""
    lock = ("--lock", "linux-6.9.lock", "--lock", "linux-6.1.lock")
    for words, place in (
        (["three.ndjson", *lock], "c"),
        (["two.ndjson", *lock, "--joins", "poor.json"], "poor that joins"),
        (["two.ndjson", *lock, "--upgrade", "b=poor.json"], "b after its upgrade"),
    ):
        _, out, _ = _run(capsys, *words)
        table = out.partition("could not be everywhere:\n")[2].splitlines()
        assert 2 == len(table)
        assert table[1].split("  ")[0] == "linux-6.9.lock"
        assert f"  {place}  " in table[1]
        assert "tun.uso (absent, EINVAL)" in table[1]
        assert "virtio-net-device.host_uso=on" in table[1]


def test_remarks_go_to_stderr(capsys: Run) -> None:
    """That something unknown was allowed, and hosts that support nothing of their own."""
    code, out, err = _run(capsys, "vague.json", "none.json", "--allow-unknown")
    assert (0, "note: what is not known of a host was taken for present (--allow-unknown)\n") == (
        code,
        err,
    )
    assert "newest platform of all: linux-6.18@2026.2\n" in out
    _, _, err = _run(capsys, "full.json", "none.json")
    assert "warning: no platform of linux on 1 host: none\n" == err


def test_a_mask_is_named(capsys: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A feature withdrawn here is asked of no host, and everybody is told why."""
    (tmp_path / "masks").mkdir()
    (tmp_path / "masks" / "site.toml").write_text(
        "schema = 1\n"
        + "".join(
            f'[[mask]]\nplatform = "*"\nfeature = "virtio-net.{name}"\n'
            'reason = "no such hosts yet"\ndate = 2026-11-23\n'
            for name in ("host-uso", "guest-uso4", "guest-uso6")
        )
    )
    plain = _json(capsys, "three.ndjson")
    monkeypatch.setenv("PLATFORM_ABI_PATH", str(tmp_path))
    masked = _json(capsys, "three.ndjson")
    _, out, err = _run(capsys, "three.ndjson")

    assert ("linux-6.1@2026.2", []) == (plain["newest"], plain["masks"])
    assert "linux-6.18@2026.2" == masked["newest"]
    assert {"no such hosts yet"} == {mask["reason"] for mask in masked["masks"]}
    assert "newest platform of all: linux-6.18@2026.2\n" in out
    assert "masked here: virtio-net.host-uso of *, 2026-11-23: no such hosts yet (" in err


def test_long_tables_are_cut(capsys: Run, catalogue: pa.FileCatalogue, tmp_path: Path) -> None:
    """Two hundred kinds of host are read from standard input, and summed up on a screen."""
    hosts = variants(full_report(catalogue), 200)
    data = "".join(report_line(evolve(r, name=f"h{i}")) + "\n" for i, r in enumerate(hosts))
    (tmp_path / "fleet").write_text(data)
    done = subprocess.run(
        [sys.executable, "-m", "platform_abi", "baseline", "-"],
        input=data.encode(),
        capture_output=True,
        check=False,
    )
    found = _json(capsys, str(tmp_path / "fleet"))

    assert b"200 hosts of 200 kinds, " in done.stdout
    assert done.stdout.count(b"\n") < 80
    assert f"newest platform of all: {found['newest'] or 'none'}\n".encode() in done.stdout
    assert 200 == len(found["hosts"])


# --- what changes --------------------------------------------------------------------------------


def test_an_upgraded_host_is_named_or_its_report_is(capsys: Run) -> None:
    """The one host is exchanged, the others of its kind stay; what was before is said as well."""
    for words in (
        ["two.ndjson", "--upgrade", "b=poor.json"],
        ["two.ndjson", "poor.json", "--upgrade", "poor.json=full.json"],
    ):
        found = _json(capsys, *words)
        counts = [host["count"] for host in found["hosts"]]
        assert found["count"] == sum(counts) == found["before"]["count"]
    assert ("linux-6.18@2026.2", [3]) == (found["newest"], counts)
    assert "linux-6.1@2026.2" == found["before"]["newest"]
    assert [] == found["stranded"]


def test_a_host_far_down_the_list_can_be_upgraded(
    capsys: Run, catalogue: pa.FileCatalogue, tmp_path: Path
) -> None:
    """That only some names are kept of many hosts does not hide the one that is meant."""
    full = full_report(catalogue)
    path = tmp_path / "many"
    path.write_text("".join(report_line(evolve(full, name=f"h{i}")) + "\n" for i in range(50)))
    found = _json(capsys, str(path), "--upgrade", "h45=poor.json", "--lock", "linux-6.9.lock")

    assert [49, 1] == [host["count"] for host in found["hosts"]]
    assert [("changed", 1, ["h45"])] == [
        (entry["how"], entry["count"], entry["names"]) for entry in found["stranded"]
    ]


def test_an_upgrade_for_the_better_strands_nobody(capsys: Run) -> None:
    """A virtual machine that could not be on the host before has lost nothing."""
    found = _json(capsys, "three.ndjson", "--upgrade", "c=full.json", "--lock", "linux-6.9.lock")

    assert [] == found["stranded"]
    assert "linux-6.18@2026.2" == found["newest"]


# --- JSON ----------------------------------------------------------------------------------------


def test_the_json_document(capsys: Run) -> None:
    """Its shape is what tools build on; text and document say the same."""
    words = ("two.ndjson", "--lock", "linux-6.9.lock", "--joins", "poor.json", "--backend", "tap")
    found = _json(capsys, *words)

    assert [
        "schema_version", "count", "kinds", "newest", "lineages", "before", "accelerator",
        "backends", "arch", "allowed_unknown", "common", "groups", "obstacles", "hosts",
        "unsupported", "masks", "cpu", "stranded", "unasked",
    ] == list(found)  # fmt: skip
    assert (1, 3, 2, "linux-6.1@2026.2") == (
        found["schema_version"],
        found["count"],
        found["kinds"],
        found["newest"],
    )
    assert ("kvm", ["tap"], "x86_64", False) == (
        found["accelerator"],
        found["backends"],
        found["arch"],
        found["allowed_unknown"],
    )
    assert {
        "count": 2,
        "kinds": 1,
        "newest": "linux-6.18@2026.2",
        "lineages": ["linux"],
    } == found["before"]
    assert {"lineage": "linux", "platform": "linux-6.1@2026.2"} == found["common"][0]
    assert [(2, 1, ["a", "b"]), (1, 1, ["poor"])] == [
        (group["count"], group["kinds"], group["names"]) for group in found["groups"]
    ]
    assert "linux-6.1" in found["groups"][1]["supported"]
    assert {
        "lineage": "linux",
        "platform": "linux-6.2@2026.2",
        "count": 1,
        "lacking": {"tun.uso": 1},
    } == found["obstacles"][0]
    (cost,) = found["hosts"][1]["costs"]
    assert ("linux", "linux-6.1@2026.2", "linux-6.18@2026.2") == (
        cost["lineage"],
        cost["common"],
        cost["without"],
    )
    assert {
        "feature": "virtio-net.host-uso",
        "backend": "tap",
        "value": "on",
        "capability": "tun.uso",
        "state": "absent",
        "source": "ioctl",
        "detail": "EINVAL",
    } in cost["missing"]
    (entry,) = found["stranded"]
    assert ("linux-6.9.lock", "joined", 1, ["poor"]) == (
        entry["vm"],
        entry["how"],
        entry["count"],
        entry["names"],
    )
    assert {"tun.uso"} == {finding["capability"] for finding in entry["findings"]}


def test_a_document_has_every_name(
    tmp_path: Path, catalogue: pa.FileCatalogue, capsys: Run
) -> None:
    """A scheduler wants each host of a group; people are shown the first few."""
    full = full_report(catalogue)
    names = [f"h{i}" for i in range(70)]
    many = tmp_path / "many.ndjson"
    many.write_text("".join(report_line(evolve(full, name=name)) + "\n" for name in names))
    assert main(["baseline", str(many), "--json"]) == 0
    document = validated("baseline", capsys.readouterr().out)
    assert [names] == [each["names"] for each in document["hosts"]]
    assert [names] == [each["names"] for each in document["groups"]]


def test_errors_are_json_too(capsys: Run) -> None:
    """A bad line of a fleet is an error with its place."""
    Path("bad.ndjson").write_text(Path("two.ndjson").read_text() + "{}\n")
    code, out, err = _run(capsys, "bad.ndjson", "--json")

    assert (2, "") == (code, out)
    assert json.loads(err)["error"]["message"].startswith("bad.ndjson:3: ")
    assert "report-syntax" == json.loads(err)["error"]["code"]


def test_names_cannot_steer_a_terminal(
    capsys: Run, catalogue: pa.FileCatalogue, tmp_path: Path
) -> None:
    """A report may come from anybody: its name is printed, not obeyed."""
    path = tmp_path / "evil.json"
    path.write_text(report_line(evolve(full_report(catalogue), name="a\x1b[2Jb")))
    _, out, err = _run(capsys, str(path), "poor.json", "none.json")

    assert "\x1b" not in out + err
    assert "a\\x1b[2Jb" in out


def test_the_same_in_any_order(capsys: Run) -> None:
    """Text on which a decision rests does not depend on which file came first."""
    first, second = (
        _json(capsys, *names) for names in (("full.json", "poor.json"), ("poor.json", "full.json"))
    )
    for key in ("newest", "common", "obstacles", "lineages"):
        assert first[key] == second[key]
