"""The verb ``host``."""

from __future__ import annotations

from platform_abi.cli.host_report import print_report
from platform_abi.cli.options import HostOptions
from platform_abi.cli.this_host import probed, reported_binaries
from platform_abi.errors import UsageError
from platform_abi.launch.ahead import Ahead
from platform_abi.remote.destination import THIS

# Everything else is imported while the host is being asked.


def run(options: HostOptions) -> int:
    """Probe this host, or others, and print what was found, or write the report."""
    _check(options)
    if options.probe_script or options.hosts not in ((), (THIS,)):
        from platform_abi.cli.other_hosts import run_others

        return run_others(options)
    qemus = reported_binaries(options)
    with Ahead(next(iter(qemus), None)) as ahead:
        from platform_abi.cli.opened import load_catalogue

        catalogue = load_catalogue()
        report = probed(catalogue, options, ahead, qemus)
    print_report(catalogue, report, options)
    return 0


def _check(options: HostOptions) -> None:
    if options.qemu and options.no_qemu:
        raise UsageError("--qemu and --no-qemu contradict each other", code="usage")
    if options.format != "report" and (options.json or options.line or options.hosts):
        raise UsageError(
            f"--format {options.format} is of this host, and no report",
            code="usage",
            help="leave --json, --line and HOST away",
        )
    if options.look and options.no_qemu:
        raise UsageError("--look and --no-qemu contradict each other", code="usage")
    name = options.name or ""
    if not name.isprintable() or not name.isascii() or len(name) > _LONGEST_NAME:
        raise UsageError(
            f"--name takes up to {_LONGEST_NAME} printable ASCII characters", code="usage"
        )


#: As long as a host name may be (RFC 1035).
_LONGEST_NAME = 253
