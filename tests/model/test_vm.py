"""What devices are called: every one by something, and none by another's name."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from platform_abi.model.vm import Device, VirtualMachine


@given(st.lists(st.none() | st.sampled_from("abcd"), max_size=5))
def test_a_device_is_called_by_its_id_or_its_place(ids: list[str | None]) -> None:
    """From 0, as QEMU counts what has no id; each stands behind its own label."""
    devices = tuple(Device(driver=f"d{at}", id=name) for at, name in enumerate(ids))
    vm = VirtualMachine(machine="m", devices=devices)
    assert [f"device[{at}]" if name is None else name for at, name in enumerate(ids)] == vm.labels()
    assert list(zip(vm.labels(), devices, strict=True)) == list(vm.labelled())
