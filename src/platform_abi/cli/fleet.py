"""The verb ``fleet``: what is kept of many hosts and virtual machines, and asked of all of them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from platform_abi.cli.fleet_intake import Intake, take
from platform_abi.cli.options import FleetOptions
from platform_abi.cli.render import Painted, print_error, print_json, say, table
from platform_abi.definitions.catalogue import FileCatalogue, load_catalogue
from platform_abi.errors import HostError, UsageError, unknown
from platform_abi.inventory.document import (
    Barred,
    Cell,
    FleetReply,
    Kind,
    Loss,
    Placement,
    faults_of,
    fleet_document,
    values,
)
from platform_abi.inventory.store import WAIT, Store, kind_of, lock_digest
from platform_abi.page.data import host_words

if TYPE_CHECKING:
    from platform_abi.inventory.engine import Engine
    from platform_abi.model.abi import GuestAbi

#: What says where the fleet is kept, for who does not say it each time.
STORE_VARIABLE = "PLATFORM_ABI_FLEET"

#: So many hosts are named of those with one verdict, and so much of a digest tells it from others.
_NAMED = 8
_SHORT = 12


def run(options: FleetOptions) -> int:
    """Answer one question of the fleet; 1 where the answer is no, 2 to 4 where a source is not."""
    asked = {
        "add": _add,
        "list": _list,
        "where": _where,
        "matrix": _matrix,
        "what-if": _what_if,
        "history": _history,
        "forget": _forget,
        "export": _export,
        "page": _page,
    }[options.question]
    return asked(options)


def store_path(said: str | None) -> Path:
    """Return where the fleet is kept: as *said*, by the environment, or in this user's data."""
    chosen = said or os.environ.get(STORE_VARIABLE)
    if chosen:
        return Path(chosen)
    own = os.environ.get("XDG_DATA_HOME") or ""
    if not own.startswith("/"):
        home = os.environ.get("HOME")
        if not home:
            raise HostError(
                "nothing says where the fleet is kept",
                code="store-missing",
                help=f"name it with --store or {STORE_VARIABLE}; HOME is not set",
            )
        own = f"{home}/.local/share"
    return Path(own) / "platform-abi" / "fleet.duckdb"


def _open(options: FleetOptions, *, write: bool = False) -> Store:
    wait = WAIT if options.timeout is None else options.timeout
    return Store.open(store_path(options.store), write=write, wait=wait)


def _names(options: FleetOptions, what: str, most: int | None = None) -> tuple[str, ...]:
    names = options.named
    if not names or (most is not None and len(names) > most):
        raise UsageError(f"fleet {options.question} takes {what}", code="usage")
    return names


def _say(options: FleetOptions, reply: FleetReply) -> bool:
    """Print *reply* as JSON if that is asked for, and return whether it was."""
    if options.json:
        print_json(fleet_document(reply))
    return options.json


# --- what is kept --------------------------------------------------------------------------------


def _add(options: FleetOptions) -> int:
    sources = _names(options, "reports, lockfiles and other sources of hosts and VMs")
    catalogue = load_catalogue()
    found: Intake = take(catalogue, sources)
    with _open(options, write=True) as store:
        hosts = store.record_hosts(found.hosts)
        vms = store.record_vms(found.locks, found.vms)
    reply = FleetReply(question="add", hosts=hosts, vms=vms, faults=faults_of(found.faults))
    if not _say(options, reply):
        for what, done in (("hosts", hosts), ("VMs", vms)):
            say(f"{what}: {done.new} new, {done.changed} changed, {done.same} as before")
    for error in found.faults:
        print_error(error, as_json=options.json)
    return max((error.exit_code for error in found.faults), default=0)


def _list(options: FleetOptions) -> int:
    with _open(options) as store:
        host_counts, vm_counts = store.counts("host"), store.counts("vm")
        reports, abis = store.reports(), store.abis()
    hosts = tuple(
        Kind(digest=d, count=n, what=host_words(reports[d])) for d, n in host_counts.items()
    )
    vms = tuple(
        Kind(digest=d, count=n, what=f"{abis[d].vm.machine}, {abis[d].platform}")
        for d, n in vm_counts.items()
    )
    if not _say(options, FleetReply(question="list", host_kinds=hosts, vm_kinds=vms)):
        for title, kinds in (("HOSTS", hosts), ("VMS", vms)):
            table(
                [title, "OF", "DIGEST"], [[f"{k.count}", k.what, k.digest[:_SHORT]] for k in kinds]
            )
    return 0


