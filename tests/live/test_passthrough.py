"""What passes for a question never starts a guest, whatever the QEMU."""

from __future__ import annotations

import itertools
import shlex
from pathlib import Path

import pytest

from platform_abi.launch.passthrough import LISTING, passes_through
from platform_abi.qemu.stdio_qmp import Qmp, QmpError
from tests.launch.test_passthrough import NOT_ASKING

pytestmark = pytest.mark.live

#: What an option can be given that has something to do with help; ``{}`` is one of its values.
_FORMS = ("help", "?", "{},help", "{},?", "{},id=help", "{},id=a,,help", "id=help,{}", "{}")

#: For each option a value that it takes, keys included.
_VALUES = {
    "M": "pc", "accel": "tcg", "audio": "none", "audiodev": "none,id=a0", "chardev": "null,id=c0",
    "cpu": "qemu64", "d": "in_asm", "device": "virtio-rng-pci", "display": "none",
    "drive": "file=/dev/null,if=none,format=raw", "machine": "pc", "net": "none",
    "netdev": "user,id=n0", "nic": "user", "object": "rng-random,id=r0",
    "soundhw": "hda", "tpmdev": "passthrough,id=t0", "trace": "enable=x", "vga": "none",
    "watchdog": "i6300esb",
}  # fmt: skip


def _starts(qemu: Path, words: list[str]) -> bool:
    """Return whether *qemu* starts a machine with *words*."""
    machine = [] if {"-M", "-machine", "--version"} & set(words) else ["-M", "pc"]
    bare = [*machine, "-nodefaults", "-no-user-config", "-serial", "none", "-monitor", "none"]
    try:
        with Qmp(str(qemu), [*bare, *words], timeout=60) as qmp:
            machines = qmp.execute("qom-list-types", implements="machine")
            none = qmp.execute("qom-get", path="/machine", property="type") == "none-machine"
            return bool(machines) and not none
    except QmpError as error:
        return error.code != "qemu-failed"


def test_what_passes_through_starts_no_machine(qemu: Path) -> None:
    """Every option that lists something, in every way that help can stand in its argument."""
    passed = []
    for option, form in itertools.product(LISTING, _FORMS):
        keyed = [f"{key}={word}" for key in LISTING[option] for word in ("help", "?")]
        for text in (form.format(_VALUES[option]), *(keyed if form == "help" else ())):
            words = [f"-{option}", text]
            if passes_through(words):
                passed.append(words)
                assert not _starts(qemu, words), words
    assert {word for word, _ in passed} == {f"-{option}" for option in LISTING}


def test_what_starts_a_machine_does_not_pass_through(qemu: Path) -> None:
    """Arguments that only look like a question are started by QEMU, with their platform."""
    started = [text for text in NOT_ASKING if _starts(qemu, shlex.split(text))]
    assert {"-drive file=help,if=virtio", "-netdev user,id=help", "-M none -M q35"} & set(started)
    assert all(not passes_through(shlex.split(text)) for text in started)


@pytest.mark.parametrize("text", ["-M none", "-machine none,accel=tcg", "-M pc -machine none"])
def test_no_machine_is_none(qemu: Path, text: str) -> None:
    """The last that is named is the one."""
    assert passes_through(shlex.split(text))
    assert not _starts(qemu, shlex.split(text))
