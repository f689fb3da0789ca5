"""What is known here of QEMUs that another host has, by what they say of themselves."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.host.qemus import reported_qemu
from platform_abi.model.reported import ReportedMachine, ReportedQemu
from platform_abi.remote.known import with_known_qemus

_TOLD = ReportedQemu(
    arch="x86_64",
    version="10.0.2",
    package="Debian 1:10.0.2+ds-2+deb13u1~bpo12+1",
    identity=f"build-id:{'0f' * 20}",
    path="/usr/bin/qemu-system-x86_64",
    usual=True,
    machines=(ReportedMachine(name="pc-q35-10.0", aliases=("q35",)),),
    cpus={"host": ("aes",)},
)


@pytest.fixture(autouse=True)
def _state(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", f"{tmp_path}/state")


def _known(catalogue: pa.FileCatalogue, qemu: ReportedQemu) -> ReportedQemu:
    (found,) = with_known_qemus(catalogue, pa.HostReport(qemus=(qemu,))).qemus
    return found


def test_a_qemu_of_a_known_package_is_as_an_installed_probe_reports_it(
    catalogue: pa.FileCatalogue,
) -> None:
    """The build of that version and package, with its machine types; what it said itself stays."""
    expected = reported_qemu(
        catalogue,
        catalogue.build("qemu-10.0.2", "x86_64"),
        path=_TOLD.path,
        identity=_TOLD.identity,
        usual=True,
    )
    found = _known(catalogue, _TOLD)
    assert evolve(expected, cpus=_TOLD.cpus) == found
    assert found.fingerprint
    assert found == _known(catalogue, found)


@pytest.mark.parametrize(
    "otherwise",
    [
        {"version": "10.0.3"},
        {"version": "10.0"},
        {"version": "10.0.1000"},
        {"version": "10.0.\u0662"},
        {"version": ""},
        {"package": "Debian 1:10.0.2+ds-2+deb13u1"},
        {"package": ""},
        {"package": "nobody's"},
        {"arch": "m68k"},
    ],
)
def test_a_qemu_that_says_otherwise_stays_unknown(
    catalogue: pa.FileCatalogue, otherwise: dict[str, Any]
) -> None:
    """Another release, another package, another architecture: nothing is taken for near enough."""
    told = evolve(_TOLD, **otherwise)
    assert told == _known(catalogue, told)


@given(st.text(max_size=12), st.text(max_size=12), st.text(max_size=8))
def test_whatever_a_qemu_calls_itself_is_no_failure(
    catalogue: pa.FileCatalogue, version: str, package: str, arch: str
) -> None:
    """What comes from elsewhere may say anything."""
    told = evolve(_TOLD, version=version, package=package, arch=arch)
    assert told.path == _known(catalogue, told).path


@pytest.mark.parametrize("identity", ["build-id:../../../kept", "build-id:", "kept", "a\0b"])
def test_no_identity_of_a_report_names_a_file(
    catalogue: pa.FileCatalogue, tmp_path: Path, identity: str
) -> None:
    """Only what names the content of a program is looked for among what is kept of QEMUs."""
    seen: list[str] = []

    def note(event: str, arguments: tuple[object, ...]) -> None:
        if event == "open" and tracing:
            seen.append(str(arguments[0]))

    tracing = True
    sys.addaudithook(note)
    _known(catalogue, evolve(_TOLD, identity=identity, package="nobody's"))
    tracing = False
    assert not [path for path in seen if "kept" in path or path.startswith(str(tmp_path))]


def test_what_another_probe_knew_is_left_as_it_is(catalogue: pa.FileCatalogue) -> None:
    """A build that is not here, with its content or without, is that report's word."""
    for told in (evolve(_TOLD, build="qemu-of-theirs"), evolve(_TOLD, fingerprint="00")):
        assert told == _known(catalogue, told)
