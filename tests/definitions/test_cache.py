"""Values kept from one process to the next."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.definitions import cache
from platform_abi.definitions.cache import ValueCache, cache_folder
from platform_abi.model.capability import Capability, Probe
from platform_abi.model.feature import Feature
from platform_abi.model.machine import CompatProperty, MachineType, TypeTable
from platform_abi.model.platform import Listing, Platform
from tests.definitions.site import DEFINITIONS, SMALL, reads, small, write

#: Long after any file of a test was written.
LATER = time.time_ns() + 10**18

QUESTIONS: dict[str, Callable[[pa.FileCatalogue], Any]] = {
    "features": lambda c: c.features("net"),
    "capabilities": lambda c: c.capabilities(),
    "devices": lambda c: c.devices(),
    "platform": lambda c: c.platform("test-2"),
    "masks": lambda c: c.masks(),
    "build": lambda c: c.build("qemu-10.0.0", "x86_64"),
    "machine": lambda c: c.machine("qemu-10.0.0", "pc-q35-9.0", "x86_64"),
    "types": lambda c: c.types("qemu-10.0.0", "x86_64"),
}


@pytest.fixture
def _settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take every file for old, as those of a package are, so that its values are kept."""
    monkeypatch.setattr("platform_abi.definitions.catalogue.time.time_ns", lambda: LATER)


@pytest.fixture
def site(tmp_path: Path, _settled: None) -> Path:
    """Write a small catalogue of settled files."""
    return small(tmp_path / "site")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return where values are kept; it does not exist yet."""
    return tmp_path / "cache"


def _ask(root: Path, folder: Path, question: Callable[[pa.FileCatalogue], Any]) -> tuple[Any, int]:
    """Return what a new process would get, and how many files it would read for it."""
    with reads() as files:
        answer = question(pa.FileCatalogue([root], cache=str(folder)))
    return answer, len(files)


# --- laws ----------------------------------------------------------------------------------------

_WORD = st.text(st.characters(codec="utf-8"), max_size=5) | st.sampled_from(
    ["@", "@@", "@set", "@x"]
)
_MAPS = st.dictionaries(_WORD, _WORD, max_size=3)
_TUPLES = st.lists(_WORD, max_size=3).map(tuple)
_VALUES: st.SearchStrategy[Any] = st.one_of(
    st.builds(
        Feature,
        id=_WORD,
        title=_WORD,
        edition=_WORD,
        properties=_TUPLES,
        opt_in=st.booleans(),
        generation=st.none() | _WORD,
        requires=st.dictionaries(_WORD, _TUPLES, max_size=3),
    ),
    st.builds(
        Capability,
        id=_WORD,
        title=_WORD,
        subsystem=_WORD,
        probe=st.none() | st.builds(Probe, method=_WORD, argument=st.integers(0, 2**64 - 1)),
    ),
    st.builds(
        Platform,
        name=_WORD,
        lineage=_WORD,
        levels=_MAPS,
        removed=st.frozensets(_WORD, max_size=3),
        listings=st.dictionaries(_WORD, st.builds(Listing, values=_MAPS, source=_WORD), max_size=2),
    ),
    st.builds(
        MachineType,
        name=_WORD,
        family=_WORD,
        arch=_WORD,
        compat=st.lists(
            st.builds(CompatProperty, driver=_WORD, property=_WORD, value=_WORD), max_size=2
        ).map(tuple),
    ),
    st.builds(
        TypeTable,
        parents=_MAPS,
        own_properties=st.dictionaries(_WORD, _TUPLES, max_size=3),
        abstract=st.frozensets(_WORD, max_size=3),
        aliases=_MAPS,
    ),
)


@given(
    value=_VALUES
    | st.lists(_VALUES, max_size=2).map(tuple)
    | st.dictionaries(_WORD, _VALUES, max_size=2)
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_kept_is_what_was_put(value: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Every value of the model comes back equal, whatever its mappings' keys are."""
    kept = ValueCache(str(tmp_path_factory.getbasetemp() / "kept"))
    kept.put("key", value, [], [], LATER)
    found = kept.get("key", lambda _: [])
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_hit_is_what_reading_gives(name: str, site: Path, folder: Path) -> None:
    """The first process reads and keeps, the second reads nothing and gets the same."""
    question = QUESTIONS[name]
    expected = question(pa.FileCatalogue([site], cache=""))
    assert _ask(site, folder, question)[0] == expected
    assert _ask(site, folder, question) == (expected, 0)


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_changed_file_counts(name: str, site: Path, folder: Path) -> None:
    """Another size, or another time of change, of any file that a value depends on."""
    question = QUESTIONS[name]
    _ask(site, folder, question)
    for relative in SMALL:
        write(site, relative, SMALL[relative] + "# changed\n")
    answer, count = _ask(site, folder, question)
    assert answer == question(pa.FileCatalogue([site], cache=""))
    assert count > 0
    assert _ask(site, folder, question)[1] == 0
    for path in site.rglob("*.toml"):
        os.utime(path, (1, 1))
    assert _ask(site, folder, question)[1] > 0


