"""The verb ``baseline``: what many hosts have in common, and what a change of them costs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from platform_abi.cli.hosts import ask, report_of
from platform_abi.cli.opened import load_catalogue
from platform_abi.cli.options import BaselineOptions
from platform_abi.cli.render import Painted, note, print_error, print_json, say, table
from platform_abi.cli.scope import scope_of
from platform_abi.compat.finding import Finding
from platform_abi.definitions.catalogue import FileCatalogue
from platform_abi.errors import PlatformAbiError, UsageError, first_of, unknown
from platform_abi.fleet.baseline import baseline, usual_scope
from platform_abi.fleet.common import Baseline, Common
from platform_abi.fleet.stranded import Stranded, joined, left, stranded
from platform_abi.fleet.stream import NAMES_KEPT, read_fleet
from platform_abi.model.abi import GuestAbi
from platform_abi.model.host import FleetHost, HostReport
from platform_abi.model.value import evolve
from platform_abi.remote.destination import SCHEME, THIS


def run(options: BaselineOptions) -> int:
    """Print the newest common platform; 1 where there is none, or a virtual machine is stranded.

    4 where a host could not be asked: what is said is of the others, and each that is not among
    them has an error, and is in the document.
    """
    catalogue = load_catalogue()
    abis = _abis(catalogue, options.lock)
    unasked: dict[str, PlatformAbiError] = {}
    before, after = _fleets(catalogue, options, unasked)
    changed = bool(options.joins or options.upgrade)
    found = _baseline(catalogue, after, options)
    earlier = _baseline(catalogue, before, options) if changed else None
    left_behind = stranded(
        catalogue,
        abis,
        before if changed else (),
        after,
        allow_unknown=options.allow_unknown,
    )
    if options.json:
        from platform_abi.fleet.document import baseline_document

        print_json(
            baseline_document(found, before=earlier, left_behind=left_behind, unasked=unasked)
        )
    else:
        _print(found, earlier)
        _print_stranded(left_behind)
    for error in unasked.values():
        print_error(error, as_json=options.json)
    no = int(found.newest is None or bool(left_behind))
    return max((error.exit_code for error in unasked.values()), default=no)


# --- what is asked -------------------------------------------------------------------------------


def _abis(catalogue: FileCatalogue, paths: Sequence[str]) -> dict[str, GuestAbi]:
    from platform_abi.cli.sources import abi_of_source

    return {path: abi_of_source(catalogue, path) for path in paths}


def _baseline(
    catalogue: FileCatalogue, hosts: Sequence[FleetHost], options: BaselineOptions
) -> Baseline:
    return baseline(
        catalogue,
        hosts,
        scope=scope_of(options, usual_scope(catalogue, hosts)),
        edition=options.edition,
        allow_unknown=options.allow_unknown,
    )


def _fleets(
    catalogue: FileCatalogue, options: BaselineOptions, unasked: dict[str, PlatformAbiError]
) -> tuple[list[FleetHost], list[FleetHost]]:
    """Return the hosts before and after what joins and what is upgraded.

    What is wrong with one of many that are asked now is added to *unasked*.
    """
    upgrades = [_upgrade(catalogue, text) for text in options.upgrade]
    wanted = [name for name, _, _ in upgrades]
    for name in wanted:
        if wanted.count(name) > 1:
            raise _twice(name)
    most = None if options.json else NAMES_KEPT  # a scheduler wants every host, people a few
    before = _read(catalogue, options.hosts, wanted, most, unasked)
    after = before
    for name, old, new in upgrades:
        report = _report(before, name, old)
        # The host is named in both fleets, so that it is known for the same one.
        before = _swapped(before, name, report, report)
        after = _swapped(after, name, report, new.report)
    return before, joined(after, _read(catalogue, options.joins, most=most))


def _read(
    catalogue: FileCatalogue,
    paths: Sequence[str],
    wanted: Collection[str] = (),
    most: int | None = NAMES_KEPT,
    unasked: dict[str, PlatformAbiError] | None = None,
) -> list[FleetHost]:
    """Return the hosts of *paths*; those asked now are the last, *unasked* if they cannot be."""
    remote = [path for path in paths if path.startswith(SCHEME)]
    told = [(THIS, report_of(catalogue, THIS)) for path in paths if path == THIS]
    asked = ask(catalogue, remote) if remote else []
    failed = {host.name: host.error for host in asked if host.error is not None}
    told += [(host.name, host.report) for host in asked if host.report is not None]
    files = [path for path in paths if path != THIS and path not in remote]
    if failed and (unasked is None or not (told or files)):
        raise next(iter(failed.values()))
    if unasked is not None:
        unasked |= failed
    now = [FleetHost(report=evolve(report, name=""), names=(name,)) for name, report in told]
    return joined(read_fleet(files, wanted=wanted, most=most), now)


def _one(catalogue: FileCatalogue, path: str) -> FleetHost:
    hosts = _read(catalogue, [path])
    if len(hosts) != 1 or hosts[0].count != 1:
        raise UsageError(f"{path}: expected the report of one host", code="usage")
    return hosts[0]


def _upgrade(catalogue: FileCatalogue, text: str) -> tuple[str, HostReport | None, FleetHost]:
    """Return what ``OLD=NEW`` says: a host's name, its report if OLD is a file, and the new one."""
    old, separator, new = text.partition("=")
    if not (old and separator and new):
        raise UsageError(f"expected OLD=NEW, found {text!r}", code="usage", help=_OLD)
    if not Path(old).is_file():
        return old, None, _one(catalogue, new)
    host = _one(catalogue, old)
    return host.names[0], host.report, _one(catalogue, new)


