"""A constructed QEMU: it speaks QMP on its standard streams and says what a file tells it to.

There is no vendor's binary to be had for a test, nor one that hangs when it should.

    fake_qemu.py DESCRIPTION [QEMU's arguments]

DESCRIPTION is JSON: ``answers``, by command, each a value or, for a question about a type, a value
by type; ``echo``, commands that are answered by their own arguments; ``noise``, printed before
the greeting; ``silent``, it never greets; ``crash``, the types on which it aborts; ``hang``, those
about which it never answers. Told ``-name NAME,process=WORD`` it calls its process so, as QEMU
does.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

#: include/uapi/linux/prctl.h
_PR_SET_NAME = 15


def say(message: dict[str, Any]) -> None:
    """Write one message."""
    sys.stdout.write(json.dumps(message) + "\r\n")
    sys.stdout.flush()


def answer(description: dict[str, Any], command: str, arguments: dict[str, Any]) -> None:
    """Answer one command, or end, or hang, as told."""
    name = arguments.get("typename")
    if name in description["crash"]:
        sys.stderr.write("Assertion failed\n")
        sys.stderr.flush()
        os.abort()
    if name in description["hang"]:
        time.sleep(3600)
    answers = description["answers"]
    lists_compat = description.get("lists_compat", True)
    if command == "qmp_capabilities":
        say({"return": {}})
    elif command == "query-commands":
        say({"return": [{"name": each} for each in answers]})
    elif "compat-props" in arguments and not lists_compat:
        say({"error": {"class": "GenericError", "desc": "'compat-props' is unexpected"}})
    elif name is not None and name not in answers.get(command, {}):
        say({"error": {"class": "GenericError", "desc": f"no such type: {name}"}})
    elif command in description.get("echo", ()):
        say({"return": arguments})
    elif command in answers:
        say({"return": answers[command] if name is None else answers[command][name]})
    else:
        say({"error": {"class": "CommandNotFound", "desc": f"{command} has not been found"}})


def main() -> None:
    """Be a QEMU until the end of input."""
    description = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    for option, value in pairwise(sys.argv[2:]):
        if option == "-name" and ",process=" in value:
            ctypes.CDLL(None).prctl(_PR_SET_NAME, value.partition(",process=")[2].encode(), 0, 0, 0)
    sys.stdout.write(description["noise"])
    sys.stdout.flush()
    if description["silent"]:
        time.sleep(3600)
    say({"QMP": {"version": {}, "capabilities": []}})
    for line in sys.stdin:
        request = json.loads(line)
        answer(description, request["execute"], request.get("arguments", {}))


main()
