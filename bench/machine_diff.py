"""How fast two machine types are compared from shipped data, against asking a QEMU.

    PLATFORM_ABI_LIVE_QEMU=FOLDER .venv/bin/python bench/machine_diff.py

Both are whole processes, interleaved in one run, and print the same rows. The process that asks
starts a QEMU without a machine and takes the same table from it: machine types with their compat
properties, types with what implements each, and the properties of every device, as QEMU's own
scripts/compare-machine-types.py expands them. A second one asks no more than the two machine types
need.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.installed import in_turn

_RUNS = 15
_GOAL = 20
_PYTHON = sys.executable
_CLI = [str(Path(_PYTHON).with_name("platform-abi"))]
_BINARY = "bin/qemu-system-x86_64-11.1"
_PAIRS = (("pc-q35-9.0", "pc-q35-9.1"), ("pc-q35-6.0", "pc-q35-11.1"))


def ask(binary: str, before: str, after: str, *, whole: bool) -> dict[str, list[Any]]:
    """Return what differs between two machine types of a QEMU, with both values."""
    from platform_abi.qemu.stdio_qmp import Qmp, QmpCommandError

    with Qmp(binary, ["-machine", "none", "-nodefaults"], timeout=60) as qemu:
        machines = qemu.execute("query-machines", **{"compat-props": True})
        lists = {m["name"]: m["compat-props"] for m in machines}
        types = {t["name"] for t in qemu.execute("qom-list-types", abstract=True)}
        named = {e["qom-type"] for name in (before, after) for e in lists[name]}

        def below(name: str) -> list[str]:
            return [t["name"] for t in qemu.execute("qom-list-types", implements=name)]

        def listed(name: str) -> list[Any]:
            try:
                answers: list[Any] = qemu.execute("device-list-properties", typename=name)
            except QmpCommandError:
                return []
            return answers

        reached = {name: below(name) for name in (types if whole else named & types)}
        wanted = reached["device"] if whole else {d for r in reached.values() for d in r}
        properties = {name: listed(name) for name in wanted}
    tables = [_table(lists[name], reached, properties) for name in (before, after)]
    return {
        " ".join(key): [tables[0].get(key), tables[1].get(key)]
        for key in sorted(tables[0].keys() | tables[1].keys())
        if tables[0].get(key) != tables[1].get(key)
    }


def _table(
    compat: Iterable[Mapping[str, str]],
    reached: Mapping[str, Iterable[str]],
    properties: Mapping[str, Iterable[Mapping[str, Any]]],
) -> dict[tuple[str, str], str]:
    words = {"True": "on", "true": "on", "False": "off", "false": "off"}
    table = {
        (driver, p["name"]): words.get(text, text)
        for driver, found in properties.items()
        for p in found
        for text in [str(p.get("default-value"))]
    }
    for entry in compat:
        value = words.get(entry["value"], entry["value"])
        for driver in reached.get(entry["qom-type"], ()):
            table[driver, entry["property"]] = value
    return table


def _seconds(command: list[str]) -> float:
    begin = time.perf_counter()
    done = subprocess.run(command, capture_output=True, check=False)
    taken = time.perf_counter() - begin
    if done.returncode not in (0, 1) or not done.stdout:
        sys.exit(done.stderr.decode())
    return taken


def _measure(binary: str, before: str, after: str) -> None:
    asking = [_PYTHON, __file__, binary, before, after]
    shipped = [*_CLI, "diff", "machine", before, after, "--csv", "--all"]
    commands = {
        "platform-abi diff machine": shipped,
        "ask a QEMU for the whole table": [*asking, "whole"],
        "ask a QEMU for what differs only": [*asking, "needed"],
    }
    taken = in_turn(commands, _seconds, _RUNS)
    print(f"{before} -> {after}, median of {_RUNS}, whole processes")
    own = statistics.median(taken["platform-abi diff machine"])
    for name, found in taken.items():
        median = statistics.median(found)
        goal = f"  (goal: at least {_GOAL}x)" if name.endswith("whole table") else ""
        print(f"  {name:34} {median * 1e3:8.1f} ms  {median / own:6.1f}x{goal}")


def main() -> None:
    """Measure every pair."""
    if "PLATFORM_ABI_LIVE_QEMU" not in os.environ:
        sys.exit("set PLATFORM_ABI_LIVE_QEMU to the folder that tests/live/install-qemu filled")
    binary = str(Path(os.environ["PLATFORM_ABI_LIVE_QEMU"]) / _BINARY)
    for before, after in _PAIRS:
        _measure(binary, before, after)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(ask(*sys.argv[1:4], whole=sys.argv[4] == "whole")))
    else:
        main()