_OLD = (
    "OLD is a host's name, or the file of its report, among the others; NEW its report afterwards"
)


def _report(fleet: Sequence[FleetHost], name: str, report: HostReport | None) -> HostReport:
    """Return the report of the one host of *fleet* that is called *name*, or that has *report*."""
    found = [
        host.report
        for host in fleet
        if (name in host.names if report is None else host.report == report)
    ]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(
            f"{len(found)} different hosts are called '{name}'",
            code="ambiguous-host",
            help="name the file of its report before the upgrade",
        )
    names = (known for host in fleet for known in host.names)
    raise unknown("host", name, names, code="unknown-host", help=_OLD)


def _swapped(
    fleet: Sequence[FleetHost], name: str, old: HostReport, new: HostReport
) -> list[FleetHost]:
    rest = left(fleet, name, old)
    if rest is None:
        raise _twice(name)
    return joined(rest, [FleetHost(report=new, names=(name,))])


def _twice(name: str) -> UsageError:
    return UsageError(f"host '{name}' is upgraded twice", code="usage")


# --- what is printed -----------------------------------------------------------------------------


def _print(found: Baseline, before: Baseline | None) -> None:
    backends = " or ".join(found.scope.backends) or "the usual backends"
    say(
        f"{_number(found.count, 'host')} of {_number(len(found.hosts), 'kind')}, "
        f"with {found.scope.accelerator} and {backends}"
    )
    name = Painted(_name(found.newest), "bold")
    was = "" if before is None else f"  (before: {_name(before.newest)})"
    say("newest platform of all: ", name, was)
    say()
    common = {entry.lineage: entry.platform for entry in found.common}
    table(["LINEAGE", "NEWEST OF ALL"], [[w, common.get(w, "none")] for w in found.lineages])
    _print_cpu(found)
    if len(found.groups) > 1:
        say()
        say("what hosts could have among themselves:")
        rows = [
            [str(g.count), _name(g.newest), _names(n for host in g.hosts for n in host.names)]
            for g in found.groups
        ]
        _table(["HOSTS", "NEWEST", "SUCH AS"], rows)
    _print_reasons(found)
    _print_remarks(found)


