"""What differs between two hosts."""

from __future__ import annotations

from attrs import frozen

from platform_abi.model.host import HostReport
from platform_abi.model.value import Value


@frozen(kw_only=True, repr=False)
class HostDifference(Value):
    """Something that two hosts do not share; None where one report does not say it."""

    kind: str
    what: str
    before: str | None
    after: str | None


def diff_hosts(before: HostReport, after: HostReport) -> list[HostDifference]:
    """Return what two reports do not say alike, sorted; evidence and names do not count."""
    first, second = _said(before), _said(after)
    return [
        HostDifference(kind=key[0], what=key[1], before=first.get(key), after=second.get(key))
        for key in sorted(first.keys() | second.keys())
        if first.get(key) != second.get(key)
    ]


def _said(report: HostReport) -> dict[tuple[str, str], str]:
    said = {
        ("host", key): getattr(report, key)
        for key in ("system", "release", "arch", "distribution", "distribution_version")
    }
    said["host", "distribution_like"] = " ".join(report.distribution_like)
    for name, fact in report.facts.items():
        predicted = " (inferred)" if fact.source == "inferred" else ""
        said["fact", name] = f"{fact.state}{predicted}"
    said |= {("number", name): str(number) for name, number in report.numbers.items()}
    said |= {("mask", name): f"{mask:#x}" for name, mask in report.masks.items()}
    said |= {("value", name): value for name, value in report.values.items()}
    said |= {("config", name): value for name, value in report.config.items()}
    for name, members in report.sets.items():
        said |= {("set", f"{name} {member}"): "there" for member in members}
    return said
