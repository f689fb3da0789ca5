"""Hosts to launch on, and command lines to launch there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import evolve

import platform_abi as pa
from platform_abi.launch.command_line import read_command_line
from platform_abi.launch.platform_option import platform_option
from platform_abi.launch.start import Start, start
from platform_abi.model.host import HostReport
from platform_abi.model.machine import QemuBuild

USUAL = ("-machine", "pc-q35-9.1", "-accel", "kvm", "-cpu", "qemu64,vendor=AuthenticAMD")
NIC = ("-netdev", "tap,id=n0", "-device", "virtio-net-pci,netdev=n0,id=net0")


class Host:
    """A host that has what its report says, and keeps count of what it was asked for."""

    def __init__(
        self, report: HostReport, aliased: Mapping[str, str] | None = None, version: str = ""
    ) -> None:
        self._report = report
        self._aliased = aliased or {}
        self.asked: list[str] = []
        self.default: str | None = None
        self.qemu: tuple[str, str] | None = (version, "") if version else None
        #: What is known of its QEMU.
        self.build: tuple[pa.FileCatalogue, QemuBuild] | None = None

    def everything(self) -> HostReport:
        """Say all."""
        self.asked.append("everything")
        return self._report

    def needed(self, abi: pa.GuestAbi) -> HostReport:
        """Say what is needed alone."""
        self.asked.append("needed")
        wanted = {p.capability for p in abi.preconditions}
        known = {name: fact for name, fact in self._report.facts.items() if name in wanted}
        return evolve(self._report, facts=known)

    def same_cpu(self, before: pa.VirtualMachine, after: pa.VirtualMachine) -> bool:
        """Take lahf-lm for what every model has anyway."""
        self.asked.append("cpu")
        plain = [
            vm.cpu and (vm.cpu.model, {*vm.cpu.properties} - {("lahf-lm", "on")})
            for vm in (before, after)
        ]
        return plain[0] == plain[1]

    def aliased_machines(self) -> Mapping[str, str]:
        """Say what aliases stand for."""
        self.asked.append("aliases")
        return self._aliased

    def default_machine(self) -> str | None:
        """Say what is taken where no machine type is named."""
        self.asked.append("default")
        return self.default

    def version(self) -> tuple[str, str] | None:
        """Say which QEMU it has."""
        self.asked.append("version")
        return self.qemu

    def known(self) -> tuple[pa.FileCatalogue, QemuBuild] | None:
        """Say what its QEMU is."""
        self.asked.append("known")
        return self.build


def launched(
    catalogue: pa.FileCatalogue,
    words: Sequence[str],
    host: Host | HostReport,
    stored: pa.GuestAbi | None = None,
    **more: str,
) -> Start:
    """Return what *words* become on *host*, restarted with what is *stored*."""
    line = read_command_line(catalogue.options(), words)
    return start(
        catalogue,
        line,
        platform_option(line),
        host if isinstance(host, Host) else Host(host),
        arch="x86_64",
        stored=stored,
        **more,  # type: ignore[arg-type]
    )
