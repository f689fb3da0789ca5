"""The report of a host, printed for people or written for programs."""

from __future__ import annotations

from platform_abi.errors import DefinitionError, first_of

# typing costs as much; type checkers know this name by itself.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from platform_abi.cli.options import HostOptions
    from platform_abi.definitions.catalogue import FileCatalogue
    from platform_abi.model.host import HostReport, State


def print_report(catalogue: FileCatalogue, report: HostReport, options: HostOptions) -> None:
    """Print *report*, or write it where the options say."""
    metrics = options.format == "prometheus"
    text = _metrics(catalogue, report) if metrics else _document(report, options)
    if options.output is not None:
        from platform_abi.files import write_text

        write_text(options.output, text)
    elif options.json or options.line or metrics:
        from platform_abi.cli.render import write_data

        write_data(text)
    else:
        _print(catalogue, report)


def _document(report: HostReport, options: HostOptions) -> str:
    from platform_abi.emit.plain import to_json
    from platform_abi.host.document import report_document, report_line

    if options.line:
        return report_line(report) + "\n"
    return to_json(report_document(report))


def _metrics(catalogue: FileCatalogue, report: HostReport) -> str:
    import time

    from platform_abi.cli.hosts import choose
    from platform_abi.compat.metrics import prometheus_text
    from platform_abi.compat.supported import query_platforms

    verdicts = query_platforms(catalogue, report)
    return prometheus_text(report, verdicts, choose(verdicts, report), asked=time.time())


_COLORS: Mapping[State, str] = {"present": "green", "absent": "red", "unknown": "yellow"}


#: So many reasons fit on a line.
_CAUSES = 4


def _print(catalogue: FileCatalogue, report: HostReport) -> None:
    from platform_abi.cli.hosts import policy
    from platform_abi.cli.render import Painted, note, say, table
    from platform_abi.compat.supported import newest_supported, next_newer

    line = f"{report.distribution} {report.distribution_version}".strip()
    say(f"{report.system} {report.release} {report.arch}" + (f", {line}" if line else ""))
    try:
        found = newest_supported(catalogue, report, policy=policy())
    except DefinitionError as error:
        # What the host is does not hang on what some definition makes of it.
        note("left out", f"every platform: {error.lines[0]}")
        say("newest platform: ", Painted("unknown", "bold"))
    else:
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
