"""Definitions installed: whole or not at all, and nothing wrong comes among the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from platform_abi.author.installing import completed, gather, install
from platform_abi.author.starting import Begun
from platform_abi.errors import DefinitionError, UsageError
from tests.definitions.site import FEATURES, small, write

PLATFORM = """
schema = 1
[platform]
name = "test-3"
lineage = "test"
title = "Third"
extends = "test-2"
"""
WRONG = PLATFORM + '[features]\n"net.usso" = "on"\n'


@pytest.fixture
def roots(tmp_path: Path) -> list[str]:
    """Return where the other definitions are."""
    small(tmp_path / "whole")
    return [str(tmp_path / "whole")]


def _written(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize(
    ("text", "home"),
    [
        (PLATFORM, "platforms/test/acme.toml"),
        (PLATFORM.replace('"test"', '"../etc"'), "platforms/acme.toml"),
        (FEATURES, "features/acme.toml"),
        ('schema = 1\n[[capability]]\nid = "tun.x"\n', "capabilities/acme.toml"),
        ("schema = 1\n[[mask]]\n", "masks/acme.toml"),
    ],
)
def test_a_file_is_at_home_by_what_is_in_it(text: str, home: str, tmp_path: Path) -> None:
    """Whatever it says of itself, it stays below the folder."""
    path = tmp_path / "acme.toml"
    path.write_text(text)
    assert gather(path) == {home: text}


def test_a_folder_is_taken_as_it_is_laid_out(tmp_path: Path) -> None:
    """What no definition would be read from is left where it is."""
    for relative in ("features/net.toml", "README.toml", "notes/x.toml", "masks/site.toml"):
        write(tmp_path, relative, f"# {relative}\n")
    assert [*gather(tmp_path)] == ["features/net.toml", "masks/site.toml"]


@pytest.mark.parametrize("text", ["schema = ", "schema = 1\n", "x = " + "[" * 100_000, "\ud800"])
def test_what_is_no_definition_is_refused(text: str, tmp_path: Path) -> None:
    """With an error of definitions, whatever it is instead."""
    path = tmp_path / "acme.toml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(DefinitionError):
        gather(path)


def test_a_folder_without_definitions_is_refused(tmp_path: Path) -> None:
    """Installing nothing would look as if it had worked."""
    with pytest.raises(UsageError) as error:
        gather(tmp_path)
    assert error.value.code == "definition-empty"


def test_what_is_right_is_put_there_and_read(roots: list[str], tmp_path: Path) -> None:
    """Once and again: the second time nothing changes."""
    site = tmp_path / "site"
    for _ in range(2):
        done = install(roots, site, {"platforms/test/test-3.toml": PLATFORM})
        assert done.files == ("platforms/test/test-3.toml",)
        assert not [each for each in done.findings if each.level == "error"]
        assert _written(site) == {"platforms/test/test-3.toml": PLATFORM}


def test_what_is_wrong_is_not_written(roots: list[str], tmp_path: Path) -> None:
    """Nor is anything beside it, and the fault names the place where it would have been."""
    site = tmp_path / "site"
    done = install(roots, site, {"platforms/test/test-3.toml": WRONG, "platforms/t.toml": PLATFORM})
    errors = [each.text for each in done.findings if each.level == "error"]
    assert any(f"{site}/platforms/test/test-3.toml:" in text for text in errors)
    assert not site.exists()


def test_what_is_there_is_not_replaced_unless_asked(roots: list[str], tmp_path: Path) -> None:
    """Somebody may have meant it."""
    site = tmp_path / "site"
    relative = "platforms/test/test-3.toml"
    install(roots, site, {relative: PLATFORM})
    other = PLATFORM.replace("Third", "Another")
    with pytest.raises(UsageError) as error:
        install(roots, site, {relative: other})
    assert error.value.code == "definition-exists"
    assert _written(site) == {relative: PLATFORM}
    install(roots, site, {relative: other}, force=True)
    assert _written(site) == {relative: other}


def test_what_was_there_counts_when_something_comes(roots: list[str], tmp_path: Path) -> None:
    """A platform may extend one that was installed before it."""
    site = tmp_path / "site"
    install(roots, site, {"platforms/test/test-3.toml": PLATFORM})
    child = PLATFORM.replace("test-3", "test-4").replace("test-2", "test-3")
    done = install([*roots, str(site)], site, {"platforms/test/test-4.toml": child})
    assert not [each for each in done.findings if each.level == "error"]
    assert len(_written(site)) == len(["test-3", "test-4"])


def test_what_was_begun_goes_to_the_end_of_its_file(tmp_path: Path) -> None:
    """And a file of its own is never written over."""
    shared = Begun(relative="masks/site.toml", head="schema = 1\n\n", entry="[[mask]]\n")
    assert completed(tmp_path, shared) == "schema = 1\n\n[[mask]]\n"
    write(tmp_path, "masks/site.toml", "schema = 1\n\n[[mask]]\n\n\n")
    assert completed(tmp_path, shared) == "schema = 1\n\n[[mask]]\n\n[[mask]]\n"
    alone = Begun(relative="masks/site.toml", head="", entry="x", shared=False)
    with pytest.raises(UsageError) as error:
        completed(tmp_path, alone)
    assert error.value.code == "definition-exists"
