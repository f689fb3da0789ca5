"""What becomes of KVM's paravirtual features, which are in no migration stream.

A guest that moves to a KVM which lacks one is not told, and nor is QEMU: its CPUID is another all
of a sudden. The guest is the loop of ``cpuid.S``, and runs in the KVM of this host; the other is
this one behind ``old_kernel.c``.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest
from attrs import evolve

from tests.live.migration.guest import Cpuid
from tests.live.migration.hosts import Hosts
from tests.live.migration.matrix import Row, forced, is_named, lacking, line, refusal, run, store

pytestmark = [pytest.mark.live, pytest.mark.usefixtures("can_tap", "can_kvm")]

#: KVM_FEATURE_ASYNC_PF_INT of asm/kvm_para.h, and what carries it.
_ASYNC_PF_INT: Final = 1 << 14
_CAPABILITY: Final = "kvm.pv.async-pf-int"


@pytest.fixture
def row() -> Row:
    """Return a guest that nothing keeps from moving between two KVMs of this machine.

    It has nothing that a KVM could lack which is itself in a virtual machine, as in many a CI: one
    of the oldest CPU models, and no system management mode.
    """
    found = re.search(r"^vendor_id\s*: (\w+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    assert found is not None
    return Row(
        name="kvm-async-pf-int",
        kernels=("this-one", "no-async-pf-int"),
        qemus=("10.0", "11.1"),
        machine="pc-q35-9.1,smm=off",
        accelerator="kvm",
        cpu=f"pentium3,vendor={found[1]}",
        platform="linux-6.9",
    )


def _asking(row: Row) -> Row:
    """Return *row* with a user who wants the feature, whatever the platform says."""
    return evolve(row, cpu=f"{row.cpu},kvm-asyncpf-int=on")


def test_the_values_of_a_platform_are_the_same_on_both(
    row: Row, cpuid: Cpuid, hosts: Hosts, printed: list[str], tmp_path: Path
) -> None:
    """A platform that leaves the feature off is let pass, and the guest sees no difference."""
    ends, lock = hosts.pair(row.kernels, row.qemus), tmp_path / "vm.lock"
    course = run(row, cpuid, ends, lock)
    said = hosts.verdict(lock, ends)
    printed.append(line(row, said, course))
    assert ("ok", "ok") == (said["forward"]["status"], said["back"]["status"])
    assert course.moved, course
    assert course.unchanged, course.views
    assert course.alive, course.heartbeats
    assert not course.views[0].kvm & _ASYNC_PF_INT


def test_without_a_platform_a_guest_loses_a_feature_and_nobody_says_so(
    row: Row, cpuid: Cpuid, hosts: Hosts, printed: list[str], tmp_path: Path
) -> None:
    """QEMU calls it completed, and the bit that the guest was started with is gone."""
    row = evolve(_asking(row), platform="none")
    ends = hosts.pair(row.kernels, row.qemus)
    course = run(row, cpuid, ends, tmp_path / "vm.lock")
    printed.append(line(row, None, course))
    assert course.moved, course
    assert course.alive, course.heartbeats
    before, after, _ = (view.kvm for view in course.views)
    assert _ASYNC_PF_INT == before ^ after


def test_with_a_platform_the_host_that_lacks_it_is_refused_by_name(
    row: Row, cpuid: Cpuid, hosts: Hosts, tmp_path: Path
) -> None:
    """Check and launcher name the capability; even when forced, QEMU starts no guest without it."""
    row = _asking(row)
    ends, lock = hosts.pair(row.kernels, row.qemus), tmp_path / "vm.lock"
    store(row, cpuid, ends[0], lock)
    said = hosts.verdict(lock, ends)
    assert "blocked" == said["forward"]["status"]
    assert {_CAPABILITY} == lacking(said)
    code, reason = refusal(row, cpuid, ends[1], lock)
    assert 1 == code
    assert is_named(reason, _CAPABILITY), reason
    code, reason = forced(row, cpuid, ends[1], lock)
    assert 0 != code
    assert "kvm-asyncpf-int" in reason
    assert "Host doesn't support requested features" in reason
