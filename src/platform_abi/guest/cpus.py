"""What the CPU models of one machine type are made of, by QEMU's own account.

Which of it a host's processor and KVM grant is another question (see the host report): a model's
definition, with what machine type and accelerator change about it, is the same on every host.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from fnmatch import fnmatchcase

from platform_abi.errors import printable
from platform_abi.model.guest import GuestCpus
from platform_abi.model.option_language import option_value
from platform_abi.qemu.process import last_line
from platform_abi.qemu.qtest import QUIET
from platform_abi.qemu.stdio_qmp import Qmp, QmpCommandError


def unopened(node: str) -> str:
    """Return why this user has no use of the device *node*: nothing where it has, or needs none."""
    if not node or os.access(node, os.R_OK | os.W_OK):
        return ""
    return f"this user cannot open {node}" if os.path.lexists(node) else f"there is no {node} here"


def cpu_facts(
    binary: str, machine: str, asked: GuestCpus, *, timeout: float
) -> tuple[dict[str, dict[str, str]], str]:
    """Return the properties of each model that is *asked* about, and why there are none.

    Raises QmpError where the binary cannot be started, or says what no QEMU does.
    """
    if not asked.models:
        return {}, ""
    if why := unopened(asked.node):
        return {}, why
    arguments = ["-machine", machine, "-accel", asked.accelerator, *QUIET, "-no-user-config"]
    found = {}
    with Qmp(binary, arguments, timeout=timeout) as qmp:
        if asked.accelerator == "kvm" and not qmp.execute("query-kvm")["enabled"]:
            return {}, f"no KVM: {last_line(qmp.stderr)}"
        for model in asked.models:
            try:
                answer = qmp.execute(
                    "query-cpu-model-expansion", type="full", model={"name": model}
                )
            except QmpCommandError:  # this QEMU has no such model
                continue
            found[model] = _facts(answer["model"]["props"], asked.ignored)
    return found, ""


def _facts(properties: Mapping[str, object], ignored: Collection[str]) -> dict[str, str]:
    """Return properties as text, other spellings of a name left out.

    What is off is said: only so it can be told from what a QEMU does not know, and refuses. With
    ``sse4.1`` and ``sse4_1`` the same is meant as with ``sse4-1`` (target/i386/cpu.c,
    x86_cpu_initfn).
    """
    found = {}
    for name, value in sorted(properties.items()):
        usual = name.replace("_", "-").replace(".", "-")
        alias = usual != name and properties.get(usual) == value
        skipped = alias or any(fnmatchcase(name, pattern) for pattern in ignored)
        if not skipped:
            found[name] = printable(option_value(value))
    return found
