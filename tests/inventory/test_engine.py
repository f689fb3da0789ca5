"""Engines: DuckDB reads a store that is kept, and what is missing is said."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from platform_abi.errors import HostError
from platform_abi.inventory.engine import duckdb_engine, spark_engine
from platform_abi.inventory.store import Store
from tests.inventory.fleets import digest_of, fleet_of


def test_duckdb_reads_the_store_and_lets_others_read(tmp_path: Path) -> None:
    """Its hosts are those of the store, while a second reader has it open as well."""
    path = tmp_path / "f"
    with Store.open(path, write=True) as store:
        store.record_hosts(fleet_of({"a": 0, "b": 1}))
    first, second = duckdb_engine(path), duckdb_engine(path)
    for engine in (first, second):
        rows = engine.rows(engine.host.order_by("name"))
        assert [
            {"name": "a", "digest": digest_of(0)},
            {"name": "b", "digest": digest_of(1)},
        ] == rows


@pytest.mark.parametrize("missing", ["ibis", "pyspark"])
def test_what_is_not_installed_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    """Without Ibis or Spark there is an error that says what to install."""
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(HostError, match="not installed") as caught:
        spark_engine("local[1]", tmp_path)
    assert "fleet-missing" == caught.value.code
    assert "pip install" in caught.value.help
