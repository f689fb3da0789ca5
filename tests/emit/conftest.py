"""A lockfile that several modules read."""

from __future__ import annotations

import pytest
from attrs import evolve

import platform_abi as pa
from platform_abi.resolver.fingerprint import machine_content
from tests.resolver.shipped import machine_with_nics

DEFINITIONS = "sha256:" + "0" * 64


@pytest.fixture
def lock(catalogue: pa.FileCatalogue) -> str:
    """Return the lockfile of one shipped example, beyond its platform."""
    vm = machine_with_nics(catalogue, "pc-q35-9.1", "tap", "user", nic="virtio-net-pci,host_uso=on")
    abi = pa.resolve(catalogue, vm, "linux-6.1")
    abi = evolve(abi, content=machine_content(catalogue, abi))
    return pa.lock_text(abi, definitions=DEFINITIONS)
