"""A machine type that a QEMU does not have."""

from __future__ import annotations

import pytest

import platform_abi as pa
from platform_abi.compat.check import check
from platform_abi.compat.machine_missing import missing_in_build
from platform_abi.model.host import QEMU_PACKAGE, QEMU_VERSION


def _abi(catalogue: pa.FileCatalogue, machine: str, build: str | None = None) -> pa.GuestAbi:
    vm = pa.virtual_machine(catalogue.devices(), machine, accelerator="tcg", build=build)
    return pa.resolve(catalogue, vm, "conservative")


def _host(version: str, package: str) -> pa.HostReport:
    values = {QEMU_VERSION: version, QEMU_PACKAGE: package}
    return pa.HostReport(system="linux", arch="x86_64", values=values)


_DEBIAN_12 = "Debian 1:7.2+dfsg-7+deb12u18+b3"


@pytest.mark.parametrize(
    ("version", "package", "missing"),
    [
        ("7.2.22", _DEBIAN_12, True),
        ("9.0.4", "somebody's", True),
        ("9.2.50", "", False),  # on the way to 10.0
        ("10.0.9", "", False),
        ("10.0.2", "Debian 1:10.0.2+ds-2+deb13u1~bpo12+1", False),
    ],
)
def test_a_machine_type_is_looked_for_in_the_hosts_qemu(
    catalogue: pa.FileCatalogue, version: str, package: str, missing: bool
) -> None:
    """One that is newer than the QEMU is not there, and no capability changes that."""
    verdict = check(catalogue, _abi(catalogue, "pc-q35-10.0"), _host(version, package))
    assert missing == (
        "machine-missing" in {f.code for f in verdict.findings if f.severity == "blocked"}
    )


def test_a_report_that_names_no_qemu_says_nothing_of_one(catalogue: pa.FileCatalogue) -> None:
    """Nothing is concluded from what was not asked."""
    report = pa.HostReport(system="linux", arch="x86_64")
    verdict = check(catalogue, _abi(catalogue, "pc-q35-10.0"), report)
    assert "machine-missing" not in {finding.code for finding in verdict.findings}


def test_a_build_that_dropped_a_machine_type_is_told_from_one_that_has_it(
    catalogue: pa.FileCatalogue,
) -> None:
    """Its lockfile gets a verdict, which names a build that has it."""
    abi = _abi(catalogue, "pc-i440fx-2.3", "qemu-7.2.22")
    assert not [*missing_in_build(catalogue, abi, "qemu-7.2.22")]
    (finding,) = missing_in_build(catalogue, abi, "qemu-11.1.3")
    assert finding.severity == "blocked"
    assert "qemu-7.2.22" in finding.help
    with pytest.raises(pa.UnknownNameError):
        [*missing_in_build(catalogue, abi, "qemu-1.0")]
