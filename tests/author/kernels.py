"""A kernel's source in few lines, in every way that one lies about."""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.definitions.site import write

MAKEFILE = "VERSION = 6\nPATCHLEVEL = 2\nSUBLEVEL = 5\nEXTRAVERSION = -acme\n"

#: USO is offered and vnet headers big-endian are not; a tunnel is only spoken of.
TUN = """
/* TUN_F_UDP_TUNNEL_GSO is for later.
 */
#define TUN_FEATURES (IFF_VNET_HDR | IFF_MULTI_QUEUE)
static int set_offload(unsigned long arg)
{
	if (arg & TUN_F_CSUM && arg & (TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN | TUN_F_UFO))
		arg &= ~(TUN_F_USO4 | TUN_F_USO6); // both
	case TUNSETVNETHDRSZ:
	case TUNSETVNETLE:
}
"""

FILES = {
    "Makefile": MAKEFILE,
    "drivers/net/tun.c": TUN,
    "drivers/net/Kconfig": "config TUN\nconfig TUN_VNET_CROSS_LE\n",
    "include/uapi/linux/kvm.h": "#define KVM_CAP_XSAVE2 208\n",
    "include/uapi/linux/if_tun.h": "#define TUN_F_UDP_TUNNEL_GSO 0x80\n",
    "README": "not looked at",
}


def folder(place: Path, files: dict[str, str] | None = None) -> Path:
    """Write *files* of a kernel below *place*."""
    for name, text in (FILES if files is None else files).items():
        write(place, name, text)
    return place


def tarball(place: Path) -> Path:
    """Write the same as a tarball of a source is made: all of it in one folder."""
    path = place / "linux-source-6.2.tar.xz"
    with tarfile.open(path, "w:xz") as archive:
        for name, text in FILES.items():
            member = tarfile.TarInfo(f"linux-source-6.2/{name}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return path


def repository(place: Path) -> Path:
    """Commit the same, tag it, and take the driver away again in what is checked out."""
    if shutil.which("git") is None:
        pytest.skip("there is no git")
    folder(place)
    who = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    for words in (
        ("init", "-q"),
        ("add", "."),
        (*who, "commit", "-q", "-m", "a"),
        ("tag", "v6.2"),
        ("rm", "-q", "drivers/net/tun.c"),
        (*who, "commit", "-q", "-m", "b"),
    ):
        subprocess.run(["git", "-C", str(place), *words], check=True)
    return place
