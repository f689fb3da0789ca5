"""How long an import takes, against QEMU's own start and the same questions; and what it weighs.

    PLATFORM_ABI_LIVE_QEMU=FOLDER .venv/bin/python bench/machine_import.py [WHEEL]

Both are whole processes, interleaved in one run. The other one starts the binary with the same
arguments, sends the very questions that the import was seen to ask, one after the other, and reads
a line for each; it makes nothing of what it reads. Absolute times are this machine's at this
moment; only the ratios travel. For QEMU since 9.1, which lists its compat properties itself.

The weight of what was imported is told as files of the repository and, of WHEEL or the newest one
in dist/, packed.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.installed import in_turn

_RUNS = 7
_GOAL = 3
_PYTHON = sys.executable
_CLI = str(Path(_PYTHON).with_name("platform-abi"))
_BINARIES = ("bin/qemu-system-x86_64-10.0", "bin/qemu-system-x86_64-11.1")
_ROOT = Path(__file__).parents[1]
_ARGUMENTS = ("-machine", "none", "-nodefaults", "-no-user-config",
    "-S", "-display", "none", "-qmp", "stdio")  # fmt: skip


def replay(binary: str, questions: str) -> None:
    """Start *binary*, ask it every line of the file *questions*, and let it go."""
    with subprocess.Popen(
        [binary, *_ARGUMENTS], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as qemu:
        assert qemu.stdin is not None
        assert qemu.stdout is not None
        qemu.stdout.readline()  # the greeting
        for question in Path(questions).read_bytes().splitlines(keepends=True):
            qemu.stdin.write(question)
            qemu.stdin.flush()
            while qemu.stdout.readline().startswith(b'{"timestamp"'):
                pass  # an event
        qemu.stdin.write(b'{"execute": "quit"}\n')


def _asked(binary: str) -> list[dict[str, Any]]:
    """Return what an import of *binary* asks, in its order."""
    from platform_abi import load_catalogue
    from platform_abi.author.reading import observe
    from platform_abi.qemu.stdio_qmp import Qmp

    questions: list[dict[str, Any]] = []
    execute = Qmp.execute

    def noted(self: Qmp, command: str, **arguments: object) -> object:
        questions.append({"execute": command, "arguments": arguments})
        return execute(self, command, **arguments)

    replaced: dict[str, Callable[..., object]] = {"execute": noted}
    Qmp.execute = replaced["execute"]  # type: ignore[method-assign]
    try:
        observe(load_catalogue(), binary)
    finally:
        Qmp.execute = execute  # type: ignore[method-assign]
    return questions


def _seconds(command: list[str]) -> float:
    begin = time.perf_counter()
    done = subprocess.run(command, capture_output=True, check=False)
    taken = time.perf_counter() - begin
    if done.returncode:
        sys.exit(done.stderr.decode())
    return taken


def _measure(binary: str) -> None:
    asked = _asked(binary)
    with tempfile.TemporaryDirectory() as folder:
        questions = Path(folder, "questions")
        questions.write_text("".join(json.dumps(each) + "\n" for each in asked))
        none = Path(folder, "none")
        none.write_text(json.dumps({"execute": "qmp_capabilities"}) + "\n")
        commands = {
            "platform-abi import-qemu": [_CLI, "import-qemu", binary, "-o", folder, "--quiet"],
            "start and the same questions": [_PYTHON, __file__, "replay", binary, str(questions)],
            "start alone": [_PYTHON, __file__, "replay", binary, str(none)],
        }
        taken = in_turn(commands, _seconds, _RUNS)
    print(f"{Path(binary).name}: {len(asked)} questions, median of {_RUNS}, whole processes")
    whole = statistics.median(taken["start and the same questions"])
    for name, found in taken.items():
        median = statistics.median(found)
        goal = f"  (goal: at most {_GOAL}x)" if name.startswith("platform-abi") else ""
        print(f"  {name:30} {median * 1e3:8.1f} ms  {median / whole:6.2f}x{goal}")


def _weigh(wheel: Path | None) -> None:
    machines = _ROOT / "definitions" / "machines"
    for build in sorted(path for path in machines.iterdir() if path.is_dir()):
        sizes = [path.stat().st_size for path in build.iterdir()]
        print(f"{build.name:30} {len(sizes):4} files  {sum(sizes) / 1024:8.0f} KiB")
    sizes = [path.stat().st_size for path in machines.rglob("*") if path.is_file()]
    print(f"{'definitions/machines':30} {len(sizes):4} files  {sum(sizes) / 1024:8.0f} KiB")
    if wheel is None:
        print("no wheel: build one into dist/, or name it")
        return
    with zipfile.ZipFile(wheel) as packed:
        kept = [each for each in packed.infolist() if "/machines/" in each.filename]
    size = sum(each.compress_size for each in kept)
    print(f"{'packed in the wheel':30} {len(kept):4} files  {size / 1024:8.0f} KiB", end="")
    print(f"  of {wheel.stat().st_size / 1024:.0f} KiB, {wheel.name}")


def main(words: list[str]) -> None:
    """Measure the import of each binary, and weigh what is shipped."""
    if "PLATFORM_ABI_LIVE_QEMU" not in os.environ:
        sys.exit("set PLATFORM_ABI_LIVE_QEMU to the folder that tests/live/install-qemu filled")
    for name in _BINARIES:
        _measure(str(Path(os.environ["PLATFORM_ABI_LIVE_QEMU"]) / name))
    built = sorted(_ROOT.glob("dist/*.whl"), key=lambda path: path.stat().st_mtime)
    _weigh(Path(words[0]) if words else built[-1] if built else None)


if __name__ == "__main__":
    if sys.argv[1:2] == ["replay"]:
        replay(*sys.argv[2:4])
    else:
        main(sys.argv[1:])
