"""What other processes do with a store while a test has it."""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path

from platform_abi.errors import HostError
from platform_abi.inventory.store import Store
from tests.inventory.fleets import fleet_of, reports

__all__ = ["Path", "die", "fill", "hold"]


def hold(path: Path) -> None:
    """Have the store open for writing until stdin is closed."""
    with Store.open(path, write=True):
        _tell("ready")
        sys.stdin.read()


def die(path: Path) -> None:
    """Be gone in the middle of a transaction."""
    with Store.open(path, write=True) as store, store._writing():
        store._connection.execute("insert into host_change (since, name) values (now(), 'x')")
        os._exit(9)


def fill(path: Path) -> None:
    """Record more than fits where no file may grow by much, and tell how that ends."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 65536,) * 2)
    many = {f"host-{number}": number % len(reports()) for number in range(100_000)}
    try:
        with Store.open(path, write=True) as store:
            store.record_hosts(fleet_of(many))
    except HostError as error:
        _tell(error.code)
    else:
        _tell("kept")


def _tell(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()
