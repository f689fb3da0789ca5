"""What a QEMU build has promised: ``pytest --platform-abi-qemu build/qemu-system-x86_64``.

Each test draws virtual machines of every machine type that the build shares with the shipped
definitions of its version. What fails shrinks to a machine type and one device.
"""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import assume, given, settings
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.testing import shipped
from platform_abi.testing.tested import QemuUnderTest


@settings(deadline=None, max_examples=200)
@given(data=st.data())
def test_devices_have_the_properties_that_they_always_had(
    platform_abi_qemu: QemuUnderTest, data: st.DataObject
) -> None:
    """No property of a device has another value than the shipped build gives it."""
    qemu = platform_abi_qemu
    lock = data.draw(shipped.lockfiles(qemu.catalogue, arch=qemu.arch, builds=[qemu.expected]))
    assume(qemu.has(lock.line))
    promised = _values(qemu, lock.abi, qemu.expected)
    there = _values(qemu, lock.abi, qemu.build)
    assert {name: there.get(name) for name in promised} == promised


@settings(deadline=None, max_examples=10)
@given(data=st.data())
def test_a_machine_starts_as_its_lockfile_says(
    platform_abi_qemu: QemuUnderTest, data: st.DataObject
) -> None:
    """A paused QEMU has the properties, and offers the feature bits, that a lockfile promises."""
    qemu = platform_abi_qemu
    drawn = shipped.lockfiles(
        qemu.catalogue, arch=qemu.arch, builds=[qemu.expected], accelerators=["tcg"], boards=True
    )
    lock = data.draw(drawn)
    assume(qemu.has(lock.line))
    verdict = pa.verify_start(qemu.catalogue, lock.abi, qemu.binary)
    assert verdict.status != "drift", verdict.findings


def _values(qemu: QemuUnderTest, abi: pa.GuestAbi, build: str) -> Mapping[tuple[str, str], str]:
    """Return every value that is predicted of a device in *build*, by label and property."""
    found = pa.full_properties(qemu.catalogue, abi, build=build)
    return {
        (label, name): each.value
        for label, device in found.items()
        for name, each in device.properties.items()
        if each.value is not None
    }
