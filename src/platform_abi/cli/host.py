"""The verb ``host``."""

from __future__ import annotations

import os

from platform_abi.cli.options import HostOptions
from platform_abi.errors import HostError, UsageError, first_of
from platform_abi.launch.ahead import Ahead
from platform_abi.qemu.binary import find_qemu, host_architecture

# Everything else is imported while the host is being asked. typing costs as much; type checkers
# know this name by itself.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from platform_abi.definitions.catalogue import FileCatalogue
    from platform_abi.model.host import HostReport, State


def run(options: HostOptions) -> int:
    """Probe this host and print what was found, or write the report."""
    _check(options)
    usual = None if options.no_qemu else find_qemu(os.environ, host_architecture())
    qemus = options.qemu or (() if usual is None else (usual,))
    with Ahead(next(iter(qemus), None)) as ahead:
        from platform_abi.definitions.catalogue import load_catalogue

        catalogue = load_catalogue()
        report = _probe(catalogue, options, ahead, qemus)
    text = _document(report, options)
    if options.output is not None:
        from platform_abi.files import write_text

        write_text(options.output, text)
    elif options.json or options.line:
        from platform_abi.cli.render import write_data

        write_data(text)
    else:
        _print(catalogue, report)
    return 0


def _check(options: HostOptions) -> None:
    if options.qemu and options.no_qemu:
        raise UsageError("--qemu and --no-qemu contradict each other", code="usage")
    if options.look and options.no_qemu:
        raise UsageError("--look and --no-qemu contradict each other", code="usage")
    name = options.name or ""
    if not name.isprintable() or not name.isascii() or len(name) > _LONGEST_NAME:
        raise UsageError(
            f"--name takes up to {_LONGEST_NAME} printable ASCII characters", code="usage"
        )


#: As long as a host name may be (RFC 1035).
_LONGEST_NAME = 253


def _probe(
    catalogue: FileCatalogue, options: HostOptions, ahead: Ahead, qemus: Sequence[str]
) -> HostReport:
    from attrs import evolve

    from platform_abi.cli.hosts import probe_this

    named = next(iter(options.qemu), None)
    report = probe_this(catalogue, ahead, qemu=named, timeout=options.timeout, held=qemus)
    if options.look:
        from platform_abi.cli.looked import with_views

        report = with_views(catalogue, report, options.look, timeout=options.timeout)
    if options.oracle:
        report = _witnessed(catalogue, report, options)
    if options.infer:
        from platform_abi.compat.evidence import predict

        report = predict(catalogue, report)
    return report if options.name is None else evolve(report, name=options.name)


def _witnessed(catalogue: FileCatalogue, report: HostReport, options: HostOptions) -> HostReport:
    """Return *report* completed by a throw-away QEMU, and say where one contradicts the other."""
    from platform_abi.cli.render import note
    from platform_abi.compat.agreement import compare_probes
    from platform_abi.compat.evidence import complete
    from platform_abi.host.witness import TIMEOUT, ask_qemu

    binary = next(iter(options.qemu), None) or find_qemu(os.environ, report.arch)
    if binary is None:
        raise HostError("no QEMU found to ask", code="qemu-not-found", help="name one with --qemu")
    seen = ask_qemu(catalogue, binary, timeout=options.timeout or TIMEOUT)
    for found in compare_probes(report, seen):
        note(
            "disputed",
            f"{found.capability}: {found.first.state} ({found.first.detail}), "
            f"but {found.second.state} ({found.second.detail})",
        )
    return complete(report, seen)


def _document(report: HostReport, options: HostOptions) -> str:
    from platform_abi.emit.plain import to_json
    from platform_abi.host.document import report_document, report_line

    if options.line:
        return report_line(report) + "\n"
    return to_json(report_document(report))


_COLORS: Mapping[State, str] = {"present": "green", "absent": "red", "unknown": "yellow"}


#: So many reasons fit on a line.
_CAUSES = 4


def _print(catalogue: FileCatalogue, report: HostReport) -> None:
    from platform_abi.cli.hosts import policy
    from platform_abi.cli.render import Painted, say, table
    from platform_abi.compat.supported import newest_supported, next_newer

    line = f"{report.distribution} {report.distribution_version}".strip()
    say(f"{report.system} {report.release} {report.arch}" + (f", {line}" if line else ""))
    found = newest_supported(catalogue, report, policy=policy())
    chosen = "none" if found is None else found.platform
    say("newest platform: ", Painted(chosen, "bold"))
    beyond = next_newer(catalogue, report, found)
    if beyond is not None:
        causes = dict.fromkeys(f"{e.capability} {e.fact.state}" for e in beyond.missing)
        say(f"why not {beyond.name}: {first_of(causes, _CAUSES)}")
    states = [fact.state for fact in report.facts.values()]
    counts = [p for s in _COLORS for p in (", ", f"{states.count(s)} ", Painted(s, _COLORS[s]))]
    say(*counts[1:])
    for qemu in report.qemus:
        say(f"{qemu.path}: {qemu.known_by}, {len(qemu.machines)} machine types ({qemu.build})")
    rows = [
        [name, fact.state, fact.source, fact.detail] for name, fact in sorted(report.facts.items())
    ]
    say()
    table(["CAPABILITY", "STATE", "SOURCE", "DETAIL"], rows)
