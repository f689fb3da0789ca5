"""``resolve --format libvirt`` takes a domain's XML and gives it, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

import platform_abi as pa
from platform_abi.cli import main
from platform_abi.source.domain_schema import schema_faults
from tests.emit.domains import BUILD, KINDS, domain

LABELS = ("net0", "ua-lan", "virtio-disk0", "balloon0", "rng0")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a file with a domain."""
    path = tmp_path / "vm.xml"
    path.write_text(domain(LABELS))
    return path


def _given(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(["resolve", *words, "--format", "libvirt"])
    out, err = capsys.readouterr()
    return code, out, err


def test_twice_gives_the_same_bytes(capsys: pytest.CaptureFixture[str], file: Path) -> None:
    """What is in it is read as what the user says, and nothing is left to be said."""
    words = ("--platform", "linux-6.9", "--build", BUILD)
    code, once, _ = _given(capsys, str(file), *words)
    assert 0 == code
    assert once != file.read_text()
    assert KINDS["net0"].element.splitlines()[2] in once  # a comment
    file.write_text(once)
    assert (0, once) == _given(capsys, str(file), *words)[:2]


def test_it_is_the_same_virtual_machine_with_the_platforms_values(
    catalogue: pa.FileCatalogue, capsys: pytest.CaptureFixture[str], file: Path
) -> None:
    """Read again, it has each setting that was resolved for it: whatever platform is named."""
    first = pa.resolve(
        catalogue, pa.from_domain_xml(catalogue, file.read_text(), build=BUILD).vm, "linux-6.1"
    )
    text = _given(capsys, str(file), "--platform", "linux-6.1", "--build", BUILD)[1]
    read = pa.from_domain_xml(catalogue, text, build=BUILD).vm
    again = pa.resolve(catalogue, read, "linux-6.9")
    properties = {
        (device.driver, name): value for device in read.devices for name, value in device.properties
    }
    said = {(g.driver, g.property): g.value for g in read.globals}
    said |= {("x86_64-cpu", name): value for name, value in read.cpu_properties}
    said |= {("machine", name): value for name, value in read.machine_options}
    for setting in (s for s in first.settings if s.layer == "platform" and s.device is None):
        key = (setting.driver, setting.property)
        found = said.get(key) or next(
            (value for (_, name), value in properties.items() if name == setting.property), None
        )
        assert setting.value == found, key
    assert [] == [s for s in again.settings if s.layer == "platform"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--machine", "pc-q35-9.1", "--platform", "linux-6.9"), "for the domain of a source"),
        (("VM", "--platform", "linux-6.9", "--json"), "for the domain of a source"),
        (("VM", "--platform", "linux-6.9", "--libvirt", "new"), "not a version of libvirt"),
    ],
)
def test_what_it_is_not_for_is_said(
    capsys: pytest.CaptureFixture[str], file: Path, words: tuple[str, ...], says: str
) -> None:
    """Nothing is printed then."""
    code, out, err = _given(capsys, *(str(file) if word == "VM" else word for word in words))
    assert (2, "") == (code, out)
    assert says in err


def test_a_command_line_is_no_domain(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """There is no XML that could be given."""
    path = tmp_path / "vm.args"
    path.write_text("qemu-system-x86_64 -machine pc-q35-9.1 -nodefaults\n")
    code, _, err = _given(capsys, str(path), "--platform", "linux-6.9")
    assert 2 == code
    assert "no domain of libvirt's" in err


def test_what_the_schema_here_does_not_take_is_refused(
    capsys: pytest.CaptureFixture[str], file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the libvirt that is installed took the domain before, and lxml is here to ask."""
    pytest.importorskip("lxml")
    schema = file.parent / "domain.rng"
    schema.write_text(
        '<grammar xmlns="http://relaxng.org/ns/structure/1.0"><start><element name="domain">'
        '<ref name="inner"/></element></start><define name="inner"><zeroOrMore><choice>'
        "<attribute><anyName/></attribute><text/><element><anyName><except>"
        '<name ns="http://libvirt.org/schemas/domain/qemu/1.0">override</name></except></anyName>'
        '<ref name="inner"/></element></choice></zeroOrMore></define></grammar>'
    )
    monkeypatch.setattr(schema_faults, "__defaults__", (schema,))
    code, out, err = _given(capsys, str(file), "--platform", "linux-6.9", "--build", BUILD)
    assert (2, "") == (code, out)
    assert "libvirt-schema" in err
