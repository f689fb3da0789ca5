"""Captured hosts, and what is said of them.

``this-host`` is a real machine's report. The others are constructed from public evidence about
kernels (headers, sources, merge requests), because no such machine was at hand; their value
``origin`` says so. With ``PLATFORM_ABI_UPDATE_CAPTURES=1`` in the environment this writes the
expected verdicts anew: read the difference before committing it.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

import platform_abi as pa
from platform_abi.compat.supported import newest, query_platforms
from platform_abi.host.document import read_report

CAPTURES = Path(__file__).parent.parent / "captures"
NAMES = sorted(path.stem for path in CAPTURES.glob("*.json"))
UPDATE = os.environ.get("PLATFORM_ABI_UPDATE_CAPTURES") == "1"


def _report(name: str) -> pa.HostReport:
    path = CAPTURES / f"{name}.json"
    return read_report(path.read_bytes(), path.name)


def _verdicts(catalogue: pa.FileCatalogue, report: pa.HostReport) -> dict[str, Any]:
    found = query_platforms(catalogue, report)
    chosen = newest(found, report)
    return {
        "newest": None if chosen is None else chosen.platform,
        "supported": [v.name for v in found if v.supported == "yes"],
        **{
            word: {
                v.name: sorted({entry.capability for entry in v.missing})
                for v in found
                if v.supported == answer
            }
            for word, answer in (("unsupported", "no"), ("unknown", "unknown"))
        },
    }


@pytest.mark.parametrize("name", NAMES)
def test_a_captured_host_is_judged_as_it_was(catalogue: pa.FileCatalogue, name: str) -> None:
    """Every platform is supported, refused or not known for the same reasons as ever."""
    found = _verdicts(catalogue, _report(name))
    expected = CAPTURES / "expected" / f"{name}.json"
    if UPDATE:
        expected.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    assert json.loads(expected.read_text(encoding="utf-8")) == found


@pytest.mark.parametrize("name", NAMES)
def test_a_capture_says_where_it_comes_from(name: str) -> None:
    """Only what was really probed goes without the mark of a construction."""
    constructed = _report(name).values.get("origin") == "constructed"
    assert constructed == name.startswith("constructed-")


def test_a_distributions_host_gets_the_distributions_own_platform(
    catalogue: pa.FileCatalogue,
) -> None:
    """The evidence about a kernel, and the platform written for it, say the same."""
    for name in NAMES:
        report = _report(name)
        own = re.fullmatch(r"constructed-(debian|ubuntu|rhel)-([0-9.]+)", name)
        if own is None:
            continue
        chosen = newest(query_platforms(catalogue, report), report)
        assert chosen is not None
        assert f"linux-{own[1]}-{own[2]}" == chosen.name


def test_nothing_identifies_a_host() -> None:
    """A report of a real host has no name, address or serial number in it."""
    text = (CAPTURES / "this-host.json").read_text(encoding="utf-8")
    assert "name" not in json.loads(text)
    assert not re.search(r"([0-9a-f]{2}:){5}[0-9a-f]{2}", text)
    assert not re.search(r"\b\d{1,3}(\.\d{1,3}){3}\b", text)
