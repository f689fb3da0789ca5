"""The output of the command line, byte for byte.

``PLATFORM_ABI_UPDATE_GOLDEN=1 pytest tests/golden`` writes the files anew; read the difference
before committing it: a released platform must not change.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import platform_abi as pa
from platform_abi.resolver.identified import identified
from tests.conftest import PACKAGES

EXPECTED = Path(__file__).parent / "expected"
ROOT = Path(__file__).parents[2]
UPDATE = os.environ.get("PLATFORM_ABI_UPDATE_GOLDEN") == "1"

_NIC = "--device virtio-net-pci,netdev=n0,id=nic0"
_USO = f"--machine pc-q35-9.1 {_NIC} --netdev tap,id=n0 --cpu EPYC-v4,vendor=AuthenticAMD"
_MIXED = (
    f"--machine pc-q35-10.2,smm=off {_NIC} --netdev tap,id=n0,vhost=on"
    " --device virtio-net-pci,netdev=n1,host_uso=on --netdev user,id=n1"
    " --global virtio-net-device.guest_ufo=off --cpu host"
)

_HOSTS = "tests/captures/constructed"
_MASKS = "'Features 0x1c0010130afffaf unsupported. Allowed features: 0x10179bfffef'"

#: File -> command line, run in this repository. stdout, stderr and exit code are what is kept.
CASES = {
    "resolve-uso-6.1.txt": f"resolve {_USO} --platform linux-6.1",
    "resolve-uso-6.9.txt": f"resolve {_USO} --platform linux-6.9",
    "resolve-uso-8.1.txt": f"resolve {_USO.replace('9.1', '8.1')} --platform linux-6.9",
    "resolve-mixed.txt": f"resolve {_MIXED} --platform linux-6.17@2026.1",
    "resolve-mixed-shell.txt": f"resolve {_MIXED} --platform linux-6.17@2026.1 --format shell",
    "resolve-mixed.json": f"resolve {_MIXED} --platform linux-6.17@2026.1 --json",
    "resolve-mixed.lock": f"resolve {_MIXED} --platform linux-6.17@2026.1 --format lock",
    "resolve-no-devices.txt": "resolve -M pc-i440fx-9.1 --accel tcg --platform conservative",
    "resolve-rhel.cfg": f"resolve -M pc-q35-9.1 {_NIC} --netdev tap,id=n0"
    " --platform linux-rhel-9.5 --format readconfig",
    "explain-uso.txt": f"explain virtio-net-pci.host_uso {_USO} --platform linux-6.9@2026.1"
    " --global virtio-net-device.host_uso=off",
    "explain-uso.json": f"explain virtio-net-pci.host_uso {_MIXED}"
    " --platform linux-6.17@2026.1 --json",
    "explain-compat.txt": f"explain virtio-net-pci.host_uso {_USO.replace('9.1', '8.1')}"
    " --platform linux-6.9@2026.1",
    "platforms-linux-6.9.txt": "platforms linux-6.9@2026.1",
    "platforms-linux-rhel-9.5.json": "platforms linux-rhel-9.5@2026.1 --json",
    "platforms-names.txt": "platforms --names",
    "diff-platform.txt": "diff platform linux-6.1 linux-6.2",
    "diff-platform.json": "diff platform linux-5.14 linux-rhel-9.5 --json",
    "error-strict.txt": f"resolve {_MIXED} --platform linux-6.1@2026.1 --strict",
    "error-unknown.txt": f"resolve {_USO} --platform linux-6.99",
    "platforms-host.txt": f"platforms --host {_HOSTS}-debian-12.json",
    "platforms-host-one.txt": f"platforms linux-6.2@2026.1 --host {_HOSTS}-debian-12.json",
    "platforms-host-one.json": f"platforms linux-6.2@2026.1 --host {_HOSTS}-debian-12.json --json",
    "check-migration.txt": f"check {_USO} --platform linux-6.8@2026.1"
    f" --from {_HOSTS}-ubuntu-24.04.json --to {_HOSTS}-debian-12.json",
    "check-start.json": f"check {_USO} --platform linux-6.8@2026.1"
    f" --host {_HOSTS}-debian-12.json --json",
    "baseline.txt": f"baseline --edition 2026.1 {_HOSTS}-debian-12.json {_HOSTS}-ubuntu-24.04.json"
    f" {_HOSTS}-rhel-9.5.json",
    "diff-host.txt": f"diff host {_HOSTS}-debian-12.json {_HOSTS}-debian-13.json",
    "explain-error.txt": f"explain-error {_MASKS}",
    "error-unknown.json.txt": f"resolve {_USO} --platform linux-6.99 --json",
}

#: Nothing of these may show in the output.
ENVIRONMENTS = {
    "seed-1-C": {"PYTHONHASHSEED": "1", "LC_ALL": "C", "TZ": "Pacific/Kiritimati"},
    "seed-2-utf-8": {"PYTHONHASHSEED": "2", "LC_ALL": "C.UTF-8", "TZ": "America/Adak"},
}

#: Runs every command of argv[1], a line each, in one process, with a cold and empty catalogue each.
_RUNNER = """
import contextlib, io, shlex, sys
from platform_abi.cli import main
for line in sys.stdin.read().splitlines():
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(shlex.split(line))
    sys.__stdout__.write(repr((code, out.getvalue(), err.getvalue())) + "\\n")
