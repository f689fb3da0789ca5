"""The store: idempotent, whole or not at all, with what was before."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from platform_abi.errors import HostError, UnknownNameError, UsageError
from platform_abi.inventory.store import Recorded, Store, kind_of
from platform_abi.model.host import FleetHost, HostReport
from tests.conftest import PACKAGES
from tests.inventory.fleets import digest_of, fleet_of, locks, reports, some_locks

REPOSITORY = Path(__file__).parents[2]

HOSTS = st.dictionaries(st.text(min_size=1, max_size=6), st.integers(0, len(reports()) - 1))


@settings(max_examples=10)
@given(st.lists(HOSTS, min_size=1, max_size=4))
def test_the_last_of_a_name_counts_and_all_are_remembered(
    tmp_path_factory: pytest.TempPathFactory, imports: list[dict[str, int]]
) -> None:
    """After any imports a host is what it was last; each change is in its history once."""
    path = tmp_path_factory.mktemp("store") / "fleet.duckdb"
    now: dict[str, int] = {}
    history: dict[str, list[int]] = {}
    with Store.open(path, write=True) as store:
        for kinds in imports:
            changed = sum(name in now and now[name] != kind for name, kind in kinds.items())
            new = len(kinds.keys() - now.keys())
            expected = Recorded(new=new, changed=changed, same=len(kinds) - new - changed)
            assert expected == store.record_hosts(fleet_of(kinds))
            again = Recorded(new=0, changed=0, same=len(kinds))
            assert again == store.record_hosts(fleet_of(kinds))
            for name, kind in kinds.items():
                if now.get(name) != kind:
                    history.setdefault(name, []).append(kind)
            now |= kinds
    with Store.open(path) as store:
        assert {name: digest_of(kind) for name, kind in now.items()} == store.digests(
            "host", [*now]
        )
        assert Counter(digest_of(kind) for kind in now.values()) == store.counts("host")
        assert {digest_of(k): reports()[k] for k in now.values()} == store.reports()
        for name, kinds_ in history.items():
            found = [change.digest for change in store.history("host", name)]
            assert [digest_of(kind) for kind in kinds_] == found


def test_virtual_machines_come_back_as_they_were(tmp_path: Path) -> None:
    """A lockfile is kept once for all who have it, and says what it said."""
    known, names = some_locks({"a": 0, "b": 0, "c": 3})
    with Store.open(tmp_path / "f", write=True) as store:
        assert Recorded(new=3, changed=0, same=0) == store.record_vms(known, names)
        assert {d: abi for d, (_, abi) in known.items()} == store.abis()
        one = locks()[3][0]
        assert {one: known[one][1]} == store.abis([one])
        assert {locks()[0][0]: 2, one: 1} == store.counts("vm")


def test_what_is_forgotten_stays_in_the_history(tmp_path: Path) -> None:
    """A name that is gone is nowhere but there; one that is not known forgets nothing."""
    with Store.open(tmp_path / "f", write=True) as store:
        store.record_hosts(fleet_of({"a": 0, "b": 0}))
        with pytest.raises(UnknownNameError, match="unknown host or VM 'ab'; did you mean"):
            store.forget(["a", "ab"])
        assert ["a", "b"] == store.names("host")
        assert 1 == store.forget(["a"])
        assert ["b"] == store.names("host")
        first, gone = store.history("host", "a")
        assert (digest_of(0), None) == (first.digest, gone.digest)
        assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", gone.at)
        store.record_hosts(fleet_of({"a": 1}))
        assert ["a", "b"] == store.names("host")


def test_one_name_is_one_host(tmp_path: Path) -> None:
    """Two reports under one name are an error that names it, and nothing of them is kept."""
    twice = [FleetHost(report=reports()[kind], names=("a", f"b{kind}")) for kind in (0, 1)]
    with Store.open(tmp_path / "f", write=True) as store:
        with pytest.raises(UsageError, match="two different hosts are called 'a'"):
            store.record_hosts(twice)
        assert [] == store.names("host")


def test_the_digest_is_of_what_is_said_and_not_of_the_name() -> None:
    """Hosts that differ in their names only are of one kind, and any fact makes another."""
    assert kind_of(HostReport(name="a")) == kind_of(HostReport(name="b"))
    kinds = {kind_of(report)[0] for report in reports()}
    assert len(kinds) == len(reports())


# --- what is wrong with a file -------------------------------------------------------------------


def _error(path: Path, *, write: bool = False) -> HostError:
    with pytest.raises(HostError) as caught:
        Store.open(path, write=write, wait=0)
    return caught.value


def test_what_is_no_store_is_refused_and_left_alone(tmp_path: Path) -> None:
    """Nothing there, another program's file or database, a damaged one: each by its code."""
    assert "store-missing" == _error(tmp_path / "none").code
    assert not (tmp_path / "none").exists()
    text = tmp_path / "text"
    text.write_text("not a database\n" * 100, encoding="utf-8")
    for write in (False, True):
        assert "store-damaged" == _error(text, write=write).code
    assert "not a database\n" * 100 == text.read_text(encoding="utf-8")
    other = tmp_path / "other"
    with duckdb.connect(str(other)) as connection:
        connection.execute("create table mine (number integer)")
    for write in (False, True):
        assert "store-schema" == _error(other, write=write).code
    assert "store-unusable" == _error(tmp_path / "text" / "below", write=True).code


