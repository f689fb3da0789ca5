"""The hosts and virtual machines of a fleet, in one DuckDB file, with what they were before.

A report and a lockfile are kept once, by the digest of what they say, however many hosts or
virtual machines have the same; a host and a virtual machine is a name with such a digest, and every
change of it is one more row. Whatever is recorded is one transaction: it is there whole or not at
all, and recorded again it changes nothing.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from platform_abi.emit.lock_reading import abi_of_document, lock_document
from platform_abi.emit.plain import json_line
from platform_abi.errors import HostError, UsageError, unknown
from platform_abi.host.document import read_report, report_document
from platform_abi.model.abi import GuestAbi
from platform_abi.model.host import FleetHost, HostReport
from platform_abi.model.value import evolve, frozen

if TYPE_CHECKING:
    import duckdb

#: The layout of stores that this version writes and reads.
STORE_SCHEMA = 1

#: How long somebody else may be writing before that is an error, in seconds.
WAIT = 10.0

#: How often one looks whether they are ready, in seconds.
_LOOK = 0.1

#: What a store is a row of: a host with a kind of report, or a virtual machine with a lockfile.
What = Literal["host", "vm"]

_SCHEMA = """
create table store (schema integer not null);
create sequence change;
create table report (
    digest varchar primary key, arch varchar not null, system varchar not null,
    release varchar not null, document varchar not null);
create table lock (
    digest varchar primary key, arch varchar not null, machine varchar not null,
    platform varchar not null, document varchar not null);
create table host_change (
    change bigint default nextval('change') primary key, since timestamp not null,
    name varchar not null, digest varchar);
create table vm_change (
    change bigint default nextval('change') primary key, since timestamp not null,
    name varchar not null, digest varchar);
create view host as
    select name, max_by(coalesce(digest, ''), change) as digest from host_change
    group by name having max_by(coalesce(digest, ''), change) <> '';
create view vm as
    select name, max_by(coalesce(digest, ''), change) as digest from vm_change
    group by name having max_by(coalesce(digest, ''), change) <> '';