@pytest.mark.parametrize("name", QUESTIONS)
@given(data=st.data())
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_entry_is_read_again(
    name: str, data: st.DataObject, site: Path, folder: Path
) -> None:
    """Whatever is in an entry that is cut off or overwritten, the answer is that of the files."""
    question = QUESTIONS[name]
    part = data.draw(st.floats(0, 1, exclude_max=True))
    junk = data.draw(st.sampled_from([b"", b"\xff", b"\x00", *DAMAGE]))
    shutil.rmtree(folder, ignore_errors=True)
    expected, _ = _ask(site, folder, question)
    for entry in folder.iterdir():
        content = entry.read_bytes()
        entry.write_bytes(content[: int(part * len(content))] + junk)
    assert _ask(site, folder, question)[0] == expected


#: Whole entries that are JSON, and no entries.
DAMAGE = [
    b"",
    b"null",
    b"[]",
    b"7",
    b"{}",
    b'{"@": "Feature"}',
    b'{"@": "Popen", "args": "true"}',
    b'{"@": ["Feature"]}',
    b'{"@set": 7}',
    b'{"names": [], "stamp": []}',
    b'{"names": [], "stamp": [], "value": {"@": "Feature", "x": 1}}',
    b'{"names": 7, "stamp": [], "value": 1}',
    b'{"names": [[]], "stamp": [], "value": null}',
    b'{"names": [{}], "stamp": [["x", 1, 1, 1]], "value": 1}',
    b"[" * 100_000,
]


@pytest.mark.parametrize("content", DAMAGE, ids=lambda content: content[:50].decode())
@pytest.mark.parametrize("name", QUESTIONS)
def test_an_entry_that_is_none_is_ignored(
    content: bytes, name: str, site: Path, folder: Path
) -> None:
    """No content of an entry is an error, and none is run."""
    expected, count = _ask(site, folder, QUESTIONS[name])
    for entry in folder.iterdir():
        entry.write_bytes(content)
    assert _ask(site, folder, QUESTIONS[name]) == (expected, count)


# --- what a value depends on ---------------------------------------------------------------------


def test_a_platform_depends_on_its_ancestors_alone(site: Path, folder: Path) -> None:
    """A change of a parent counts, that of another platform does not."""
    write(site, "platforms/test/other.toml", SMALL["platforms/test/test-1.toml"])
    question = QUESTIONS["platform"]
    _ask(site, folder, question)
    write(site, "platforms/test/other.toml", "changed")
    assert _ask(site, folder, question)[1] == 0
    parent = SMALL["platforms/test/test-1.toml"].replace("= 4", "= 8")
    write(site, "platforms/test/test-1.toml", parent)
    assert _ask(site, folder, question)[0].listings["net.queues"].values == {"0.0": "8"}


