"""Which modules of QEMU are this host's, and none of a QEMU that a script brings along.

A QEMU goes on to the folder that was built into it for a module that ``QEMU_MODULE_DIR`` does not
have (util/module.c, module_load), and started through a dynamic loader it does not look for that
folder beside itself (util/cutils.c, get_relocated_path). Then it is this host's, with the modules
of another build, and loading one ends the process: each adds to a list that has to be empty.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from platform_abi.files import read_bytes

#: Where distributions put the modules of the QEMU that they install, and below which folders of
#: architectures.
_FOLDERS = ("/usr/lib/qemu", "/usr/lib64/qemu", "/usr/lib64/qemu-kvm")
_LIBRARIES = "/usr/lib"

#: What a script says that brings a QEMU with a root of its own: which modules are its, or by which
#: loader it is started (ld.so(8)).
_OWN_ROOT = re.compile(rb"QEMU_MODULE_DIR|--library-path|/ld(?:64)?(?:-[\w.-]*)?\.so")

#: A script that starts a QEMU is shorter than this; what is longer is a program. In bytes.
_LONGEST = 64 * 1024


def foreign_modules(program: str) -> list[str]:
    """Return the folders of this host whose modules are not those of the QEMU of *program*.

    None for a program, which finds its own, and for a script that starts this host's QEMU or says
    itself that it uses such a folder.
    """
    folders = sorted(_folders())
    if not folders:
        return []
    try:
        script = read_bytes(program, _LONGEST)
    except OSError:
        return []
    if not script.startswith(b"#!") or len(script) > _LONGEST or not _OWN_ROOT.search(script):
        return []
    return [folder for folder in folders if folder.encode() not in script]


def _folders() -> Iterator[str]:
    try:
        triplets = os.listdir(_LIBRARIES)  # noqa: PTH208 - start-up time
    except OSError:
        triplets = []
    # Debian's multiarch: x86_64-linux-gnu.
    names = [f"{_LIBRARIES}/{name}/qemu" for name in triplets]
    yield from (each for each in (*_FOLDERS, *names) if os.path.isdir(each))  # noqa: PTH112 - as above
