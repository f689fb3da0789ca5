"""The verb ``site``."""

from __future__ import annotations

from pathlib import Path

from tests.cli.commands import Run, run_command
from tests.documents import validated
from tests.reference.pages import shipped


def test_the_site_is_written_where_it_is_asked_for(tmp_path: Path, capsys: Run) -> None:
    """As the library makes it of the same definitions, to the byte; twice is the same."""
    folder = tmp_path / "site"
    code, out, err = run_command(capsys, "site", "-o", str(folder))
    assert (code, err) == (0, "")
    assert out.startswith(f"{folder}: {len(shipped())} files, ")
    for place, text in shipped().items():
        assert text == (folder / place).read_text("utf-8"), place
    code, out, err = run_command(capsys, "site", "-o", str(folder), "--json")
    assert (code, err) == (0, "")
    size = sum(len(text.encode()) for text in shipped().values())
    assert {
        "schema_version": 1,
        "folder": str(folder),
        "files": len(shipped()),
        "size": size,
    } == validated("site", out)


def test_a_folder_of_anothers_is_refused(tmp_path: Path, capsys: Run) -> None:
    """With the file that is in the way."""
    (tmp_path / "mine.txt").write_text("mine", "utf-8")
    code, out, err = run_command(capsys, "site", "-o", str(tmp_path))
    assert (code, out) == (2, "")
    assert err.startswith("error[folder-foreign]: ")
    assert "mine.txt" in err
