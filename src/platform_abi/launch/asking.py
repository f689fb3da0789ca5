"""What a launcher asks: this host, for all that a virtual machine needs, and the QEMU itself."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from typing import TYPE_CHECKING

from platform_abi.compat.completion import complete, from_configuration
from platform_abi.compat.modules import has_modules
from platform_abi.errors import HostError
from platform_abi.launch.ahead import Ahead
from platform_abi.model.value import evolve
from platform_abi.qemu.netdevs import NETDEV_METHOD
from platform_abi.qemu.printed import printed_version
from platform_abi.resolver.explicit import BOOLEANS, decimal

if TYPE_CHECKING:
    from platform_abi.model.abi import GuestAbi
    from platform_abi.model.capability import Capability
    from platform_abi.model.catalogue import Catalogue
    from platform_abi.model.host import HostReport
    from platform_abi.model.machine import QemuBuild
    from platform_abi.model.vm import Cpu, VirtualMachine
    from platform_abi.qemu.stdio_qmp import Qmp

#: Returns which build a binary is, and a catalogue that has it; raises HostError.
Learn = Callable[[str], "tuple[Catalogue, QemuBuild]"]

#: How long a QEMU may take to say what it has, in seconds.
_TIMEOUT = 10.0

# A start needs none of these but where it says so: each is compiled when it is.

#: A line of ``-machine help`` (system/vl.c, machine_help_func): the last word of an alias.
_ALIAS = r"(?m)^(?P<alias>\S+) .*\(alias of (?P<machine>[^\s)]+)\)"


#: The machine type that is taken where none is named (the same function; no alias is one).
_DEFAULT = r"(?m)^(?P<machine>\S+) .*\(default\)"

#: The first line of --version (system/vl.c, version; QEMU_FULL_VERSION).
_VERSION = r"version (?P<version>\d+\.\d+\.\d+)\S*(?: \((?:\w+ )?(?P<package>[^)]*)\))?"


class ThisHost:
    """The host that this runs on, and the QEMU *binary* that is to be started.

    Nothing is kept of earlier answers, because modules, privileges and devices come and go, but for
    what is built into that QEMU's program (``qemu.printed``). Each method raises HostError where
    that QEMU does not answer. What is under way *ahead* answers the first time.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        binary: str,
        ahead: Ahead | None = None,
        learn: Learn | None = None,
    ) -> None:
        """*learn* says which build a binary is, asking it if need be; without, nobody says."""
        self._catalogue = catalogue
        self._binary = binary
        self._ahead = ahead
        self._learn = learn
        self._known: tuple[Catalogue, QemuBuild] | None = None

    @property
    def catalogue(self) -> Catalogue:
        """Return the definitions, with what the binary has said of itself if it was asked."""
        return self._catalogue

    def known(self) -> tuple[Catalogue, QemuBuild] | None:
        """Return the build that the binary is and a catalogue that has it; None: nobody can say."""
        learn, self._learn = self._learn, None
        if learn is not None:
            try:
                self._known = learn(self._binary)
            except HostError:  # too old a QEMU, or none: what it is asked next says so
                return None
            self._catalogue = self._known[0]
        return self._known

    def everything(self) -> HostReport:
        """Return all that this host offers."""
        return self._ask(self._catalogue.capabilities(), models=True)

    def needed(self, abi: GuestAbi) -> HostReport:
        """Return what this host offers of all that *abi* needs, and ask for nothing else."""
        known = self._catalogue.capabilities()
        wanted = {p.capability for p in abi.preconditions} & known.keys()
        native = abi.vm.accelerator in self._catalogue.devices().native_accelerators
        drivers = has_modules(self._catalogue, abi)
        return self._ask({name: known[name] for name in wanted}, models=native, drivers=drivers)

    def _ask(
        self, asked: Mapping[str, Capability], *, models: bool, drivers: bool = False
    ) -> HostReport:
        netdevs = _netdevs(asked.values())
        fresh = Ahead(self._binary, netdevs=netdevs, models=models or drivers)
        begun, self._ahead = self._ahead, None
        with fresh if begun is None else nullcontext(begun) as ahead:
            report = ahead.host(asked, None)
            said = ahead.qemu(
                asked, netdevs=netdevs, models=models, drivers=drivers, timeout=_TIMEOUT
            )
        told = from_configuration(self._catalogue, complete(report, said))
        return evolve(told, facts={k: f for k, f in told.facts.items() if k in asked})

    def aliased_machines(self) -> Mapping[str, str]:
        """Return what the binary's aliases mean, such as ``q35``."""
        text = _listed(self._binary, "-machine", "help")
        return {match["alias"]: match["machine"] for match in re.finditer(_ALIAS, text)}

    def default_machine(self) -> str | None:
        """Return the machine type that the binary takes where none is named, None for none."""
        match = re.search(_DEFAULT, _listed(self._binary, "-machine", "help"))
        return None if match is None else match["machine"]

    def version(self) -> tuple[str, str] | None:
        """Return the version and the package of the binary, None where it does not say."""
        try:
            text = printed_version(self._binary) or _listed(self._binary, "--version")
            match = re.search(_VERSION, text)
        except HostError:
            return None
        return None if match is None else (match["version"], match["package"] or "")

    def same_cpu(self, before: VirtualMachine, after: VirtualMachine) -> bool:
        """Return whether the binary makes the same of the CPU of two virtual machines.

        They are alike but for the CPU. A manager that moves one spells out what a model has
        anyway, as libvirt does.
        """
        if before.cpu is None or after.cpu is None:
            return before.cpu == after.cpu
        from platform_abi.qemu.stdio_qmp import Qmp, QmpCommandError

        machine = ["-machine", after.machine, "-accel", after.accelerator]
        with Qmp(self._binary, [*machine, *_BARE], timeout=_TIMEOUT) as qmp:
            try:
                return _expanded(qmp, before.cpu) == _expanded(qmp, after.cpu)
            except QmpCommandError:  # not on every architecture, or no such model or property
                return False


_BARE = ("-nodefaults", "-no-user-config")


def _expanded(qmp: Qmp, cpu: Cpu) -> object:
    """Return every property that *cpu* has (query-cpu-model-expansion)."""
    model = {"name": cpu.model, "props": {key: _typed(text) for key, text in cpu.properties}}
    return qmp.execute("query-cpu-model-expansion", type="full", model=model)


def _typed(text: str) -> bool | int | str:
    """Return *text* as QMP wants it, which takes no string for a boolean or a number."""
    if text in BOOLEANS:
        return BOOLEANS[text] == "on"
    number = decimal(text, sized=False)
    return text if number is None else int(number)


def _netdevs(asked: Iterable[Capability]) -> bool:
    return any(c.probe is not None and c.probe.method == NETDEV_METHOD for c in asked)


def _listed(binary: str, *words: str) -> str:
    """Return what *binary* prints when it is asked with *words*, and then ends."""
    from platform_abi.qemu.process import Throwaway

    with Throwaway([binary, *words]) as process:
        return process.printed(time.monotonic() + _TIMEOUT)