"""


@frozen(kw_only=True)
class Recorded:
    """How many names were new to a store, had something else before, or had just that."""

    new: int
    changed: int
    same: int


@frozen(kw_only=True)
class Change:
    """What a host or a virtual machine became, and when: *digest* is None where it went."""

    name: str
    #: Time of the change, as ISO 8601 in UTC.
    at: str
    digest: str | None


def kind_of(report: HostReport) -> tuple[str, str]:
    """Return the digest of what *report* says, whatever the host is called, and that as JSON."""
    text = json_line(report_document(evolve(report, name="")), compact=True)
    return sha256(text.encode()).hexdigest(), text


def _as_json(text: str) -> str:
    """Return lockfile *text* as JSON, which is read ten times as fast as TOML."""
    return json_line(lock_document(text, "lockfile"), compact=True)


def lock_digest(text: str) -> str:
    """Return what tells the lockfile *text* from others."""
    return sha256(text.encode()).hexdigest()


class Store:
    """An open store: to be closed, or used as a context manager."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, path: Path) -> None:
        self._connection = connection
        self.path = path

    @classmethod
    def open(cls, path: Path, *, write: bool = False, wait: float = WAIT) -> Store:
        """Return the store at *path*; to *write*, one that is not there is made.

        There are many readers or one writer at a time: who comes second waits, up to *wait*
        seconds. Raises HostError: ``store-missing``, ``store-busy``, ``store-damaged`` and
        ``store-schema`` for what is there and cannot be used.
        """
        if not write and not path.exists():
            raise HostError(
                f"no fleet is kept at {path}",
                code="store-missing",
                help="'platform-abi fleet add REPORT... LOCKFILE...' begins one",
            )
        store = cls(_connected(path, write=write, wait=wait), path)
        try:
            store._check(write=write)
        except BaseException:
            store.close()
            raise
        return store

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the store: what was recorded is on the disk."""
        with _faults(self.path):
            self._connection.close()

    def _check(self, *, write: bool) -> None:
        """Make the tables of a new store, and refuse what is none of ours."""
        tables = {name for (name,) in self._rows("select table_name from duckdb_tables()")}
        if not tables and write:
            with self._writing():
                self._connection.execute(_SCHEMA)
                self._connection.execute("insert into store values (?)", [STORE_SCHEMA])
            return
        (schema,) = self._rows("select max(schema) from store")[0] if "store" in tables else (None,)
        if schema != STORE_SCHEMA:
            raise HostError(
                f"{self.path}: expected a fleet of schema {STORE_SCHEMA}, found {schema}",
                code="store-schema",
                help="it was written by another version, or is another program's",
            )

    def _rows(self, query: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        with _faults(self.path):
            return self._connection.execute(query, values).fetchall()

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """Let everything that is written within be there, or nothing of it."""
        with _faults(self.path):
            self._connection.begin()
            try:
                yield
                self._connection.commit()
            except BaseException:
                with contextlib.suppress(Exception):
                    self._connection.rollback()
                raise

    # --- recording -------------------------------------------------------------------------------

    def record_hosts(self, hosts: Sequence[FleetHost]) -> Recorded:
        """Record *hosts* by their names.

        Raises UsageError (``ambiguous-host``) where one name is on two different reports.
        """
        kinds = {}
        named: list[tuple[str, str]] = []
        for host in hosts:
            digest, text = kind_of(host.report)
            report = host.report
            kinds[digest] = (digest, report.arch, report.system, report.release, text)
            named += [(name, digest) for name in host.names]
        return self._record("host", "report", [*kinds.values()], named)

    def record_vms(
        self, locks: Mapping[str, tuple[str, GuestAbi]], names: Sequence[tuple[str, str]]
    ) -> Recorded:
        """Record virtual machines: *names* with digests, and by these the *locks* with their text.

        Raises UsageError (``ambiguous-vm``) where one name is on two different lockfiles.
        """
        rows = [
            (digest, abi.vm.arch, abi.vm.machine, abi.platform, _as_json(text))
            for digest, (text, abi) in locks.items()
        ]
        return self._record("vm", "lock", rows, names)

    def _record(
        self,
        what: What,
        table: str,
        rows: Sequence[tuple[str, ...]],
        names: Sequence[tuple[str, str]],
    ) -> Recorded:
        _check_names(what, names)
        import pyarrow as pa

        incoming = pa.table(
            {
                "name": pa.array([name for name, _ in names], pa.string()),
                "digest": pa.array([digest for _, digest in names], pa.string()),
            }
        )
        with self._writing():
            run = self._connection
            for row in rows:
                marks = ",".join("?" * len(row))
                run.execute(f"insert or ignore into {table} values ({marks})", row)  # noqa: S608
            run.register("incoming", incoming)
            ((new, changed, same),) = run.execute(_COUNTED.format(what=what)).fetchall()
            run.execute(_CHANGED.format(what=what), [_now()])
            run.unregister("incoming")
        return Recorded(new=new, changed=changed, same=same)

    def forget(self, names: Sequence[str]) -> int:
        """Record that hosts and virtual machines of *names* are gone; return how many.

        Raises UnknownNameError for a name that the store does not have, and then forgets nothing.
        """
        known: dict[What, set[str]] = {w: {*self.names(w)} for w in ("host", "vm")}
        for name in names:
            if not any(name in each for each in known.values()):
                every = (*known["host"], *known["vm"])
                raise unknown("host or VM", name, every, code="unknown-host")
        gone = 0
        with self._writing():
            for what, each in known.items():
                for name in each.intersection(names):
                    self._connection.execute(
                        f"insert into {what}_change (since, name) values (?, ?)",  # noqa: S608
                        [_now(), name],
                    )
                    gone += 1
        return gone

    # --- reading ---------------------------------------------------------------------------------

    def names(self, what: What) -> list[str]:
        """Return what all hosts, or all virtual machines, are called now, sorted."""
        return [n for (n,) in self._rows(f"select name from {what} order by name")]  # noqa: S608

    def counts(self, what: What) -> dict[str, int]:
        """Return how many hosts or virtual machines there are now by digest, most first."""
        query = f"select digest, count(*) from {what} group by digest order by 2 desc, 1"  # noqa: S608
        return dict(self._rows(query))

    def digests(self, what: What, names: Sequence[str]) -> dict[str, str]:
        """Return by name what those of *names* have now that there are."""
        query = f"select name, digest from {what} where list_contains(?, name)"  # noqa: S608
        return dict(self._rows(query, [[*names]]))

    def reports(self) -> dict[str, HostReport]:
        """Return the report of every kind of host that there is now, by digest."""
        rows = self._rows(
            "select digest, document from report where digest in (select digest from host) "
            "order by digest"
        )
        return {
            digest: read_report(document, f"{self.path}: report {digest[:12]}")
            for digest, document in rows
        }

    def abis(self, only: Sequence[str] | None = None) -> dict[str, GuestAbi]:
        """Return the guest ABI of every kind of virtual machine that there is now, by digest.

        With *only*, of these digests.
        """
        wanted = [*self.counts("vm")] if only is None else [*only]
        rows = self._rows(
            "select digest, document from lock where list_contains(?, digest) order by digest",
            [wanted],
        )
        return {
            digest: abi_of_document(json.loads(document), f"{self.path}: lockfile {digest[:12]}")
            for digest, document in rows
        }

    def history(self, what: What, name: str) -> list[Change]:
        """Return what became of the host or virtual machine *name*, in the order it did."""
        time_ = "strftime(since, '%Y-%m-%dT%H:%M:%SZ')"
        query = f"select {time_}, digest from {what}_change where name = ? order by change"  # noqa: S608
        return [Change(name=name, at=at, digest=d) for at, d in self._rows(query, [name])]

    def export(self, folder: Path) -> list[Path]:
        """Write hosts and virtual machines into *folder* as Parquet, and return the files."""
        written = []
        for what in ("host", "vm"):
            path = folder / f"{what}.parquet"
            partial = folder / f".{what}.parquet.part"
            with _faults(path):
                self._connection.execute(
                    f"copy (select name, digest from {what} order by name) to '{_quoted(partial)}' "  # noqa: S608
                    "(format parquet)"
                )
                partial.replace(path)
            written.append(path)
        return written


_COUNTED = """
select count(*) filter (where now_.name is null),
       count(*) filter (where now_.digest <> incoming.digest),
       count(*) filter (where now_.digest = incoming.digest)
