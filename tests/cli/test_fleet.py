"""The verb ``fleet``: a store from files, asked which VM can go where."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

import platform_abi as pa
from platform_abi.host.document import report_line
from platform_abi.model.value import evolve
from tests.cli.commands import Run, run_command
from tests.compat.strategies import without
from tests.conftest import DEFINITIONS
from tests.documents import validated
from tests.inventory.fleets import locks, reports

#: The number of a lockfile that needs tun.uso, and of one that does not.
NEW, OLD = 1, 0


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, catalogue: pa.FileCatalogue) -> Path:
    """Run in a folder with reports and lockfiles, where the fleet is kept."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PLATFORM_ABI_FLEET", "fleet.duckdb")
    monkeypatch.setattr("platform_abi.cli.fleet.load_catalogue", lambda: catalogue)
    poor = without(reports()[0], "tun.uso")
    for name, report in {"node1": reports()[0], "node2": reports()[0], "node3": poor}.items():
        Path(f"{name}.json").write_text(report_line(report), encoding="utf-8")
    Path("poor.json").write_text(report_line(poor), encoding="utf-8")
    for name, number in {"new": NEW, "old": OLD}.items():
        Path(f"{name}.lock").write_text(locks()[number][1], encoding="utf-8")
    return tmp_path


NODES = ("node1.json", "node2.json", "node3.json")


def _fleet(capsys: Run, *words: str) -> dict[str, Any]:
    """Return the document of an answer, which its schema takes."""
    _, out, _ = run_command(capsys, "fleet", *words, "--json")
    found: dict[str, Any] = validated("fleet", out)
    return found


@pytest.mark.usefixtures("place")
def test_a_fleet_is_added_and_asked(capsys: Run) -> None:
    """Files in, verdicts out: where a VM can be and why not elsewhere, as JSON and as text."""
    added = _fleet(capsys, "add", *NODES, "new.lock", "old.lock")
    assert ({"new": 3, "changed": 0, "same": 0}, 2) == (added["hosts"], added["vms"]["new"])
    assert {"new": 0, "changed": 0, "same": 3} == _fleet(capsys, "add", *NODES)["hosts"]
    kinds = _fleet(capsys, "list")
    assert [2, 1] == [kind["count"] for kind in kinds["host_kinds"]]
    for vm in ("new", "new.lock"):
        placed = _fleet(capsys, "where", vm)["placements"]
        assert ["warn", "warn", "blocked"] == [each["status"] for each in placed]
        assert "capability-missing" == placed[2]["code"]
        assert "tun.uso" in placed[2]["message"]
    code, out, _ = run_command(capsys, "fleet", "where", "new")
    assert 0 == code
    assert "blocked  1: node3  capability-missing: tun.uso is absent (EINVAL)\n" in out
    code, out, _ = run_command(capsys, "fleet", "matrix")
    assert "1: tun.uso is absent (EINVAL)" in out
    assert 4 == len(_fleet(capsys, "matrix")["matrix"])


@pytest.mark.usefixtures("place")
def test_what_if_says_who_is_stranded_before_it_is_done(capsys: Run) -> None:
    """A host with another report bars who needs more; nothing of it is recorded."""
    run_command(capsys, "fleet", "add", *NODES, "new.lock", "old.lock")
    words = ("what-if", "--upgrade", "node1=poor.json")
    assert 1 == run_command(capsys, "fleet", *words)[0]
    found = _fleet(capsys, *words)
    assert [(1, 2, 1)] == [(row["vms"], row["before"], row["after"]) for row in found["lost"]]
    assert [("node1", "capability-missing")] == [(b["host"], b["code"]) for b in found["barred"]]
    assert 0 == run_command(capsys, "fleet", "what-if", "--upgrade", "node3=node1.json")[0]
    assert 0 == run_command(capsys, "fleet", "what-if", "--joins", "poor.json")[0]
    assert 1 == len(_fleet(capsys, "history", "node1")["changes"])
    code, _, err = run_command(capsys, "fleet", "what-if", "--upgrade", "node9=poor.json")
    assert 2 == code
    assert "unknown host 'node9'; did you mean" in err
    code, _, err = run_command(capsys, "fleet", "what-if", "--joins", "node1.json")
    assert "host 'node1' is in the fleet already" in err