@pytest.mark.parametrize(
    ("name", "relative"),
    [
        ("capabilities", "capabilities/more.toml"),
        ("devices", "devices/more.toml"),
        ("masks", "masks/more.toml"),
        ("platform", "platforms/more/test-1.toml"),
    ],
)
def test_an_added_and_a_removed_file_count(
    name: str, relative: str, site: Path, folder: Path
) -> None:
    """A value knows which files it was made of, not only that they are as they were."""
    question = QUESTIONS[name]
    _ask(site, folder, question)
    original = next(r for r in SMALL if r.split("/")[0] == relative.split("/", maxsplit=1)[0])
    write(site, relative, SMALL[original])
    expected = question(pa.FileCatalogue([site], cache=""))
    answer, count = _ask(site, folder, question)
    assert answer == expected
    assert count > 0
    (site / relative).unlink()
    assert _ask(site, folder, question)[1] > 0


def test_another_folder_of_definitions_has_entries_of_its_own(
    site: Path, folder: Path, tmp_path: Path
) -> None:
    """Two sites share a cache and get their own values."""
    other = small(tmp_path / "other")
    write(
        other, "platforms/test/test-1.toml", SMALL["platforms/test/test-1.toml"].replace("4", "8")
    )
    for _ in range(2):
        for root, value in ((site, "4"), (other, "8")):
            platform, _ = _ask(root, folder, QUESTIONS["platform"])
            assert platform.listings["net.queues"].values == {"0.0": value}


def test_an_error_is_not_kept(site: Path, folder: Path) -> None:
    """A file that is put right is read."""
    write(site, "features/net.toml", "broken")
    for _ in range(2):
        with pytest.raises(pa.DefinitionError):
            _ask(site, folder, QUESTIONS["features"])
    write(site, "features/net.toml", SMALL["features/net.toml"])
    assert len(_ask(site, folder, QUESTIONS["features"])[0]) == 2


def test_what_changed_while_it_was_read_is_not_kept(tmp_path: Path, folder: Path) -> None:
    """Nobody knows then which content the value is of."""
    site = small(tmp_path / "site")
    question = QUESTIONS["capabilities"]
    time.sleep(0.03)  # from now on the files are old enough
    with pytest.MonkeyPatch.context() as patch:
        from platform_abi.definitions import reading

        original = reading._read

        def overtaken(cls: Any, file: tuple[str, str]) -> Any:
            document = original(cls, file)
            text = SMALL["capabilities/tun.toml"].replace("6.2", "6.1")
            write(site, "capabilities/tun.toml", text)
            return document

        patch.setattr(reading, "_read", overtaken)
        assert question(pa.FileCatalogue([site], cache=str(folder)))["tun.uso"].since == "6.2"
    assert _ask(site, folder, question)[0]["tun.uso"].since == "6.1"
    time.sleep(0.03)
    assert _ask(site, folder, question)[1] == 1
    assert _ask(site, folder, question)[1] == 0


# --- the folder ----------------------------------------------------------------------------------


@pytest.mark.usefixtures("_settled")
def test_a_new_folder_is_the_users_own(site: Path, folder: Path) -> None:
    """Nobody else can write into it, whatever the umask."""
    before = os.umask(0)
    try:
        _ask(site, folder, QUESTIONS["devices"])
    finally:
        os.umask(before)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert len(list(folder.iterdir())) == 1


@pytest.mark.parametrize("mode", [0o720, 0o702, 0o777, 0o1777])
def test_a_folder_that_others_can_write_into_is_not_used(
    mode: int, site: Path, folder: Path
) -> None:
    """What lies there may be anyone's."""
    expected, count = _ask(site, folder, QUESTIONS["devices"])
    for entry in folder.iterdir():
        kept = json.loads(entry.read_text())
        kept["value"]["accelerators"] = ["forged"]
        entry.write_text(json.dumps(kept))
    assert _ask(site, folder, QUESTIONS["devices"])[0].accelerators == ("forged",)
    folder.chmod(mode)
    assert _ask(site, folder, QUESTIONS["devices"]) == (expected, count)


