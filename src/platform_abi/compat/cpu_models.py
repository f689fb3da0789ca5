"""Which CPU models of a build a host can run, and which of them is the best."""

from __future__ import annotations

from collections.abc import Iterable

from platform_abi.compat.cpu_asked import settled_flags
from platform_abi.compat.cpu_flags import lacking_flags
from platform_abi.model.catalogue import Catalogue
from platform_abi.model.host import HostReport, State
from platform_abi.model.memo import remembered


def runnable_models(
    catalogue: Catalogue, arch: str, build: str, report: HostReport
) -> dict[str, State]:
    """Return, for each CPU model of *build*, whether the host of *report* has every flag of it.

    Best first: the models made for processors of the host's vendor, those with the most flags, the
    newest version. Flags behind ``vmx`` and ``svm`` do not count, as no model turns these on.
    """
    table = catalogue.cpus()[arch]
    # A platform turns off what is settled, where a host lacks it.
    asked = table.bits.keys() - settled_flags(catalogue, arch)
    absent, unknown = lacking_flags(table, report, asked)
    found: dict[str, State] = {
        name: "absent" if absent & flags else "unknown" if unknown & flags else "present"
        for name, flags in _plain_models(catalogue, arch, build).items()
    }
    vendor = report.values.get("cpu.vendor", "")
    return {name: found[name] for name in ranked(catalogue, arch, build, found, vendor)}


def ranked(
    catalogue: Catalogue, arch: str, build: str, names: Iterable[str], vendor: str
) -> list[str]:
    """Return *names* of CPU models, the best for processors of *vendor* first."""
    table, plain = catalogue.cpus()[arch], _plain_models(catalogue, arch, build)
    order = {name: place for place, name in enumerate(plain)}
    return sorted(
        names,
        key=lambda name: (table.models[name].vendor != vendor, -len(plain[name]), -order[name]),
    )


@remembered()
def _plain_models(catalogue: Catalogue, arch: str, build: str) -> dict[str, frozenset[str]]:
    """Return the flags that each versioned model of *build* has by itself."""
    table = catalogue.cpus()[arch]
    known = catalogue.cpu_models(build, arch)
    plain = {}
    for name in table.models:
        if name in known and not known[name].alias_of:
            flags = set(table.model_flags(name, table.accelerator))
            for gate, behind in table.behind.items():
                if gate not in flags:
                    flags -= set(behind)
            plain[name] = frozenset(flags)
    return plain
