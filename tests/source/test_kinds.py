"""What a text is, by what it says: one place decides, and says of what is nothing what would be."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.emit.lockfile import lockfile
from platform_abi.source.kinds import Kind, kind_of
from tests.conftest import DEFINITIONS
from tests.launch.lines import CORPUS
from tests.resolver.shipped import machine_with_nics

_BLANK = st.text(" \n\t\r", max_size=3)


@given(words=st.sampled_from(CORPUS), before=_BLANK, log=st.booleans())
def test_a_command_line_is_one(words: list[str], before: str, log: bool) -> None:
    """With a program and variables before it or without, as a process has it too."""
    line = (" \\\n" if log else " ").join(map(shlex.quote, words))
    for head in ("", "A=1 qemu-system-x86_64 ", "LC_ALL=C \\\nqemu-system-x86_64 "):
        assert "command-line" == kind_of(f"{before}{head}{line}", "a")
    assert "command-line" == kind_of("\0".join(["kvm", *words, ""]), "a")
    # Words of one that are in themselves what else there is.
    assert "command-line" == kind_of("\0".join(["schema=1", "kvm", *words, ""]), "a")
    assert "command-line" == kind_of(f"""kvm {line} -blockdev '{{"schema": 1}}'""", "a")


def test_a_lockfile_is_one(catalogue: pa.FileCatalogue) -> None:
    """Also behind a comment, of an older schema, and in what is left of it when it is cut."""
    vm = machine_with_nics(catalogue, "pc-q35-9.1", "tap")
    text = lockfile(catalogue, pa.resolve(catalogue, vm, "linux-6.9"))
    for each in (text, f"# mine\n\n{text}", text[:40], "schema=1\n", "[vm]\n", "[[settings]]\n"):
        assert "lockfile" == kind_of(each, "a")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("<domain/>", "domain-xml"),
        ("\ufeff\n<?xml version='1.0'?>\n<!-- -device -->\n<domain/>", "domain-xml"),
        ("<html>", "domain-xml"),
        ("boot: order=scsi0\nargs: -device x\n", "qm-conf"),
        ("#a description -with -dashes\n#schema = 1\ncores: 4\n", "qm-conf"),
        ("net0: virtio=AA\n", "qm-conf"),
    ],
)
def test_what_else_there_is(text: str, kind: Kind) -> None:
    """By its first line that is no comment."""
    assert kind == kind_of(text, "a")


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("", "source-empty", "nothing is in it"),
        (" \n\0", "source-empty", "nothing is in it"),
        ("hello world", "source-unknown", "it begins with 'hello world'"),
        ("\x1b[2J\n", "source-unknown", "\\\\x1b[2J"),
        ('{"schema_version": 1, "facts": []}', "source-unknown", "a document of a host"),
        ('{"facts": []}', "source-unknown", "it begins with '{"),
    ],
)
def test_what_is_nothing_of_the_kind_is_said(text: str, code: str, said: str) -> None:
    """With what it begins with, none of which steers a terminal, and what would be taken."""
    with pytest.raises(pa.UsageError) as caught:
        kind_of(text, "vm.txt")
    assert code == caught.value.code
    assert caught.value.message.startswith("vm.txt: ")
    assert said in caught.value.message
    assert "virsh dumpxml" in caught.value.help


def test_definitions_are_read(catalogue: pa.FileCatalogue) -> None:
    """A definition file is no virtual machine, and whoever reads it as a lockfile says so."""
    text = (DEFINITIONS / "options" / "qemu.toml").read_text()
    with pytest.raises(pa.LockError):
        pa.read_lock(text, "qemu.toml", catalogue=catalogue)
    assert "lockfile" == kind_of(text, "a")
