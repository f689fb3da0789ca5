"""A QEMU that is asked about many types at once, some of which it does not survive."""

from __future__ import annotations

import sys
from pathlib import Path

from platform_abi.author.asking import Asked, Refusal

#: Says its commands, then of each type its name and what was asked; ends at one that is fatal.
_FAKE = """#!{python}
import json, sys
commands = {commands}
print(json.dumps({{"QMP": {{}}}}), flush=True)
for line in sys.stdin:
    asked = json.loads(line)
    said = asked.get("arguments", {{}}).get("typename", "")
    if asked["execute"] == "query-commands":
        answer = {{"return": [{{"name": name}} for name in commands]}}
    elif said.startswith("fatal"):
        sys.exit(1)
    elif said.startswith("refused"):
        answer = {{"error": {{"desc": said}}}}
    else:
        answer = {{"return": [said, asked["execute"]]}}
    print(json.dumps(answer), flush=True)
"""

_COMMANDS = ("device-list-properties", "qom-list-properties")


def _fake(folder: Path) -> str:
    every = [*_COMMANDS, "human-monitor-command", "qom-list-types"]
    every += ["query-machines", "query-target", "query-version"]
    path = folder / "qemu-system-x86_64"
    path.write_text(_FAKE.format(python=sys.executable, commands=sorted(every)))
    path.chmod(0o755)
    return str(path)


def _expected(name: str, command: str) -> object:
    if name.startswith("fatal"):
        # The second question about it is not asked.
        return Refusal(reason=f"QEMU did not survive {_COMMANDS[0]}")
    if name.startswith("refused"):
        return Refusal(reason=f"{command}: {name}")
    return [name, command]


def test_many_questions_are_answered_one_by_one(tmp_path: Path) -> None:
    """Each has its own answer, whatever others end the QEMU or are refused."""
    names = [f"{kind}-{index}" for index, kind in enumerate(["fine"] * 70 + ["fatal", "fatal"])]
    names += ["refused-x", "fine-x", "fatal-x", "fine-y"]
    questions = [(name, command) for name in names for command in _COMMANDS]
    with Asked(_fake(tmp_path), timeout=10) as qemu:
        answers = [*qemu.about_each(questions)]
        assert answers == [_expected(*question) for question in questions]
        assert qemu.about("fine-z", _COMMANDS[0]) == ["fine-z", _COMMANDS[0]]
