"""What answers the questions of a fleet: DuckDB beside the store, or Spark where the data is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from platform_abi.errors import HostError
from platform_abi.inventory.questions import Asked
from platform_abi.inventory.tables import FleetTables

if TYPE_CHECKING:
    import pyarrow as pa
    from ibis.expr.types import Table


#: What the address of a Spark begins with that runs in this process alone; so many tasks it has.
_LOCAL = "local"
_TASKS = 4


class Engine:
    """An engine with the hosts and virtual machines of a fleet."""

    def __init__(self, backend: Any, host: Table, vm: Table) -> None:
        self._backend = backend
        self.host = host
        self.vm = vm

    def asked(self, tables: FleetTables, host: Table | None = None) -> Asked:
        """Return *tables* with this fleet's hosts, or with *host*, and its virtual machines."""
        import ibis

        known = {name: ibis.memtable(table) for name, table in tables.named().items()}
        return Asked(**known, host=self.host if host is None else host, vm=self.vm)

    def named_digests(self, digests: Mapping[str, str]) -> Table:
        """Return *digests* by name as a table like those of hosts and of virtual machines."""
        import ibis
        import pyarrow as pa

        columns = {"name": [*digests], "digest": [*digests.values()]}
        return ibis.memtable(pa.table(columns, pa.schema({n: pa.string() for n in columns})))

    def rows(self, question: Table) -> list[dict[str, Any]]:
        """Return what *question* has for an answer, row by row."""
        rows: list[dict[str, Any]] = self.table(question).to_pylist()
        return rows

    def table(self, question: Table) -> pa.Table:
        """Return what *question* has for an answer as one table of Arrow's."""
        return self._backend.to_pyarrow(question)

    def batches(self, question: Table) -> Any:
        """Return the answer in pieces, for one that is larger than memory."""
        return self._backend.to_pyarrow_batches(question)


def duckdb_engine(store: Path) -> Engine:
    """Return DuckDB with the fleet of the *store*, which it only reads."""
    ibis = _ibis("duckdb")
    backend = ibis.duckdb.connect(str(store), read_only=True)
    return Engine(backend, backend.table("host"), backend.table("vm"))


def spark_engine(master: str, data: Path) -> Engine:
    """Return the Spark at *master* with the fleet that was exported to *data*.

    *master* is what spark-submit takes: ``spark://HOST:PORT``, ``local[2]``.
    """
    ibis = _ibis("pyspark")
    from pyspark.sql import SparkSession

    builder = (
        SparkSession.builder.master(master)
        .appName("platform-abi")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
    )
    if master.startswith(_LOCAL):
        # A cluster has settings of its own; one machine would begin 200 tasks for each step.
        builder = builder.config("spark.sql.shuffle.partitions", _TASKS)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    backend = ibis.pyspark.connect(session)
    return Engine(
        backend,
        backend.read_parquet(str(data / "host.parquet"), table_name="fleet_host"),
        backend.read_parquet(str(data / "vm.parquet"), table_name="fleet_vm"),
    )


def _ibis(backend: str) -> Any:
    try:
        import ibis

        getattr(ibis, backend)
    except (ImportError, AttributeError):
        raise HostError(
            f"this question is asked by way of Ibis with {backend}, which is not installed",
            code="fleet-missing",
            help="pip install 'platform-abi[fleet]', and pyspark for Spark",
        ) from None
    return ibis