def test_a_damaged_store_is_an_error_and_no_answer(tmp_path: Path) -> None:
    """Bytes in the middle of the file that are not what was written are noticed."""
    path = tmp_path / "f"
    with Store.open(path, write=True) as store:
        store.record_hosts(fleet_of({f"host-{n}": n % 9 for n in range(50)}))
    data = bytearray(path.read_bytes())
    data[4096 * 3 :] = bytes(len(data) - 4096 * 3)
    path.write_bytes(data)
    with pytest.raises(HostError) as caught, Store.open(path) as store:
        store.reports()
    assert "store-damaged" == caught.value.code


def _elsewhere(path: Path, lines: str) -> subprocess.Popen[str]:
    """Start a process of its own that runs *lines* with the store at *path*."""
    program = f"from tests.inventory.elsewhere import *\npath = Path({str(path)!r})\n{lines}"
    environment = {**os.environ, "PYTHONPATH": f"{PACKAGES}:{REPOSITORY}"}
    return subprocess.Popen(
        [sys.executable, "-c", program],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_a_second_writer_waits_and_then_says_who_is_in_the_way(tmp_path: Path) -> None:
    """While one writes, others are refused by name; when it is ready they go on."""
    path = tmp_path / "f"
    with _elsewhere(path, "hold(path)") as holder:
        assert holder.stdout is not None
        assert holder.stdin is not None
        assert "ready\n" == holder.stdout.readline()
        for write in (False, True):
            error = _error(path, write=write)
            assert "store-busy" == error.code
            assert f"PID {holder.pid}" in error.message
        holder.stdin.close()
        assert 0 == holder.wait(60)
    with Store.open(path, write=True) as store:
        assert [] == store.names("host")


def test_who_dies_while_writing_leaves_what_was_there(tmp_path: Path) -> None:
    """A process that is gone in the middle of a transaction has recorded nothing of it."""
    path = tmp_path / "f"
    with Store.open(path, write=True) as store:
        store.record_hosts(fleet_of({"a": 0}))
    with _elsewhere(path, "die(path)") as writer:
        assert 9 == writer.wait(60)
    with Store.open(path, write=True) as store:
        assert ["a"] == store.names("host")
        assert [] == store.history("host", "x")


def test_a_full_disk_is_an_error_and_what_was_kept_is_kept(tmp_path: Path) -> None:
    """Where a file may not grow, recording fails by its code, and the store is as it was."""
    path = tmp_path / "f"
    with Store.open(path, write=True) as store:
        store.record_hosts(fleet_of({"a": 0}))
    with _elsewhere(path, "fill(path)") as writer:
        assert "store-unusable\n" == writer.communicate(timeout=120)[0]
    with Store.open(path, write=True) as store:
        assert ["a"] == store.names("host")


@pytest.mark.parametrize("missing", ["duckdb", "pyarrow"])
def test_what_is_not_installed_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    """Without what keeps a fleet there is an error that says what to install."""
    monkeypatch.setitem(sys.modules, missing, None)
    error = _error(tmp_path / "f", write=True)
    assert "fleet-missing" == error.code
    assert "pip install 'platform-abi[fleet]'" == error.help


def test_an_export_has_everybody(tmp_path: Path) -> None:
    """What engines read elsewhere are the names with their digests, written whole."""
    known, names = some_locks({"vm": 0})
    with Store.open(tmp_path / "f", write=True) as store:
        store.record_hosts(fleet_of({"a": 0, "b": 1}))
        store.record_vms(known, names)
        written = store.export(tmp_path)
    assert ["host.parquet", "vm.parquet"] == [path.name for path in written]
    hosts = duckdb.sql(f"select * from '{tmp_path / 'host.parquet'}' order by name").fetchall()
    assert [("a", digest_of(0)), ("b", digest_of(1))] == hosts
    assert {"f", *(path.name for path in written)} == {path.name for path in tmp_path.iterdir()}
