"""How much work it is to say what helps where a migration is blocked.

    .venv/bin/python bench/remedy.py

Counted are the calls of Python functions, and how often the next one is of another file than the
one before, in ``check_migration`` of one virtual machine between a host that has everything and
the host of a capture, which lacks what the platform asks for. Counts are the same on every
machine, whatever else it does. Definitions are read first: how long that takes is another bench.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import platform_abi as pa
from platform_abi.model.memo import forget

_HOST = Path(__file__).parents[1] / "tests/captures/this-host.json"
#: A tenth of what the verb took when every candidate was resolved, by fewer definitions: 104 652.
_GOAL = 10465


class _Counter:
    """Counts calls of functions, and changes of the file that the called function is of."""

    def __init__(self) -> None:
        self.calls = 0
        self.switches = 0
        self._file = ""

    def __call__(self, frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            self.calls += 1
            file = frame.f_code.co_filename
            self.switches += file != self._file
            self._file = file


def _count(question: Callable[[], object]) -> _Counter:
    counter = _Counter()
    sys.setprofile(counter)
    try:
        question()
    finally:
        sys.setprofile(None)
    return counter


def main() -> None:
    """Print how many calls and switches a blocked migration costs."""
    catalogue = pa.load_catalogue()
    vm = pa.virtual_machine(
        catalogue.devices(),
        "pc-q35-9.1",
        devices=["virtio-net-pci,netdev=n0,id=net0", "virtio-blk-pci,id=disk0"],
        netdevs=["tap,id=n0,vhost=on"],
    )
    abi = pa.resolve(catalogue, vm, "linux-6.9")
    poor = pa.read_report(_HOST.read_bytes(), _HOST.name)
    rich = pa.HostReport(
        facts={name: pa.Fact(state="present", source="ioctl") for name in catalogue.capabilities()},
        system=poor.system,
        arch=poor.arch,
    )
    check = pa.check_migration
    # Reads every definition that the question is about; what follows from them is worked out anew.
    check(catalogue, abi, rich, poor)
    forget(catalogue)
    verdicts = []
    counter = _count(lambda: verdicts.append(check(catalogue, abi, rich, poor)))
    (verdict,) = verdicts
    print(f"a migration that is {verdict.status}")
    reached = "reached" if counter.calls <= _GOAL else "not reached"
    print(
        f"  {counter.calls} calls, at most {_GOAL}: {reached}; {counter.switches} from file to file"
    )


if __name__ == "__main__":
    main()
