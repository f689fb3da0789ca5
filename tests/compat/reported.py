"""Hosts whose reports hold QEMUs, and virtual machines that run in them."""

from __future__ import annotations

from typing import Any

from attrs import evolve

import platform_abi as pa
from platform_abi.emit.lock_reading import read_lock
from platform_abi.emit.lockfile import lockfile
from platform_abi.host.qemus import reported_qemu
from platform_abi.model.host import Fact
from platform_abi.model.reported import ReportedQemu
from tests.definitions.site import DEFINITIONS

ARCH = "x86_64"

_CAPABILITIES = pa.FileCatalogue([DEFINITIONS]).capabilities()


def qemu(catalogue: pa.FileCatalogue, build: str, **said: Any) -> ReportedQemu:
    """Return *build* of *catalogue* as the report of a host holds it."""
    path = said.pop("path", f"/usr/bin/{build}")
    known = catalogue.build(build, ARCH)
    found = reported_qemu(catalogue, known, path=path, identity=f"build-id:{build.encode().hex()}")
    return evolve(found, **said)


def host(*qemus: ReportedQemu, **said: Any) -> pa.HostReport:
    """Return the report of a host that lacks nothing and has *qemus*."""
    facts = dict.fromkeys(_CAPABILITIES, Fact(state="present", source="ioctl"))
    return pa.HostReport(system="linux", arch=ARCH, facts=facts, qemus=qemus, **said)


def locked(
    catalogue: pa.FileCatalogue, machine: str, build: str | None = None, **said: Any
) -> pa.GuestAbi:
    """Return the lockfile of a virtual machine that was started in *build*, None: it never was."""
    vm = pa.virtual_machine(catalogue.devices(), machine, accelerator="tcg", **said)
    abi = pa.resolve(catalogue, vm, "conservative")
    text = lockfile(catalogue, abi, build=build, ran=build is not None)
    return read_lock(text, "vm.lock", catalogue=catalogue)