def _print_cpu(found: Baseline) -> None:
    """Print the CPU model that all hosts can run, and what keeps them from the next better ones."""
    if found.cpu is None:
        return
    others = f"  (then {_names(found.cpu.models[1:])})" if found.cpu.models[1:] else ""
    model = Painted(found.cpu.model or "none", "bold")
    unknown = f"  (not known of {_number(found.cpu.unknown, 'host')})" if found.cpu.unknown else ""
    say()
    say("best CPU model of all: ", model, others, unknown)
    rows = [
        [o.model, str(o.count), _names(f"{flag} ({n})" for flag, n in o.lacking.items())]
        for o in found.cpu.obstacles
    ]
    if rows and found.count > 1:
        _table(["BETTER MODEL", "NOT ON HOSTS", "WITHOUT"], rows)


def _print_reasons(found: Baseline) -> None:
    """Print what stands in the way of more: how many hosts, and which do so alone."""
    if found.obstacles:
        say()
        say("in the way of newer platforms:")
        rows = [
            [o.platform, str(o.count), _names(f"{name} ({n})" for name, n in o.lacking.items())]
            for o in found.obstacles
        ]
        _table(["PLATFORM", "HOSTS", "WITHOUT"], rows)
    costs = [
        [
            _names(entry.host.names),
            str(entry.host.count),
            cost.common or "none",
            cost.without,
            _names(dict.fromkeys(m.capability for m in cost.missing)),
            _names(dict.fromkeys(m.feature for m in cost.missing)),
        ]
        for entry in found.hosts
        for cost in entry.costs
    ]
    if costs:
        say()
        say("hosts that alone hold back all others:")
        _table(["SUCH AS", "HOSTS", "NOW", "WITHOUT THEM", "THEY LACK", "NEEDED FOR"], costs)


def _print_remarks(found: Baseline) -> None:
    """Print what nobody should overlook, to stderr."""
    if found.allowed_unknown:
        note("note", "what is not known of a host was taken for present (--allow-unknown)")
    for mask in found.masks:
        note(
            "note",
            f"masked here: {mask.feature} of {mask.platform}, {mask.date}: {mask.reason} "
            f"({mask.source})",
        )
    if found.unsupported:
        count = sum(host.count for host in found.unsupported)
        names = _names(name for host in found.unsupported for name in host.names)
        note(
            "warning",
            f"no platform of {', '.join(found.lineages)} on {_number(count, 'host')}: {names}",
        )


def _print_stranded(entries: Sequence[Stranded]) -> None:
    if not entries:
        return
    say()
    say("virtual machines that could not be everywhere:")
    words = {"joined": "that joins", "changed": "after its upgrade", "member": ""}
    rows = []
    for entry in entries:
        host = _names(entry.names) or _number(entry.count, "host")
        for name in dict.fromkeys(f.capability for f in entry.findings):
            on_it = [f for f in entry.findings if f.capability == name]
            features = (f"{f.property}={f.value}" if f.property else f.feature for f in on_it)
            rows.append(
                [
                    entry.vm,
                    f"{host} {words[entry.how]}".rstrip(),
                    f"{name} ({_state(on_it[0])})" if name else on_it[0].message,
                    _names(dict.fromkeys(features)),
                ]
            )
    _table(["VM", "NOT ON", "WITHOUT", "NEEDED FOR"], rows)


def _state(finding: Finding) -> str:
    fact = finding.fact
    return "" if fact is None else f"{fact.proven}, {fact.detail}" if fact.detail else fact.proven


def _name(common: Common | None) -> str:
    return "none" if common is None else common.platform


def _number(count: int, what: str) -> str:
    return f"{count} {what}" + ("" if count == 1 else "s")


def _names(names: Iterable[str]) -> str:
    return first_of(names, _SHOWN)


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    table(headings, rows[:_ROWS])
    if len(rows) > _ROWS:
        say(f"and {len(rows) - _ROWS} more: --json has all")


_SHOWN = 4
_ROWS = 20
