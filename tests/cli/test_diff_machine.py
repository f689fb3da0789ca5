"""``diff machine`` and ``diff build``: what differs for a guest, for people and for tools."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

import platform_abi as pa
from platform_abi.cli import diff
from platform_abi.cli.options import DiffOptions
from platform_abi.resolver.machine_diff import diff_machines
from tests.definitions.site import DEFINITIONS, write

NEWEST = "qemu-11.1.3"


def _run(kind: str, before: str, after: str, **said: Any) -> int:
    return diff.run(DiffOptions(kind=kind, before=before, after=after, **said))


def test_a_table_for_people_folds_what_is_alike(capsys: pytest.CaptureFixture[str]) -> None:
    """A change of every CPU model is one row, and what is left out is counted on stderr."""
    assert 1 == _run("machine", "pc-q35-9.0", "pc-q35-9.1")
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert f"pc-q35-9.0 -> pc-q35-9.1  ({NEWEST})" == lines[0]
    assert ["DRIVER", "PROPERTY", "BEFORE", "AFTER", "FEATURE"] == lines[1].split()
    (row,) = [line for line in lines if "x-l1-cache-per-thread" in line]
    assert row.startswith("cpu (189 drivers)")
    assert "migrate-emulated-scsi-request" not in out
    assert "--all" in err


def test_features_that_the_host_decides_about_are_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """8.2 brought offloads of virtio-net that are on only where the host has them."""
    assert 1 == _run("machine", "pc-q35-8.1", "pc-q35-8.2")
    (row,) = [line for line in capsys.readouterr().out.splitlines() if " host_uso " in line]
    assert row.startswith("virtio-net-device, virtio-net-pci-base (3 drivers)")
    assert ["off", "on", "virtio-net.host-uso"] == row.split()[-3:]


def test_json_and_csv_have_every_driver(
    capsys: pytest.CaptureFixture[str], catalogue: pa.FileCatalogue
) -> None:
    """Nothing is folded for tools, and both forms say the same as the library."""
    assert 1 == _run("machine", "pc-q35-9.0", "pc-q35-9.1", json=True, all=True)
    document = json.loads(capsys.readouterr().out)
    assert (NEWEST, "x86_64") == (document["build"], document["arch"])
    assert 1 == _run("machine", "pc-q35-9.0", "pc-q35-9.1", csv=True, all=True)
    table = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    rows = diff_machines(catalogue, NEWEST, "pc-q35-9.0", "pc-q35-9.1", "x86_64")
    assert [list(row) for row in rows] == [list(d.values()) for d in document["differences"]]
    assert [[cell or "" for cell in row] for row in rows] == [list(row.values()) for row in table]


def test_a_driver_or_all_below_it_can_be_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    """--driver takes a concrete driver or an abstract type; nothing of others is said."""

    def found(*drivers: str, **said: Any) -> set[tuple[str, str]]:
        _run("machine", "pc-q35-9.0", "pc-q35-9.1", json=True, driver=[*drivers], **said)
        document = json.loads(capsys.readouterr().out)
        return {(d["driver"], d["property"]) for d in document["differences"]}

    cards = {("sd-card", "spec_version"), ("sd-card-spi", "spec_version")}
    assert cards == found("sd-card", "sd-card-spi")
    assert {("vfio-pci", "skip-vsc-check")} == found("vfio-pci", all=True)
    assert set() == found("vfio-pci")
    assert {"qemu64-x86_64-cpu", "max-x86_64-cpu"} <= {d for d, _ in found("x86_64-cpu")}


def test_the_exit_code_is_about_what_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    """1 where something differs, 0 where nothing does, of those that were asked for."""
    assert 0 == _run("machine", "pc-q35-9.1", "pc-q35-9.1")
    assert 0 == _run("machine", "pc-q35-9.0", "pc-q35-9.1", driver=["e1000"])
    assert 1 == _run("machine", "pc-q35-9.0", "pc-q35-9.1", driver=["sd-card"])
    assert "DRIVER" not in capsys.readouterr().out.splitlines()[0]


def test_two_builds_of_one_name(capsys: pytest.CaptureFixture[str]) -> None:
    """Only values that both builds have are compared; --all tells what one of them lacks."""
    builds = ("qemu-10.0.2", NEWEST)
    assert 1 == _run("build", *builds, machine="pc-q35-9.1", json=True)
    document = json.loads(capsys.readouterr().out)
    assert "pc-q35-9.1" == document["machine"]
    assert {"changed"} == {d["change"] for d in document["differences"]}
    assert 1 == _run("build", *builds, machine="pc-q35-9.1", json=True, all=True)
    every = json.loads(capsys.readouterr().out)["differences"]
    assert {"changed", "added", "removed", "unstated"} == {d["change"] for d in every}
    assert 0 == _run("build", NEWEST, NEWEST, machine="pc-q35-9.1", all=True)


def _vendors(root: Path, **replaced: str) -> None:
    """Write a vendor's build of the newest release below *root*, with other properties."""
    for file in sorted((DEFINITIONS / "machines" / NEWEST).glob("x86_64*.toml")):
        text = file.read_text(encoding="utf-8").replace(NEWEST, "vendor")
        if file.name == "x86_64-properties.toml":
            for old, new in replaced.items():
                text = text.replace(old, new)
        write(root, f"machines/vendor/{file.name}", text)


