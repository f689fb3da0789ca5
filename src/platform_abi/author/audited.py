"""A QEMU binary that is audited: what it says of itself, and what its guests would find."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from platform_abi.author.asking import Asked
from platform_abi.author.devices import Progress, device_types
from platform_abi.author.inheritance import whole_properties
from platform_abi.author.machines import ask_machines, machine_types, with_optional
from platform_abi.author.names import build_of
from platform_abi.author.observation import BuildDefinition, Given
from platform_abi.author.text import file_texts
from platform_abi.author.trace import traced_compat
from platform_abi.definitions.catalogue import FileCatalogue
from platform_abi.errors import HostError, UsageError
from platform_abi.guest.look import can_be_seen, guest_views
from platform_abi.guest.view import BinaryView
from platform_abi.model.machine import CompatProperty, QemuBuild
from platform_abi.model.value import evolve, frozen


@frozen(kw_only=True)
class Audited:
    """One binary and what it says of itself; *reason* is why it says no compat properties.

    *no_user* are the drivers that no ``-device`` can name: only a board comes with them.
    """

    binary: str
    seen: BuildDefinition
    reason: str = ""
    no_user: frozenset[str] = frozenset()

    @property
    def build(self) -> QemuBuild:
        """Return which build it is; *name* is the one that it has in a catalogue made for it."""
        return self.seen.build

    @property
    def machines(self) -> tuple[str, ...]:
        """Return the names of its machine types."""
        return tuple(machine.name for machine in self.seen.machines)

    @property
    def unlisted(self) -> frozenset[str]:
        """Return the drivers of which it does not say the properties."""
        types = self.seen.types
        return frozenset(t.name for t in types if t.properties is None and not t.abstract)

    def chosen(self, names: Sequence[str]) -> list[str]:
        """Return the machine types called *names*, aliases resolved; all where there are none.

        Raises UnknownNameError (``unknown-machine``).
        """
        from platform_abi.errors import unknown

        meant = {alias: m.name for m in self.seen.machines for alias in m.aliases}
        found = [meant.get(name, name) for name in names]
        for name in found:
            if name not in self.machines:
                raise unknown("machine type", name, self.machines, code="unknown-machine")
        return list(dict.fromkeys(found)) or list(self.machines)


def ask(catalogue: FileCatalogue, binary: str, name: str, *, timeout: float) -> Audited:
    """Return what *binary* says of itself, as of a build called *name*.

    Unlike an import it need not tell from which generation a vendor's machine types derive. Raises
    HostError as an import does.
    """
    with Asked(binary, timeout=timeout) as qemu:
        return _ask(catalogue, qemu, binary, name, timeout)


def _ask(catalogue: FileCatalogue, qemu: Asked, binary: str, name: str, timeout: float) -> Audited:
    reasons: list[str] = []
    naming = catalogue.naming()
    version, arch = qemu.execute("query-version"), str(qemu.execute("query-target")["arch"])
    try:
        build = build_of(version, arch, naming, Given(name=name))
    except UsageError:  # nobody knows the vendor: the package says enough
        build = build_of(version, arch, naming, Given(name=name, vendor="unknown"))
    trace = partial(_traced, binary, timeout, reasons)
    answers, compat, listed = ask_machines(qemu, trace)
    machines = machine_types(answers, compat, arch, naming)
    warnings: list[str] = []
    types = device_types(qemu, warnings)
    if listed:
        machines = with_optional(machines, whole_properties(types))
    seen = BuildDefinition(build=build, machines=machines, types=types, warnings=tuple(warnings))
    return Audited(binary=binary, seen=seen, reason="".join(reasons), no_user=_no_user(qemu))


def _no_user(qemu: Asked) -> frozenset[str]:
    """Return the drivers that no user can create, as ``-device help`` says it too.

    No QMP command tells that (system/qdev-monitor.c, qdev_print_devinfo).
    """
    text = qemu.execute("human-monitor-command", **{"command-line": "info qdm"})
    return frozenset(_NO_USER.findall(text))


_NO_USER = re.compile(r'^name "([^"]+)".*, no-user\r?$', re.MULTILINE)


class _Untold(dict[str, tuple[CompatProperty, ...]]):
    """Compat properties of machine types, none of which is known."""

    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> tuple[CompatProperty, ...]:
        return ()


def _traced(
    binary: str, timeout: float, reasons: list[str]
) -> dict[str, tuple[CompatProperty, ...]]:
    """Return the compat properties of a QEMU that does not list them, or say why there are none."""
    try:
        return traced_compat(binary, timeout=timeout)
    except HostError as error:
        if error.code != "no-compiler":
            raise
        reasons.append(error.message)
        return _Untold()


@contextmanager
def catalogue_with(
    catalogue: FileCatalogue, binaries: Collection[Audited]
) -> Iterator[FileCatalogue]:
    """Yield a catalogue that has what *binaries* say as builds of its own, for the time of a block.

    What compares two builds then compares binaries, and in the same way.
    """
    with tempfile.TemporaryDirectory(prefix="platform-abi-") as folder:
        for each in binaries:
            place = Path(folder, "machines", each.build.name)
            place.mkdir(parents=True)
            for name, text in file_texts(each.seen).items():
                (place / name).write_text(text, encoding="utf-8")
        yield FileCatalogue([*catalogue.roots, folder])


def look(
    catalogue: FileCatalogue,
    audited: Audited,
    machines: Sequence[str],
    *,
    timeout: float,
    progress: Progress | None = None,
) -> BinaryView:
    """Return what guests of *machines* would find in a binary, as far as that can be looked at.

    *progress* is told after each machine type how many are done, and of how many.
    """
    build = audited.build
    looked_at = catalogue.guest_devices(build.arch)
    seen = [name for name in machines if can_be_seen(looked_at, name)]
    drivers = frozenset(each.name for each in audited.seen.types if not each.abstract)
    views = guest_views(
        audited.binary,
        seen,
        arch=build.arch,
        drivers=drivers,
        looked_at=looked_at,
        timeout=timeout,
        progress=progress or (lambda _done, _all: None),
    )
    return BinaryView(version=build.version, package=build.package, arch=build.arch, machines=views)


def without(view: BinaryView, labels: dict[str, str]) -> BinaryView:
    """Return *view* without the devices *labels*, with the reason of each."""
    return evolve(
        view,
        machines={
            name: evolve(
                machine,
                devices={k: v for k, v in machine.devices.items() if k not in labels},
                unseen={**machine.unseen, **labels},
            )
            for name, machine in view.machines.items()
        },
    )
