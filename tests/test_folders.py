"""Pages as a folder: whole or not at all, and never in the place of another's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from platform_abi.errors import HostError, UsageError
from platform_abi.folders import mark_of, write_folder

KIND = "site"
FILES = {"index.html": "<p>one</p>\n", "a/b.html": "<p>two é</p>\n"}


def _found(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text("utf-8")
        for path in folder.rglob("*")
        if path.is_file() and path.name != mark_of(KIND)
    }


def _write(folder: Path, files: Iterable[tuple[str, str]]) -> dict[str, int]:
    return write_folder(folder, KIND, files)


def _names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def test_what_is_written_is_there(tmp_path: Path) -> None:
    """Every file, with its size in bytes, and nothing beside the folder."""
    sizes = _write(tmp_path / "site", FILES.items())
    assert FILES == _found(tmp_path / "site")
    assert {place: len(text.encode()) for place, text in FILES.items()} == sizes
    assert ["site"] == _names(tmp_path)


def test_a_later_site_takes_the_place_of_an_earlier(tmp_path: Path) -> None:
    """Of a file that the later one has not, nothing stays; an empty folder is nobody's."""
    site = tmp_path / "site"
    site.mkdir()
    _write(site, FILES.items())
    _write(site, [("index.html", "new")])
    assert {"index.html": "new"} == _found(site)
    assert ["site"] == _names(tmp_path)


@pytest.mark.parametrize("place", ["mine.txt", "a/mine.txt", "a/c.html"])
@pytest.mark.parametrize("before", [{}, FILES], ids=["no site", "a site"])
def test_what_is_anothers_is_never_replaced(
    tmp_path: Path, place: str, before: dict[str, str]
) -> None:
    """A folder with anything that no site of ours put there, however deep, stays as it is."""
    site = tmp_path / "site"
    if before:
        _write(site, before.items())
    (site / place).parent.mkdir(parents=True, exist_ok=True)
    (site / place).write_text("mine", "utf-8")
    with pytest.raises(UsageError, match=place) as caught:
        _write(site, FILES.items())
    assert "folder-foreign" == caught.value.code
    assert {**before, place: "mine"} == _found(site)


def test_a_link_in_a_site_is_anothers(tmp_path: Path) -> None:
    """Whatever it leads to."""
    _write(tmp_path / "site", FILES.items())
    (tmp_path / "site" / "link").symlink_to(tmp_path)
    with pytest.raises(UsageError, match="link"):
        _write(tmp_path / "site", FILES.items())


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    """It is not replaced by one."""
    (tmp_path / "site").write_text("mine", "utf-8")
    with pytest.raises(UsageError, match="is no folder"):
        _write(tmp_path / "site", FILES.items())
    assert "mine" == (tmp_path / "site").read_text("utf-8")


@pytest.mark.parametrize("before", [{}, FILES], ids=["no site", "a site"])
def test_what_fails_on_the_way_leaves_all_as_it_was(tmp_path: Path, before: dict[str, str]) -> None:
    """An error of ours is told as it is; the half that was written goes."""

    def broken() -> Iterator[tuple[str, str]]:
        yield "index.html", "half"
        raise UsageError("no", code="usage")

    if before:
        _write(tmp_path / "site", before.items())
    with pytest.raises(UsageError) as caught:
        _write(tmp_path / "site", broken())
    assert "usage" == caught.value.code
    assert before == _found(tmp_path / "site")
    assert (["site"] if before else []) == _names(tmp_path)


def test_where_nothing_can_be_written_that_is_said(tmp_path: Path) -> None:
    """With the place and the reason, for a folder that is not there and a name that none can be."""
    (tmp_path / "file").touch()
    for name in ("file/site", "a" * 300, "nul\0"):
        with pytest.raises(HostError, match="cannot write") as caught:
            _write(tmp_path / name, FILES.items())
        assert "write-failed" == caught.value.code
    assert ["file"] == _names(tmp_path)


def test_a_folder_of_another_kind_is_anothers(tmp_path: Path) -> None:
    """Both are of this program, and neither is to be lost for the other."""
    write_folder(tmp_path / "it", "fleet page", FILES.items())
    with pytest.raises(UsageError, match=r"it has \.platform-abi-fleet-page, which is not of a"):
        _write(tmp_path / "it", FILES.items())


def test_folders_on_the_way_are_made(tmp_path: Path) -> None:
    """As by others that write sites."""
    _write(tmp_path / "deep" / "down" / "site", FILES.items())
    assert FILES == _found(tmp_path / "deep" / "down" / "site")


def test_where_it_cannot_be_renamed_the_earlier_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that is full: an error, the folder of before, and nothing beside it."""
    site = tmp_path / "site"
    _write(site, FILES.items())
    real = Path.rename

    def refuse(path: Path, target: Path) -> Path:
        if target == site and not path.name.endswith(".earlier"):
            raise OSError(28, "No space left on device")
        return real(path, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(HostError, match="No space left") as caught:
        _write(site, [("index.html", "other")])
    assert "write-failed" == caught.value.code
    assert ["site"] == _names(tmp_path)
    assert FILES == _found(site)


def test_a_link_leads_to_the_folder_that_is_replaced(tmp_path: Path) -> None:
    """And stays one."""
    (tmp_path / "real").mkdir()
    (tmp_path / "site").symlink_to("real")
    _write(tmp_path / "site", FILES.items())
    assert (tmp_path / "site").is_symlink()
    assert FILES == _found(tmp_path / "real")
