"""Command lines that people really have: of libvirt's and Proxmox VE's, kept beside this checkout.

They are others' and no part of this project: where they are not, these tests are skipped. To read
all of them takes some ten seconds, for they are of six architectures.
"""

from __future__ import annotations

import zlib
from functools import lru_cache
from pathlib import Path

import pytest

import platform_abi as pa
from platform_abi.emit.lock_reading import read_lock
from platform_abi.emit.lockfile import lockfile
from platform_abi.source.reading import unread_of
from tests.conftest import DEFINITIONS

_FOLDER = Path(__file__).parents[3] / "shared" / "corpus"
_LINES = sorted(_FOLDER.glob("*.args"))

#: Aliases are the newest build's; as many of the lines make a lockfile as is quick.
_BUILD = "qemu-11.1.3"
_LOCKED = 12

#: What nobody could take: no QEMU that is known is of that architecture.
_REFUSED = {"unknown-architecture"}

#: What is put into every line as a secret.
_SECRET = "do-not-keep-7c41"

CATALOGUE = pa.FileCatalogue([DEFINITIONS])

pytestmark = pytest.mark.skipif(not _LINES, reason=f"{_FOLDER} is not here")


@lru_cache(maxsize=1)
def _read() -> dict[str, pa.VmReading]:
    """Return what is read of each line that can be; raises whatever is no error of ours."""
    found = {}
    for file in _LINES:
        text = file.read_text(encoding="utf-8").rstrip()
        words = f"{text} -object secret,id=s9,data={_SECRET} -iscsi password={_SECRET}"
        arch = file.name.split(".")[-2]
        try:
            found[file.name] = pa.from_command_line(CATALOGUE, words, arch=arch)
        except pa.PlatformAbiError as error:
            if error.code == "machine-alias":
                read = pa.from_command_line(CATALOGUE, words, arch=arch, build=_BUILD)
                found[file.name] = read
            elif error.code not in _REFUSED:
                raise
    return found


def test_all_but_a_few_are_read() -> None:
    """Of no machine that a QEMU has is nothing said; what is unread is so in the machine too."""
    read = _read()
    assert len(read) >= len(_LINES) - 2
    for name, each in read.items():
        assert {unread.what for unread in each.unread} == set(unread_of(each.vm)), name


def test_nothing_that_is_read_of_them_is_a_secret() -> None:
    """Neither of the machine, nor of what is unread and remarked."""
    assert _SECRET not in repr([(r.vm, r.unread, r.remarks) for r in _read().values()])


def test_a_lock_of_a_lock_is_the_same() -> None:
    """To the byte, and with the same digest: of a dozen that their names choose."""
    # What a board without a version is follows from a build, which these lines do not name.
    versioned = [name for name, read in _read().items() if "." in read.vm.machine]
    chosen = sorted(versioned, key=lambda name: zlib.crc32(name.encode()))[:_LOCKED]
    for name in chosen:
        read = _read()[name]
        abi = pa.resolve(CATALOGUE, read.vm, "linux-6.1", hotplug=True)
        text = lockfile(CATALOGUE, abi)
        stored = read_lock(text, name, catalogue=CATALOGUE)
        assert lockfile(CATALOGUE, stored) == text, name
        assert pa.abi_digest(abi) == pa.abi_digest(stored), name
        assert _SECRET not in text
