"""What is said of kernels, held against what their sources were recorded to have."""

from __future__ import annotations

from typing import Any, Final

import pytest

import platform_abi as pa
from platform_abi.author.kernel_platform import promises
from platform_abi.author.kernel_witness import SourceSeen
from platform_abi.definitions.levels import EVERY, reached
from platform_abi.resolver.choice import parse_platform
from tools.kernel_record import text
from tools.pages.kernels import FOLDER, kernels_page, records

RECORDS: Final = records()

#: What a stable release has from a later one, by the name of what was recorded. It is no fault:
#: releases only predict, and late rather than early.
BACKPORTED: Final = {
    "linux-debian-13": {"kvm.quirk-ignore-guest-pat", "vhost.fork-from-owner"},
}


@pytest.mark.parametrize("name", RECORDS)
def test_the_first_kernel_of_a_capability_is_what_sources_say(
    name: str, catalogue: pa.FileCatalogue
) -> None:
    """What a release is said to have is in its source, and nothing else but from stable ones."""
    kernel = RECORDS[name]
    release = ".".join(kernel["release"].split(".")[:2])
    early, late = set(), set()
    for capability in catalogue.capabilities().values():
        state, _ = kernel["seen"].get(capability.id, ("unknown", ""))
        if capability.since is None or state == "unknown":
            continue
        said = reached(capability.since, capability.subsystem, {EVERY: release})
        if said and state == "absent":
            early.add(capability.id)
        if not said and state == "present":
            late.add(capability.id)
    assert early == set()
    assert late == BACKPORTED.get(name, set())


@pytest.mark.parametrize("name", RECORDS)
def test_a_platform_promises_nothing_that_its_source_lacks(
    name: str, catalogue: pa.FileCatalogue
) -> None:
    """At every edition that has it, with the configuration that it is built with."""
    if name not in catalogue.platform_names():
        pytest.skip(f"{name} is no platform")
    kernel = RECORDS[name]
    seen = [
        SourceSeen(
            capability=capability,
            state="absent" if capability in kernel["off"] else state,
            witness=witness,
        )
        for capability, (state, witness) in kernel["seen"].items()
    ]
    platform = catalogue.platform(name)
    for edition in filter(platform.is_at, catalogue.editions()):
        found = promises(catalogue, parse_platform(f"{name}@{edition}"), seen)
        assert [(e.feature, e.because) for e in found if e.kept == "broken"] == []


def test_what_is_recorded_shows_on_the_page(catalogue: pa.FileCatalogue) -> None:
    """Each kernel has a column, each capability a row, in a form that one line can be read of."""
    page = kernels_page()
    for name, kernel in RECORDS.items():
        assert f"| `{name}` | {kernel['release']} |" in page
        assert (FOLDER / f"{name}.json").read_text("utf-8") == text(kernel)
        known: Any = catalogue.capabilities()
        assert [each for each in kernel["seen"] if each not in known] == []
        assert all(f"| `{each}` |" in page for each in kernel["seen"])