def _history(options: FleetOptions) -> int:
    (name,) = _names(options, "the name of one host or VM", 1)
    with _open(options) as store:
        changes = (*store.history("host", name), *store.history("vm", name))
        if not changes:
            known = (*store.names("host"), *store.names("vm"))
            raise unknown("host or VM", name, known, code="unknown-host")
    if not _say(options, FleetReply(question="history", changes=changes)):
        rows = [[c.at, "gone" if c.digest is None else c.digest[:_SHORT]] for c in changes]
        table(["SINCE", name], rows)
    return 0


def _forget(options: FleetOptions) -> int:
    names = _names(options, "names of hosts and VMs")
    with _open(options, write=True) as store:
        gone = store.forget(names)
    if not _say(options, FleetReply(question="forget")):
        say(f"{gone} forgotten")
    return 0


def _export(options: FleetOptions) -> int:
    (folder,) = _names(options, "one folder", 1)
    with _open(options) as store:
        Path(folder).mkdir(parents=True, exist_ok=True)
        written = store.export(Path(folder))
    if not _say(options, FleetReply(question="export")):
        for path in written:
            say(str(path))
    return 0


def _page(options: FleetOptions) -> int:
    if options.named or not options.output:
        raise UsageError("fleet page takes --output FOLDER, and no names", code="usage")
    from platform_abi.cli.fleet_page import write_fleet_page

    with _open(options) as store:
        write_fleet_page(
            load_catalogue(), store, Path(options.output), allow_unknown=options.allow_unknown
        )
    if not _say(options, FleetReply(question="page")):
        say(str(Path(options.output, "index.html")))
    return 0


# --- what is asked of all ------------------------------------------------------------------------


def _engine(options: FleetOptions) -> Engine:
    from platform_abi.inventory.engine import duckdb_engine, spark_engine

    if options.engine is None:
        return duckdb_engine(store_path(options.store))
    if options.data is None:
        raise UsageError(
            "--engine asks Spark of what was exported: say where that is with --data",
            code="usage",
            help="'platform-abi fleet export FOLDER' writes it",
        )
    return spark_engine(options.engine, Path(options.data))


def _where(options: FleetOptions) -> int:
    (source,) = _names(options, "one VM: a name of the fleet, a lockfile or another source", 1)
    from platform_abi.inventory.questions import where
    from platform_abi.inventory.tables import fleet_tables

    catalogue = load_catalogue()
    with _open(options) as store:
        abis = _one_vm(catalogue, store, source)
        reports = store.reports()
    tables = fleet_tables(catalogue, abis, reports, allow_unknown=options.allow_unknown)
    engine = _engine(options)
    placements = values(Placement, engine.rows(where(engine.asked(tables))))
    if not _say(options, FleetReply(question="where", placements=placements)):
        _print_placements(placements)
    return int(all(each.status == "blocked" for each in placements))


def _one_vm(catalogue: FileCatalogue, store: Store, source: str) -> dict[str, GuestAbi]:
    """Return the ABI of a virtual machine of the *store*, or of another *source*, by a digest."""
    known = store.digests("vm", [source])
    if known:
        return store.abis([*known.values()])
    from platform_abi.cli.sources import abi_of_source

    return {lock_digest(source): abi_of_source(catalogue, source)}


def _print_placements(placements: Sequence[Placement]) -> None:
    groups: dict[tuple[str, str, str], list[str]] = {}
    for each in placements:
        groups.setdefault((each.status, each.code, each.message), []).append(each.host)
    for status in ("ok", "warn", "blocked"):
        for (grave, code, message), hosts in groups.items():
            if grave == status:
                named = ", ".join(hosts[:_NAMED])
                more = f" and {len(hosts) - _NAMED} more" if len(hosts) > _NAMED else ""
                why = f"  {code}: {message}" if code else ""
                say(_painted(status), f"  {len(hosts)}: {named}{more}{why}")
    if not placements:
        say("the fleet has no hosts")


def _painted(status: str) -> Painted:
    return Painted(f"{status:7}", {"ok": "green", "warn": "yellow"}.get(status, "red"))