"""


def _kept(code: int, out: str, err: str) -> str:
    """Return what a golden file holds: the output, and the rest where there is any."""
    rest = "".join(f"stderr: {line}\n" for line in err.splitlines())
    return out + rest + (f"exit code {code}\n" if code else "")


@pytest.fixture(scope="module", params=sorted(ENVIRONMENTS))
def outputs(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """Return what each command prints in one environment."""
    import ast

    home = tmp_path_factory.mktemp("home")
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "HOME": str(home),
        "PYTHONPATH": PACKAGES,
        "COLUMNS": "31",
        **ENVIRONMENTS[request.param],
    }
    done = subprocess.run(
        [sys.executable, "-c", _RUNNER],
        input="\n".join(CASES.values()),
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=environment,
        cwd=ROOT,
        check=True,
    )
    results = map(ast.literal_eval, done.stdout.splitlines())
    return {name: _kept(*result) for name, result in zip(CASES, results, strict=True)}


@pytest.mark.parametrize("name", sorted(CASES))
def test_the_output_is_the_same_everywhere_to_the_byte(outputs: dict[str, str], name: str) -> None:
    """Hash seed, locale, time zone and terminal width change nothing, nor did any code."""
    path = EXPECTED / name
    if UPDATE:
        path.write_bytes(outputs[name].encode())
    assert path.read_bytes().decode() == outputs[name]


def test_no_file_is_left_over() -> None:
    """Every golden file is somebody's expected output."""
    assert sorted(CASES) == sorted(path.name for path in EXPECTED.iterdir())


#: What ids of stand in a document under a key of their own, and in a line in a place of their own.
_ID_KEYS = {"code", "feature", "capability", "platform", "because", "newest"}
_IDS = re.compile(
    r"^ *(?:blocked|warn) +([a-z-]+):|error\[([a-z-]+)\]|feature ([a-z0-9.-]+):"
    r"|needs ([a-z0-9-]+\.[a-z0-9.-]+),|^ +([a-z]+[.][a-z0-9.-]+)  (?:absent|unknown|present)"
    r"|^(linux-[a-z0-9.-]+|(?:virtio-net|kvm|x86-cpu)\.[a-z0-9.-]+)(?: |$)",
    re.MULTILINE,
)


def _ids(value: object, key: str = "") -> Iterator[str]:
    """Yield each id in a document."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _ids(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from _ids(inner, key)
    elif isinstance(value, str) and key in _ID_KEYS and value:
        yield value


def test_whatever_id_is_printed_can_be_asked_about(catalogue: pa.FileCatalogue) -> None:
    """Codes, features, capabilities, platforms: in lines and in documents."""
    printed: set[str] = set()
    for name in CASES:
        text = (EXPECTED / name).read_text(encoding="utf-8")
        if name.endswith(".json"):
            document, _ = json.JSONDecoder().raw_decode(text)
            printed |= {*_ids(document)}
        else:
            printed |= {each for match in _IDS.findall(text) for each in match if each}
    assert len(printed) > 60
    for each in sorted(printed):
        assert identified(catalogue, each), each


@pytest.mark.parametrize("name", ["resolve-mixed.txt", "platforms-linux-6.9.txt"])
def test_a_process_of_its_own_prints_the_same(name: str, tmp_path: Path) -> None:
    """What main() says in one process is what the program prints."""
    done = subprocess.run(
        [sys.executable, "-m", "platform_abi", *shlex.split(CASES[name])],
        capture_output=True,
        env={"HOME": str(tmp_path), "LC_ALL": "C", "PYTHONPATH": PACKAGES},
        cwd=tmp_path,
        check=False,
    )
    found = _kept(done.returncode, done.stdout.decode(), done.stderr.decode())

    assert (EXPECTED / name).read_bytes().decode() == found
