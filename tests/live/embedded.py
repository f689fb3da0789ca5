"""libvirts whose driver of QEMU runs inside of virsh, in a folder of its own (``qemu:///embed``).

No daemon is started and nothing of this host's libvirt is touched. The host's own is one of them,
others are what ``tests/live/install-libvirt FOLDER`` has put into ``$PLATFORM_ABI_LIVE_LIBVIRT``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

#: No account, security driver, cgroup or log daemon of this host's has a part in it. A QEMU has a
#: /dev of its own, as libvirt gives it where nobody says otherwise.
CONFIGURATION = """
user = "root"
group = "root"
security_driver = "none"
cgroup_controllers = []
namespaces = ["mount"]
remember_owner = 0
stdio_handler = "file"
"""

#: Versions besides the host's own.
VERSIONS = ("11.3", "12.8")


def program(version: str) -> str | None:
    """Return the virsh of libvirt *version*, of the host's own where it is empty; None: none."""
    if not version:
        return shutil.which("virsh")
    folder = os.environ.get("PLATFORM_ABI_LIVE_LIBVIRT")
    path = Path(folder or "/nonexistent", "bin", f"virsh-{version}")
    return str(path) if os.access(path, os.X_OK) else None


def prepare(folder: Path) -> None:
    """Make *folder* one that a libvirt can run in."""
    (folder / "root" / "etc").mkdir(parents=True)
    (folder / "root" / "etc" / "qemu.conf").write_text(CONFIGURATION)


def virsh(program: str, folder: Path, *commands: str) -> subprocess.CompletedProcess[str]:
    """Return what virsh says to *commands*, one connection for all of them."""
    return subprocess.run(
        [program, "-q", "-c", f"qemu:///embed?root={folder / 'root'}", ";".join(commands)],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
        env={**os.environ, "LC_ALL": "C"},
    )
