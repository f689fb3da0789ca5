"""What tests of the probe share: constructed capabilities, other ways to start it, other hosts."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import pytest

from platform_abi.host.document import read_report
from platform_abi.model.capability import Capability, Probe
from platform_abi.model.host import HostReport

ROOT = Path(__file__).parents[2]

#: What the caller of a probe does, in a process of its own.
_PROBE = f"""
import sys
sys.path[:0] = {[str(ROOT / "src"), str(Path(attrs.__file__).parents[1])]!r}
import platform_abi as pa
from platform_abi.host.document import report_line
from platform_abi.host.probe import probe
catalogue = pa.FileCatalogue([{str(ROOT / "definitions")!r}])
sys.stdout.write(report_line(probe(catalogue.capabilities())))
"""

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may do this")
needs_kvm = pytest.mark.skipif(not os.access("/dev/kvm", os.W_OK), reason="cannot open /dev/kvm")
needs_tun = pytest.mark.skipif(
    os.geteuid() != 0 or not Path("/dev/net/tun").exists(), reason="cannot make a tap"
)


def capability(
    name: str, method: str, node: str = "", request: int = 0, argument: int = 0
) -> Capability:
    """Return a capability that is probed so."""
    asked = Probe(method=method, node=node, request=request, argument=argument)
    return Capability(id=name, title=name, subsystem="test", symbol="REQUEST", probe=asked)


def catalogued(*capabilities: Capability) -> dict[str, Capability]:
    """Return *capabilities* by name."""
    return {capability.id: capability for capability in capabilities}


def probed_under(*command: str, python: str = sys.executable) -> HostReport:
    """Return what a probe finds that *command*, with a program and its arguments added, starts."""
    if shutil.which(command[0]) is None:
        pytest.skip(f"no {command[0]} on PATH")
    able = subprocess.run([*command, "true"], capture_output=True, timeout=60, check=False)
    if able.returncode != 0:
        pytest.skip(f"{command[0]} cannot do that here: {able.stderr.decode().strip()}")
    done = subprocess.run(
        [*command, python, "-B", "-c", _PROBE],
        capture_output=True,
        timeout=60,
        check=False,
        cwd="/",
    )
    assert (done.returncode, done.stderr) == (0, b""), done.stderr.decode()
    return read_report(done.stdout, "the probe")


def wrapper(path: Path, *lines: str, interpreter: str = "/bin/sh") -> str:
    """Write a program that stands for the Python that probes; ``$@`` is what Python is given."""
    path.write_text("\n".join((f"#!{interpreter}", *lines, "")))
    path.chmod(0o755)
    return str(path)


def in_group(pgid: int) -> list[int]:
    """Return the processes of a process group that still run."""
    return [pid for pid, group, state in _processes() if group == pgid and state not in "ZX"]


def _processes() -> Iterator[tuple[int, int, str]]:
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, _, group = (folder / "stat").read_text().rpartition(") ")[2].split()[:3]
        except OSError:
            continue
        yield int(folder.name), int(group), state


def names(folder: str, start: str = "") -> set[str]:
    """Return what is in *folder* and is called so."""
    return {path.name for path in Path(folder).iterdir() if path.name.startswith(start)}


def children() -> set[int]:
    """Return the children of this process, dead ones that nobody waited for included."""
    own = os.getpid()
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = (folder / "stat").read_text().rpartition(") ")[2].split()[1]
        except OSError:
            continue
        if int(parent) == own:
            found.add(int(folder.name))
    return found


def eventually(holds: Callable[[], bool]) -> bool:
    """Return whether *holds* within five seconds: kernels take some things away a little later."""
    import time

    until = time.monotonic() + 5
    while not holds():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True
