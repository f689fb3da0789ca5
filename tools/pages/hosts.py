"""The two hosts of the tutorial: reports of kernels 6.8 and 6.1, with one QEMU on both.

Nobody has to own the two machines to follow it. What their kernels offer is constructed, as
``tests/captures`` has it; the QEMU is the shipped build, as a host reports it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from attrs import evolve

import platform_abi as pa
from platform_abi.host.qemus import reported_qemu
from platform_abi.model.host import Fact

_CAPTURES: Final = Path(__file__).resolve().parents[2] / "tests" / "captures"

#: The name of each host, and what its kernel is like.
HOSTS: Final = {"node-a": "ubuntu-24.04", "node-b": "debian-12"}

_BUILD: Final = "qemu-10.0.2"


def tutorial_hosts(catalogue: pa.FileCatalogue) -> dict[str, str]:
    """Return by file name the report of each host, as ``host --json`` writes it."""
    build = catalogue.build(_BUILD, "x86_64")
    qemu = reported_qemu(
        catalogue, build, path="/usr/bin/qemu-system-x86_64", identity="build-id:0b1d", usual=True
    )
    found = {}
    for name, system in HOSTS.items():
        text = (_CAPTURES / f"constructed-{system}.json").read_text("utf-8")
        report = pa.read_report(text, f"{name}.json")
        facts = dict(report.facts)
        if facts["tun.uso"].state == "absent":
            facts["tun.uso"] = Fact(
                state="absent", source="ioctl", detail="EINVAL from TUNSETOFFLOAD 0x61"
            )
        host = evolve(report, facts=facts, qemus=(qemu,), name=name)
        found[f"{name}.json"] = json.dumps(pa.report_document(host), indent=1) + "\n"
    return found
