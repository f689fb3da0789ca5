"""Values of definitions: read once, kept, and read again where that failed."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

import platform_abi as pa
from platform_abi.definitions.values import DefinitionValues
from tests.conftest import DEFINITIONS


def test_what_was_worked_out_is_kept() -> None:
    """Under its key, none and nothing too; another key is another question."""
    values = DefinitionValues([DEFINITIONS])
    asked: list[object] = []

    def work_out(answer: object) -> object:
        asked.append(answer)
        return answer

    for answer in (None, (), "x"):
        for _ in range(2):
            assert values.kept(("key", repr(answer)), partial(work_out, answer)) == answer
    assert [None, (), "x"] == asked


def test_what_failed_is_tried_again(tmp_path: Path) -> None:
    """A file that was mended between two questions is read; one that was read is not read again."""
    file = tmp_path / "capabilities" / "mine.toml"
    file.parent.mkdir()
    file.write_text("schema = 1\nwrong = 1\n")
    values = DefinitionValues([tmp_path])
    with pytest.raises(pa.DefinitionError, match="wrong"):
        values.value("capabilities")
    file.write_text(
        "schema = 1\n[[capability]]\n"
        'id = "mine.x"\ntitle = "x"\nsubsystem = "mine"\nsince = "6.1"\n'
    )
    found = values.value("capabilities")
    assert ["mine.x"] == list(found)
    file.write_text("schema = 1\nwrong = 1\n")
    assert values.value("capabilities") is found


def test_files_are_where_they_are(tmp_path: Path) -> None:
    """A source's path, and line and column of a key in it; None for one that there is not."""
    file = tmp_path / "platforms" / "mine" / "mine-1.toml"
    file.parent.mkdir(parents=True)
    file.write_text('schema = 1\n[platform]\nname = "mine-1"\n')
    values = DefinitionValues([DEFINITIONS, tmp_path])
    assert (str(DEFINITIONS), str(tmp_path)) == values.roots == values.files.roots
    assert str(file) == values.locate("platforms/mine/mine-1.toml")
    assert (3, 1) == values.position("platforms/mine/mine-1.toml", ("platform", "name"))
    assert values.locate("platforms/mine/mine-2.toml") is None


def test_without_folders_they_are_those_of_the_search_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The packaged ones first; the others that a user named behind them."""
    monkeypatch.setenv("PLATFORM_ABI_PATH", str(tmp_path))
    assert str(tmp_path) == DefinitionValues().roots[-1]
    assert len(DefinitionValues().roots) > 1