def test_a_machine_types_fingerprint_stands_with_the_differences(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Equal where a guest finds the same, whatever the build is called, and unequal where not."""
    monkeypatch.setenv("PLATFORM_ABI_PATH", str(tmp_path))
    _vendors(tmp_path)

    def prints(before: str, after: str) -> tuple[str, str]:
        _run("build", before, after, machine="pc-q35-9.1", json=True)
        found = json.loads(capsys.readouterr().out)["fingerprints"]
        return found["before"], found["after"]

    first, second = prints(NEWEST, "vendor")
    assert first == second
    assert first.startswith("sha256:")
    older, newer = prints("qemu-10.0.2", "vendor")
    assert (older != newer, newer) == (True, first)


def test_what_a_vendor_added_to_a_release_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two builds of one upstream version: a property that one has alone needs no --all."""
    monkeypatch.setenv("PLATFORM_ABI_PATH", str(tmp_path))
    head = '[type."virtio-net-device"]\n'
    _vendors(tmp_path, **{head: f'{head}ours = ["bool", "on"]\n'})
    assert 1 == _run("build", NEWEST, "vendor", machine="pc-q35-9.1")
    (row,) = [line for line in capsys.readouterr().out.splitlines() if " ours " in line]
    assert ["virtio-net-device", "ours", "-", "on", "-"] == row.split()


def test_the_newest_build_that_has_both_is_taken(capsys: pytest.CaptureFixture[str]) -> None:
    """An alias means something only in a build that is named."""
    _run("machine", "pc-q35-2.4", "pc-q35-6.0", json=True)
    assert "qemu-10.0.13" == json.loads(capsys.readouterr().out)["build"]
    _run("machine", "q35", "pc-q35-7.1", build="qemu-7.2.22", json=True)
    document = json.loads(capsys.readouterr().out)
    assert ("pc-q35-7.2", "qemu-7.2.22") == (document["before"], document["build"])


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"before": "q35"}, "machine-alias"),
        ({"before": "pc-q35-99.1"}, "unknown-machine"),
        ({"before": "pc-q35-2.4", "after": "pc-q35-11.1"}, "no-common-build"),
        ({"build": "qemu-1.0"}, "unknown-build"),
        ({"arch": "sparc64"}, "unknown-architecture"),
        ({"driver": ["virtio-nt-pci"]}, "unknown-driver"),
        ({"kind": "build", "before": "qemu-10.0.2", "after": NEWEST}, "usage"),
        (
            {"kind": "build", "before": "qemu-1.0", "after": NEWEST, "machine": "q35"},
            "unknown-build",
        ),
        (
            {"kind": "build", "before": "qemu-10.0.2", "after": NEWEST, "machine": "q35"},
            "machine-alias",
        ),
    ],
)
def test_what_cannot_be_compared_is_an_error(said: dict[str, Any], code: str) -> None:
    """A name that nothing or no common build defines, and an alias that means two things."""
    with pytest.raises(pa.PlatformAbiError) as caught:
        _run(**{"kind": "machine", "before": "pc-q35-9.0", "after": "pc-q35-9.1", **said})
    assert code == caught.value.code


def test_a_changed_definition_counts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Equal definitions give the same answer twice, and others another."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.setenv("PLATFORM_ABI_PATH", str(site))

    def properties() -> set[str]:
        _run("machine", "pc-q35-9.0", "pc-q35-9.1", json=True)
        return {d["property"] for d in json.loads(capsys.readouterr().out)["differences"]}

    first = properties()
    assert first == properties()
    assert "spec_version" in first
    rules = site / "visibility" / "site.toml"
    rules.parent.mkdir(parents=True)
    rules.write_text(
        'schema = 1\n[[rule]]\nseen = "host"\ndrivers = ["sd-card", "sd-card-spi"]\n'
        'properties = ["spec_version"]\nreason = "no guest of ours has one"\n',
        encoding="utf-8",
    )
    assert first - {"spec_version"} == properties()
