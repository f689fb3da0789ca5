"""What a host supports as text for Prometheus, which a node exporter reads from a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from platform_abi.compat.supported import PlatformVerdict
from platform_abi.model.host import HostReport

#: What the name of each metric begins with.
_PREFIX = "platform_abi"

#: Every state is a series of its own, 1 where it is so: an alert names the one that it waits for,
#: and no series vanishes when a state changes.
_STATES = ("present", "absent", "unknown")
_ANSWERS = ("yes", "no", "unknown")

#: How a label's value is escaped (Prometheus, exposition formats: text format).
_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


def prometheus_text(
    report: HostReport,
    verdicts: Sequence[PlatformVerdict],
    newest: PlatformVerdict | None,
    *,
    asked: float,
) -> str:
    """Return metrics of the host of *report*, which was asked at Unix time *asked*, in seconds.

    *verdicts* are on its platforms, *newest* is the one to choose; None: none.
    """
    return "".join(f"{line}\n" for line in _lines(report, verdicts, newest, asked))


def _lines(
    report: HostReport,
    verdicts: Sequence[PlatformVerdict],
    newest: PlatformVerdict | None,
    asked: float,
) -> Iterator[str]:
    yield from _head("report_timestamp_seconds", "When the host was asked, as Unix time.")
    yield _sample("report_timestamp_seconds", {}, asked)
    yield from _head("host_info", "What the host is.")
    told = {"system": report.system, "release": report.release, "arch": report.arch}
    distribution = {"distribution": report.distribution, "version": report.distribution_version}
    yield _sample("host_info", told | distribution, 1)
    yield from _head("newest_platform_info", "The newest platform that the host supports.")
    if newest is not None:
        chosen = {"platform": newest.platform, "lineage": newest.lineage}
        yield _sample("newest_platform_info", chosen, 1)
    yield from _head("platform_supported", "Whether the host supports a platform.")
    for verdict in verdicts:
        for answer in _ANSWERS:
            names = {"platform": verdict.platform, "supported": answer}
            yield _sample("platform_supported", names, verdict.supported == answer)
    yield from _head("capability_state", "What is proven of a capability of the host.")
    for name in sorted(report.facts):
        for state in _STATES:
            names = {"capability": name, "state": state}
            yield _sample("capability_state", names, report.state(name) == state)


def _head(name: str, said: str) -> Iterator[str]:
    yield f"# HELP {_PREFIX}_{name} {said}"
    yield f"# TYPE {_PREFIX}_{name} gauge"


def _sample(name: str, labels: Mapping[str, str], value: float) -> str:
    pairs = ",".join(f'{key}="{text.translate(_ESCAPES)}"' for key, text in labels.items())
    return f"{_PREFIX}_{name}{f'{{{pairs}}}' if pairs else ''} {float(value)!r}"