def _matrix(options: FleetOptions) -> int:
    if options.named:
        raise UsageError("fleet matrix takes no names", code="usage")
    from platform_abi.inventory.questions import matrix, pairs
    from platform_abi.inventory.tables import fleet_tables

    catalogue = load_catalogue()
    with _open(options) as store:
        abis, reports = store.abis(), store.reports()
    tables = fleet_tables(catalogue, abis, reports, allow_unknown=options.allow_unknown)
    engine = _engine(options)
    asked = engine.asked(tables)
    if options.format is not None and options.format != "json":
        from platform_abi.cli.fleet_written import write_answer

        question = pairs(asked) if options.each else matrix(asked)
        write_answer(engine, question, options.format, options.output)
        return 0
    if options.each or options.output:
        raise UsageError("--each and --output are for --format csv and parquet", code="usage")
    cells = values(Cell, engine.rows(matrix(asked)))
    if options.json or options.format == "json":
        print_json(fleet_document(FleetReply(question="matrix", matrix=cells)))
    else:
        _print_matrix(cells)
    return 0


def _print_matrix(cells: Sequence[Cell]) -> None:
    """Print a row for every kind of virtual machine: on how many hosts it can be, and why not."""
    rows = []
    by_lock: dict[str, list[Cell]] = {}
    for cell in cells:
        by_lock.setdefault(cell.lock, []).append(cell)
    for lock, row in by_lock.items():
        hosts: Counter[str] = Counter()
        why: Counter[str] = Counter()
        for cell in row:
            hosts[cell.status] += cell.hosts
            if cell.status == "blocked":
                why[cell.message] += cell.hosts
        first = row[0]
        most = why.most_common(1)
        rows.append(
            [
                str(first.vms), first.machine, first.platform, lock[:_SHORT],
                *(str(hosts[status]) for status in ("ok", "warn", "blocked")),
                f"{most[0][1]}: {most[0][0]}" if most else "",
            ]
        )  # fmt: skip
    table(["VMS", "MACHINE", "PLATFORM", "LOCKFILE", "OK", "WARN", "BLOCKED", "MOSTLY"], rows)


def _what_if(options: FleetOptions) -> int:
    if options.named or not (options.upgrade or options.joins):
        raise UsageError(
            "fleet what-if takes --upgrade NAME=REPORT and --joins REPORT, and no names",
            code="usage",
        )
    from platform_abi.cli.fleet_intake import hosts_of
    from platform_abi.inventory.questions import barred, changed, lost
    from platform_abi.inventory.tables import fleet_tables

    catalogue = load_catalogue()
    upgrades = dict(_upgrade(text) for text in options.upgrade)
    comes = {name: hosts_of([path])[0].report for name, path in upgrades.items()}
    joins = {name: host.report for host in hosts_of(options.joins) for name in host.names}
    with _open(options) as store:
        old = store.digests("host", [*comes])
        for name in comes.keys() - old.keys():
            raise unknown("host", name, store.names("host"), code="unknown-host")
        for name in store.digests("host", [*joins]):
            raise UsageError(
                f"host '{name}' is in the fleet already",
                code="ambiguous-host",
                help=f"say --upgrade {name}=REPORT where it is to have another report",
            )
        abis, reports = store.abis(), store.reports()
    new = {name: kind_of(report)[0] for name, report in (comes | joins).items()}
    reports |= {new[name]: report for name, report in (comes | joins).items()}
    tables = fleet_tables(catalogue, abis, reports, allow_unknown=options.allow_unknown)
    engine = _engine(options)
    before = engine.asked(tables)
    after = engine.asked(tables, changed(engine.host, engine.named_digests(new)))
    losses = values(Loss, engine.rows(lost(before, after)))
    refused = tuple(
        each
        for name, digest in old.items()
        for each in values(Barred, engine.rows(barred(before, digest, new[name])), host=name)
    )
    if not _say(options, FleetReply(question="what-if", lost=losses, barred=refused)):
        _print_losses(losses, refused)
    return int(bool(losses))


def _upgrade(text: str) -> tuple[str, str]:
    name, separator, path = text.partition("=")
    if not (name and separator and path):
        raise UsageError(f"expected NAME=REPORT, found {text!r}", code="usage")
    return name, path


def _print_losses(losses: Sequence[Loss], refused: Sequence[Barred]) -> None:
    if not losses:
        say("no VM loses a host")
    else:
        rows = [
            [
                str(each.vms), each.machine, each.platform, each.lock[:_SHORT],
                str(each.before), str(each.after),
            ]
            for each in losses
        ]  # fmt: skip
        table(["VMS", "MACHINE", "PLATFORM", "LOCKFILE", "HOSTS BEFORE", "AFTER"], rows)
    for each in refused:
        what = f"{each.machine}, {each.platform} ({each.lock[:_SHORT]})"
        say(_painted("blocked"), f"  {each.host}: {what}  {each.code}: {each.message}")
