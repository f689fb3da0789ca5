"""Many hosts: the best CPU model that all of them can run, and who keeps them from better ones."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from platform_abi.compat.cpu_flags import flag_fact
from platform_abi.compat.cpu_models import ranked, runnable_models
from platform_abi.fleet.common import CommonCpu, CpuObstacle
from platform_abi.model.cpu import is_register
from platform_abi.model.host import CPU_MODELS, FleetHost, HostReport, State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from platform_abi.compat.needs import Scope
    from platform_abi.model.catalogue import Catalogue

#: So many better models are told about: the others are further off.
_OBSTACLES = 5

_VENDOR = "cpu.vendor"


def common_cpu(
    catalogue: Catalogue, hosts: Sequence[FleetHost], scope: Scope, *, allow_unknown: bool
) -> CommonCpu | None:
    """Return the CPU models that every one of *hosts* can run, None where flags are not described.

    The models are those of the newest QEMU known here. Where a report has what its QEMU can run,
    that counts; where not, the registers of the report do. What is unknown is not there, unless
    *allow_unknown*.
    """
    table = catalogue.cpus().get(scope.arch)
    if table is None or table.accelerator != scope.accelerator:
        return None
    fleet = _Fleet(catalogue, scope.arch, hosts)
    vendors = {host.report.values.get(_VENDOR, "") for host in hosts} - {""}
    vendor = vendors.pop() if len(vendors) == 1 else ""
    enough: tuple[State, ...] = ("present", "unknown") if allow_unknown else ("present",)
    votes: Counter[str] = Counter()
    for host, states in zip(hosts, fleet.states, strict=True):
        votes.update({n: host.count for n, state in states.items() if state in enough})
    everybody = sum(host.count for host in hosts)
    order = ranked(catalogue, scope.arch, fleet.build, votes, vendor)
    models = tuple(name for name in order if votes[name] == everybody)
    better = order[: order.index(models[0])] if models else order
    return CommonCpu(
        model=models[0] if models else None,
        models=models,
        vendor=vendor,
        unknown=sum(
            host.count
            for host, states in zip(hosts, fleet.states, strict=True)
            if {*states.values()} == {"unknown"}
        ),
        obstacles=tuple(
            CpuObstacle(
                model=name, count=everybody - votes[name], lacking=fleet.lacking(name, enough)
            )
            for name in better[-_OBSTACLES:][::-1]
        ),
    )


class _Fleet:
    """Hosts by what decides which CPU models they can run; most have that in common."""

    def __init__(self, catalogue: Catalogue, arch: str, hosts: Sequence[FleetHost]) -> None:
        self.build = catalogue.builds(arch)[0]
        self._table = catalogue.cpus()[arch]
        self._hosts = hosts
        known: dict[object, dict[str, State]] = {}
        self.states: list[dict[str, State]] = []
        for host in hosts:
            key = _deciding(host.report)
            if key not in known:
                known[key] = _runnable(catalogue, arch, self.build, host.report)
            self.states.append(known[key])

    def lacking(self, model: str, enough: tuple[State, ...]) -> dict[str, int]:
        """Return how many hosts do not have each flag of *model*, most first."""
        lacking: Counter[str] = Counter()
        flags = self._table.model_flags(model, self._table.accelerator)
        plain = flags - {f for g, b in self._table.behind.items() if g not in flags for f in b}
        seen: dict[object, list[str]] = {}
        for host, states in zip(self._hosts, self.states, strict=True):
            if states.get(model, "absent") in enough:
                continue
            key = _deciding(host.report)
            if key not in seen:
                facts = {flag: flag_fact(self._table, host.report, flag) for flag in plain}
                seen[key] = [flag for flag, fact in facts.items() if fact.state not in enough]
            lacking.update(dict.fromkeys(seen[key], host.count))
        return dict(sorted(lacking.items(), key=lambda item: (-item[1], item[0])))


def _runnable(catalogue: Catalogue, arch: str, build: str, report: HostReport) -> dict[str, State]:
    states = runnable_models(catalogue, arch, build, report)
    usable = report.sets.get(CPU_MODELS)
    if usable is None:
        return states
    return {name: "present" if name in usable else "absent" for name in states}


def _deciding(report: HostReport) -> object:
    """Return what of *report* decides which CPU models its host can run, to be compared."""
    return (
        tuple((name, word) for name, word in sorted(report.masks.items()) if is_register(name)),
        tuple((name, word) for name, word in sorted(report.values.items()) if is_register(name)),
        tuple(sorted(report.sets.items())),
        report.values.get(_VENDOR),
    )
