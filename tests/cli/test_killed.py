"""Whoever is killed while a QEMU is being started for it leaves none behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

import platform_abi as pa
from platform_abi.emit.lockfile import lockfile
from platform_abi.files import write_text
from tests.qemu.programs import eventually, running, script, token
from tests.resolver.shipped import machine_with_nics

#: How many are killed for each command and signal, at moments spread over the whole of a start.
_KILLS = int(os.environ.get("PLATFORM_ABI_KILLS", "4"))

#: How long a wrapper takes before it becomes what it wraps, in seconds.
_PAUSE = 0.2

#: What every verb that starts a QEMU does so with; {} is the QEMU.
_COMMANDS = {
    "verify": "platform_abi verify --start --qemu {} vm.lock",
    "verify with words": "platform_abi verify --start --qemu {} vm.lock -- -M pc-q35-9.1",
    "rehearse": "platform_abi rehearse vm.lock --qemu {} --to-qemu {}",
    "rehearse words": "platform_abi rehearse --qemu {} --to-qemu {} -- -M pc-q35-9.1",
    "launcher": "platform_abi.cli.qemu_platform --qemu {} -M pc-q35-9.1 -accel kvm "
    "-netdev user,id=n -device virtio-net-pci,netdev=n -platform linux-6.9",
    "host": "platform_abi host --qemu {}",
    "host with oracle": "platform_abi host --oracle --qemu {}",
    "import": "platform_abi import-qemu {}",
    "audit": "platform_abi audit-qemu {}",
}

#: A module as a program, also one that is installed as a script of its own.
_PROGRAM = """
import importlib, sys
module = importlib.import_module(sys.argv.pop(1))
sys.exit(module.entry() if hasattr(module, "entry") else importlib.import_module(
    f"{module.__name__}.cli").entry())
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("command", _COMMANDS)
def test_no_qemu_outlives_who_started_it(
    catalogue: pa.FileCatalogue, tmp_path: Path, command: str, number: int
) -> None:
    """A wrapper that is slow to become QEMU ends too, before and after it has."""
    vm = machine_with_nics(catalogue, "pc-q35-9.1", "user", accelerator="tcg")
    write_text(tmp_path / "vm.lock", lockfile(catalogue, pa.resolve(catalogue, vm, "linux-6.9")))
    word = token()
    wrapper = script(tmp_path, f"sleep {_PAUSE}; exec sleep {word}")
    words = _COMMANDS[command].replace("{}", wrapper).split()

    begun = 0
    for step in range(_KILLS):
        with subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, *words],
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        ) as caller:
            if step % 2:  # while the wrapper waits, and when it has become another
                begun += eventually(partial(_anything, wrapper, word, caller.pid))
                time.sleep(step / _KILLS * 2 * _PAUSE)
            else:  # while nobody has started yet
                time.sleep(step / _KILLS)
            os.kill(caller.pid, number)
            caller.wait()
        time.sleep(_PAUSE)
        assert eventually(lambda: not _left(wrapper, word)), (step, _left(wrapper, word))
    assert begun, "no QEMU was ever started"


def _left(wrapper: str, word: str, *, but: int = 0) -> list[str]:
    """Return what runs of a start, besides the process *but*."""
    return [each for each in (*running(wrapper), *running(word)) if not each.startswith(f"{but}:")]


def _anything(wrapper: str, word: str, but: int) -> bool:
    return bool(_left(wrapper, word, but=but))