@pytest.mark.usefixtures("place")
def test_the_matrix_as_a_table_for_others(capsys: Run) -> None:
    """CSV by kind and by name, and Parquet, say the same; a file is written whole."""
    run_command(capsys, "fleet", "add", *NODES, "new.lock", "old.lock")
    assert 0 == run_command(capsys, "fleet", "matrix", "--format", "csv", "-o", "kinds.csv")[0]
    kinds = [*csv.DictReader(io.StringIO(Path("kinds.csv").read_text(encoding="utf-8")))]
    assert 4 == len(kinds)
    words = ("fleet", "matrix", "--each", "--format")
    assert 0 == run_command(capsys, *words, "csv", "-o", "each.csv")[0]
    each = [*csv.DictReader(io.StringIO(Path("each.csv").read_text(encoding="utf-8")))]
    assert 6 == len(each) == sum(int(row["vms"]) * int(row["hosts"]) for row in kinds)
    assert ["node3"] == [row["host"] for row in each if row["status"] == "blocked"]
    assert 0 == run_command(capsys, *words, "parquet", "-o", "each.parquet")[0]
    import pyarrow.parquet

    assert each == pyarrow.parquet.read_table("each.parquet").to_pylist()
    code, _, err = run_command(capsys, *words, "csv", "-o", "no/where.csv")
    assert (4, True) == (code, err.startswith("error[write-failed]: cannot write no/where.csv"))


@pytest.mark.usefixtures("place")
def test_of_a_million_lines_some_are_broken(capsys: Run) -> None:
    """Each broken line and file is named, the exit code says that some were, the rest is kept."""
    good = report_line(pa.HostReport(name="named", arch="x86_64"))
    Path("many.ndjson").write_text(f"{good}\n{{broken\n{{}}\n", encoding="utf-8")
    Path("bad.lock").write_text("schema = 2\n", encoding="utf-8")
    code, out, err = run_command(
        capsys, "fleet", "add", "many.ndjson", "bad.lock", "gone.json", "node1.json", "new.lock"
    )
    assert 2 <= code
    assert "hosts: 2 new" in out
    assert "VMs: 1 new" in out
    for wrong in ("many.ndjson:2: ", "many.ndjson:3: ", "bad.lock: ", "gone.json"):
        assert wrong in err
    assert ["named", "node1"] == sorted(
        each["host"] for each in _fleet(capsys, "where", "new")["placements"]
    )


@pytest.mark.usefixtures("place")
def test_of_two_schemas_what_can_be_read_is_kept(capsys: Run) -> None:
    """A report of a schema that is not read is named with its line; an older lockfile is read."""
    told = json.loads(report_line(evolve(reports()[0], name="told")))
    newer = json.dumps({**told, "name": "newer", "schema_version": told["schema_version"] + 1})
    Path("both.ndjson").write_text(f"{newer}\n{json.dumps(told)}\n", encoding="utf-8")
    old = (DEFINITIONS.parent / "tests" / "emit" / "schema-1.lock").read_text(encoding="utf-8")
    Path("first.lock").write_text(old, encoding="utf-8")
    code, out, err = run_command(capsys, "fleet", "add", "both.ndjson", "first.lock", "new.lock")
    assert 0 != code
    assert "hosts: 1 new" in out
    assert "VMs: 2 new" in out
    assert "error[report-schema]: both.ndjson:1: expected schema_version" in err
    assert "both.ndjson:2" not in err
    placed = _fleet(capsys, "where", "first")["placements"]
    # What the first lockfiles did not say is not known, and so is not ok.
    assert [("told", "warn")] == [(each["host"], each["status"]) for each in placed]


@pytest.mark.usefixtures("place")
def test_a_host_has_a_name_of_its_own(capsys: Run) -> None:
    """A nameless report is of its file's host; two of them in one file are of nobody's."""
    line = report_line(pa.HostReport(arch="x86_64"))
    Path("two.ndjson").write_text(f"{line}\n{line}\n", encoding="utf-8")
    code, out, err = run_command(capsys, "fleet", "add", "two.ndjson", "node1.json")
    assert 2 == code
    assert "hosts: 1 new" in out
    assert 2 == err.count("the report does not say which host it is of")
    Path("sub").mkdir()
    Path("sub/node1.json").write_text(line, encoding="utf-8")
    code, _, err = run_command(capsys, "fleet", "add", "node1.json", "sub/node1.json")
    assert 2 == code
    assert "two different hosts are called 'node1'" in err