def test_a_folder_of_somebody_else_is_not_used(
    site: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither read nor written."""
    _ask(site, folder, QUESTIONS["devices"])
    owner = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    assert _ask(site, folder, QUESTIONS["devices"])[1] == 1
    _ask(site, folder, QUESTIONS["platform"])
    assert len(list(folder.iterdir())) == 1


@pytest.mark.parametrize("obstacle", ["file", "file above", "full disk"])
def test_a_folder_that_cannot_be_written_is_no_error(
    obstacle: str, site: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cache is a help, never a condition."""
    if obstacle == "file":
        folder.write_text("")
        folder.chmod(0o600)
    elif obstacle == "file above":
        folder.write_text("")
        folder = folder / "below"
    else:

        def full(_: Any, __: Any, **___: Any) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(json, "dump", full)
    for _ in range(2):
        assert _ask(site, folder, QUESTIONS["devices"])[1] == 1
    if obstacle == "full disk":
        assert list(folder.iterdir()) == []


def test_a_name_that_no_file_can_have_is_not_kept(site: Path, folder: Path) -> None:
    """NUL in a name that a user gave, or one that is too long."""
    found = pa.FileCatalogue([site], cache=str(folder))
    for stem in ("\0", "x" * 150, "é" * 150, "x" * 5000):
        assert found.features(stem) == ()
    assert QUESTIONS["devices"](found)


def test_without_a_folder_nothing_is_kept() -> None:
    """An empty cache answers nothing."""
    empty = ValueCache(None)
    empty.put("key", (), [], [], LATER)
    assert empty.get("key", lambda _: []) is None


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"HOME": "/h"}, "/h/.cache/platform-abi"),
        ({"HOME": "/h", "XDG_CACHE_HOME": "/c"}, "/c/platform-abi"),
        ({"HOME": "/h", "XDG_CACHE_HOME": "c"}, "/h/.cache/platform-abi"),
        ({"HOME": "h"}, None),
        ({}, None),
        ({"HOME": "/h", "PLATFORM_ABI_CACHE": "/k"}, "/k"),
        ({"HOME": "/h", "PLATFORM_ABI_CACHE": ""}, None),
        ({"HOME": "/h", "PLATFORM_ABI_CACHE": "k"}, None),
    ],
)
def test_where_values_are_kept(environment: dict[str, str], expected: str | None) -> None:
    """A folder that is the user's own, or none."""
    assert cache_folder(environment) == expected


def test_the_environment_is_that_of_the_process_by_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nobody has to pass it."""
    monkeypatch.setenv(cache.CACHE_VARIABLE, "/somewhere")
    assert cache_folder() == "/somewhere"


# --- processes -----------------------------------------------------------------------------------

_PROGRAM = """
import sys
import platform_abi as pa
catalogue = pa.FileCatalogue([sys.argv[1]], cache=sys.argv[2])
vm = pa.VirtualMachine(
    machine="pc-q35-9.1", devices=(pa.Device(driver="virtio-net-pci", id="n", backend="tap"),)
)
print(pa.abi_digest(pa.resolve(catalogue, vm, "linux-6.9")))
print("cattrs" in sys.modules)
"""


def test_processes_share_a_cache(folder: Path) -> None:
    """Started together or after each other they agree, and a later one parses nothing."""
    command = [sys.executable, "-c", _PROGRAM, str(DEFINITIONS), str(folder)]
    started = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={"PYTHONHASHSEED": seed})
        for seed in ("1", "2")
    ]
    first = [process.communicate()[0].split() for process in started]
    last = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert {digest for digest, _ in first} == {last[0]}
    assert last[1] == "False"
