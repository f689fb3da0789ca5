"""The verb ``host`` with the names of hosts: each asked over ssh, and all of them at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from platform_abi.cli.host_report import print_report
from platform_abi.cli.hosts import ask, policy
from platform_abi.cli.opened import load_catalogue
from platform_abi.cli.render import print_error, table, write_data
from platform_abi.cli.this_host import probed, reported_binaries
from platform_abi.compat.supported import newest_supported
from platform_abi.definitions.catalogue import FileCatalogue
from platform_abi.errors import UsageError, first_of
from platform_abi.files import write_text
from platform_abi.host.document import report_line
from platform_abi.launch.ahead import Ahead
from platform_abi.model.value import evolve
from platform_abi.remote.destination import SCHEME, THIS
from platform_abi.remote.script import TIMEOUT, Wishes, probe_script

if TYPE_CHECKING:
    from platform_abi.cli.options import HostOptions
    from platform_abi.model.host import HostReport
    from platform_abi.remote.hosts import AskedHost


def run_others(options: HostOptions) -> int:
    """Ask the hosts that are named, or print what asks them; 4 where one could not be asked."""
    _check(options)
    catalogue = load_catalogue()
    wishes = _wishes(options)
    if options.probe_script:
        script = probe_script(catalogue.capabilities(), wishes)
        if options.output is None:
            write_data(script)
        else:
            write_text(options.output, script)
        return 0
    hosts = _asked(catalogue, options, wishes)
    reports = [host.report for host in hosts if host.report is not None]
    if options.infer:
        from platform_abi.compat.evidence import predict

        reports = [predict(catalogue, report) for report in reports]
    if options.name is not None:
        reports = [evolve(report, name=options.name) for report in reports]
    errors = [host.error for host in hosts if host.error is not None]
    if len(hosts) == 1:
        for report in reports:
            print_report(catalogue, report, options)
    elif options.line:
        _write(reports, options)
    else:
        _print(catalogue, hosts)
    for error in errors:
        print_error(error, as_json=options.json)
    return max((error.exit_code for error in errors), default=0)


def _check(options: HostOptions) -> None:
    named = options.hosts or (THIS,)
    for name in named:
        if name != THIS and not name.startswith(SCHEME):
            raise UsageError(
                f"{name} is no host to be asked: expected 'this' or ssh:HOST",
                code="usage",
                help=f"ssh:{name} asks a host of that name; a report is shown by the other verbs",
            )
    if len(set(named)) < len(named):
        raise UsageError("a host is named twice", code="usage")
    several = len(named) > 1
    for given, said in (
        (options.oracle, "--oracle asks a QEMU of this host"),
        (options.look, "--look starts a QEMU of this host"),
        (options.probe_script and options.hosts, "--probe-script is one for all hosts"),
        (
            several and options.json,
            "--json is for one host; --line writes a report a line",
        ),
        (several and options.name, "--name is for one host"),
        (
            several and options.output and not options.line,
            "-o of several hosts takes --line",
        ),
    ):
        if given:
            raise UsageError(said, code="usage")


def _wishes(options: HostOptions) -> Wishes:
    return Wishes(
        qemus=() if options.no_qemu else options.qemu or None,
        timeout=options.timeout or TIMEOUT,
        **({} if options.timeout is None else {"qemu_timeout": options.timeout}),
    )


def _asked(catalogue: FileCatalogue, options: HostOptions, wishes: Wishes) -> list[AskedHost]:
    """Return what becomes of asking each, in the order that they are named."""
    from platform_abi.remote.hosts import AskedHost

    remote = [name for name in options.hosts if name != THIS]
    asked = {host.name: host for host in ask(catalogue, remote, wishes)}
    if THIS in options.hosts:
        qemus = reported_binaries(options)
        with Ahead(next(iter(qemus), None)) as ahead:
            report = probed(catalogue, options, ahead, qemus)
        asked[THIS] = AskedHost(name=THIS, report=evolve(report, name=THIS))
    return [asked[name] for name in options.hosts]


def _write(reports: list[HostReport], options: HostOptions) -> None:
    text = "".join(f"{report_line(report)}\n" for report in reports)
    if options.output is None:
        write_data(text)
    else:
        write_text(options.output, text)


def _print(catalogue: FileCatalogue, hosts: list[AskedHost]) -> None:
    """Print a line for each host; what is wrong with one is told after it."""
    rows = [[host.name, *_row(catalogue, host)] for host in hosts]
    table(["HOST", "KERNEL", "DISTRIBUTION", "NEWEST PLATFORM", "QEMU"], rows)


def _row(catalogue: FileCatalogue, host: AskedHost) -> list[str]:
    report, error = host.report, host.error
    if report is None:
        return ["not known", "", "" if error is None else error.code, ""]
    found = newest_supported(catalogue, report, policy=policy())
    versions = dict.fromkeys(qemu.version for qemu in report.qemus)
    return [
        f"{report.release} {report.arch}",
        f"{report.distribution} {report.distribution_version}".strip(),
        "none" if found is None else found.platform,
        first_of(versions, _SHOWN) or "none",
    ]


#: So many QEMUs of a host are shown.
_SHOWN = 3