@pytest.mark.usefixtures("place")
def test_history_and_forgetting(capsys: Run) -> None:
    """What a host was and when it went can be asked, for as long as the store is kept."""
    run_command(capsys, "fleet", "add", "node1.json")
    Path("node1.json").write_text(Path("poor.json").read_text(encoding="utf-8"), encoding="utf-8")
    run_command(capsys, "fleet", "add", "node1.json")
    assert "1 forgotten\n" == run_command(capsys, "fleet", "forget", "node1")[1]
    digests = [change["digest"] for change in _fleet(capsys, "history", "node1")["changes"]]
    assert 3 == len(set(digests))
    assert None is digests[2]
    code, _, err = run_command(capsys, "fleet", "history", "node2")
    assert (2, True) == (code, "unknown host or VM 'node2'" in err)


@pytest.mark.usefixtures("place")
def test_what_cannot_be_asked_is_said(capsys: Run) -> None:
    """No store, no hosts, words too many or too few: an error or an answer, and no traceback."""
    code, _, err = run_command(capsys, "fleet", "list")
    assert (4, True) == (code, err.startswith("error[store-missing]"))
    run_command(capsys, "fleet", "add", "new.lock")
    code, out, _ = run_command(capsys, "fleet", "where", "new")
    assert (1, "the fleet has no hosts\n") == (code, out)
    for words in (
        ["where"],
        ["add"],
        ["matrix", "x"],
        ["what-if"],
        ["forget"],
        ["export"],
        ["page"],
    ):
        code, _, err = run_command(capsys, "fleet", *words)
        assert (2, True) == (code, err.startswith("error[usage]")), words
    code, _, err = run_command(capsys, "fleet", "where", "new", "--engine", "local[1]")
    assert (2, True) == (code, "--data" in err)


@pytest.mark.usefixtures("place")
def test_it_writes_what_engines_elsewhere_read(capsys: Run) -> None:
    """Hosts and VMs by name, as Parquet."""
    run_command(capsys, "fleet", "add", *NODES, "new.lock")
    code, out, _ = run_command(capsys, "fleet", "export", "out")
    assert (0, "out/host.parquet\nout/vm.parquet\n") == (code, out)


@pytest.mark.usefixtures("place")
def test_it_writes_a_page_to_look_at(capsys: Run) -> None:
    """A folder with a page; written again it is replaced, and nothing else ever is."""
    run_command(capsys, "fleet", "add", *NODES, "new.lock", "old.lock")
    for _ in range(2):
        assert (0, "site/index.html\n") == run_command(capsys, "fleet", "page", "-o", "site")[:2]
    assert "node3" in Path("site/index.html").read_text(encoding="utf-8")
    code, _, err = run_command(capsys, "fleet", "page", "-o", ".")
    assert (2, True) == (code, err.startswith("error[folder-foreign]: . has "))
    assert "page" == _fleet(capsys, "page", "-o", "site")["question"]


def test_without_a_place_to_keep_it_that_is_said(
    capsys: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In this user's data, else where the environment or an option says; else it is asked for."""
    from platform_abi.cli.fleet import store_path

    for name in ("PLATFORM_ABI_FLEET", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/home/me")
    assert Path("/home/me/.local/share/platform-abi/fleet.duckdb") == store_path(None)
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert Path("/data/platform-abi/fleet.duckdb") == store_path(None)
    monkeypatch.setenv("PLATFORM_ABI_FLEET", "/srv/fleet")
    assert Path("/srv/fleet") == store_path(None)
    assert Path("mine") == store_path("mine")
    for name in ("PLATFORM_ABI_FLEET", "XDG_DATA_HOME", "HOME"):
        monkeypatch.delenv(name)
    code, _, err = run_command(capsys, "fleet", "list", "--json")
    assert (4, "store-missing") == (code, json.loads(err)["error"]["code"])