from (select distinct name, digest from incoming) incoming left join {what} now_ using (name)
"""

_CHANGED = """
insert into {what}_change (since, name, digest)
select ?, name, incoming.digest
from (select distinct name, digest from incoming) incoming left join {what} now_ using (name)
where now_.digest is distinct from incoming.digest
order by name
"""


def _check_names(what: What, names: Sequence[tuple[str, str]]) -> None:
    seen: dict[str, str] = {}
    for name, digest in names:
        if seen.setdefault(name, digest) != digest:
            if what == "host":
                raise UsageError(
                    f"two different hosts are called '{name}'", code="ambiguous-host", help=_TWICE
                )
            raise UsageError(
                f"two different virtual machines are called '{name}'",
                code="ambiguous-vm",
                help=_TWICE,
            )


_TWICE = "each has a name of its own; nothing was recorded"


def _now() -> datetime:
    """Return the time in UTC, as a store has it: without saying so."""
    return datetime.now(UTC).replace(tzinfo=None)


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


# --- the file ------------------------------------------------------------------------------------


def _connected(path: Path, *, write: bool, wait: float) -> duckdb.DuckDBPyConnection:
    """Return a connection to the file, once nobody is in the way."""
    try:
        import duckdb
        import pyarrow  # noqa: F401, ICN001 - what is recorded goes to DuckDB as its tables
    except ImportError:
        raise HostError(
            "a fleet is kept with DuckDB and PyArrow, which are not installed",
            code="fleet-missing",
            help="pip install 'platform-abi[fleet]'",
        ) from None
    until = time.monotonic() + wait
    with _faults(path):
        if write:
            path.parent.mkdir(parents=True, exist_ok=True)
        while True:
            try:
                return duckdb.connect(str(path), read_only=not write)
            except duckdb.IOException as error:
                if _LOCKED not in str(error):
                    raise
                if time.monotonic() >= until:
                    raise HostError(
                        f"{path}: another process has it open: {_holder(str(error))}",
                        code="store-busy",
                        help="try again when it is ready, or wait longer with --timeout",
                    ) from None
                time.sleep(_LOOK)


def _holder(said: str) -> str:
    """Return who has a store, of what DuckDB says of that."""
    _, found, rest = said.partition("Conflicting lock is held in ")
    return rest.partition(". ")[0] if found else "it does not say which"


@contextlib.contextmanager
def _faults(path: Path) -> Iterator[None]:
    """Let what DuckDB and the file system say of *path* be an error of ours."""
    import duckdb

    try:
        yield
    except OSError as error:
        if isinstance(error, HostError):
            raise
        raise HostError(f"{path}: {error.strerror or error}", code="store-unusable") from error
    except duckdb.Error as error:
        said = str(error)
        # A file that cannot be written or opened is whole. DuckDB has no class of its own for that.
        outside = isinstance(error, duckdb.IOException) or _UNWRITTEN in said
        whole = outside and not any(words in said for words in _DAMAGED)
        raise HostError(
            f"{path}: {said.partition(_BREAK)[0]}",
            code="store-unusable" if whole else "store-damaged",
            help="" if whole else "restore the file, or begin a new one and add everything again",
        ) from error


_BREAK = "\n"

#: What DuckDB says where another process has a file, where a disk is full, and of a file that is
#: not what it wrote.
_LOCKED = "Could not set lock on file"
_UNWRITTEN = "Could not write file"
_DAMAGED = ("not a valid DuckDB", "Corrupt", "checksum")
