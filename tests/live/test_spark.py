"""A real Spark answers the questions of a fleet as DuckDB does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from platform_abi.host.document import report_line
from platform_abi.inventory.store import Store
from tests.conftest import PACKAGES
from tests.inventory.fleets import fleet_of, locks, reports, some_locks

pytestmark = pytest.mark.live


@pytest.mark.usefixtures("spark")
def test_spark_says_what_duckdb_says(tmp_path: Path) -> None:
    """Every pair by name, and what a change of two hosts would cost, byte by byte."""
    known, names = some_locks({f"vm-{n}": n % len(locks()) for n in range(9)})
    with Store.open(tmp_path / "fleet", write=True) as store:
        store.record_hosts(fleet_of({f"host-{n}": n % len(reports()) for n in range(40)}))
        store.record_vms(known, names)
        store.export(tmp_path)
    (tmp_path / "poor.json").write_text(report_line(reports()[-4]), encoding="utf-8")
    change = ("what-if", "--upgrade", "host-0=poor.json", "--joins", "poor.json", "--json")
    for question in (("matrix", "--each", "--format", "csv"), change):
        said = [
            _asked(tmp_path, *question, *engine)
            for engine in ((), ("--engine", "local[2]", "--data", "."))
        ]
        assert said[0]
        assert said[0] == said[1]


def _asked(place: Path, *words: str) -> bytes:
    environment = {**os.environ, "PYTHONPATH": PACKAGES, "PLATFORM_ABI_FLEET": "fleet"}
    done = subprocess.run(
        [sys.executable, "-m", "platform_abi", "fleet", *words],
        cwd=place,
        env=environment,
        capture_output=True,
        timeout=600,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr.decode()
    return done.stdout
