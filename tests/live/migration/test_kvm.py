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
from tests.live.migration.matrix import Row, forced, line, refusal, run, store

pytestmark = [pytest.mark.live, pytest.mark.usefixtures("can_tap", "can_kvm")]

#: KVM_FEATURE_ASYNC_PF_INT of asm/kvm_para.h, and what carries it.
_ASYNC_PF_INT: Final = 1 << 14
_CAPABILITY: Final = "kvm.pv.async-pf-int"


def _vendor() -> str:
    found = re.search(r"^vendor_id\s*: (\w+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1] if found else "GenuineIntel"


#: Nothing that a KVM could lack which is itself in a virtual machine, as in many a CI: of CPU
#: models one of the oldest, and no system management mode.
_ROW: Final = Row(
    name="kvm-async-pf-int",
    kernels=("this-one", "no-async-pf-int"),
    qemus=("10.0", "11.1"),
    machine="pc-q35-9.1,smm=off",
    accelerator="kvm",
    cpu=f"pentium3,vendor={_vendor()}",
    platform="linux-6.9",
)

_ASKED_FOR: Final = f"{_ROW.cpu},kvm-asyncpf-int=on"


def test_the_values_of_a_platform_are_the_same_on_both(
    cpuid: Cpuid, hosts: Hosts, printed: list[str], tmp_path: Path
) -> None:
    """A platform that leaves the feature off is let pass, and the guest sees no difference."""
    ends, lock = hosts.pair(_ROW.kernels, _ROW.qemus), tmp_path / "vm.lock"
    course = run(_ROW, cpuid, ends, lock)
    said = hosts.verdict(lock, ends)
    printed.append(line(_ROW, said, course))
    assert ("ok", "ok") == (said["forward"]["status"], said["back"]["status"])
    assert course.moved, course
    assert course.unchanged, course.views
    assert course.alive, course.heartbeats
    assert not course.views[0].kvm & _ASYNC_PF_INT


def test_without_a_platform_a_guest_loses_a_feature_and_nobody_says_so(
    cpuid: Cpuid, hosts: Hosts, printed: list[str], tmp_path: Path
) -> None:
    """QEMU calls it completed, and the bit that the guest was started with is gone."""
    row = evolve(_ROW, platform="none", cpu=_ASKED_FOR)
    ends = hosts.pair(row.kernels, row.qemus)
    course = run(row, cpuid, ends, tmp_path / "vm.lock")
    printed.append(line(row, None, course))
    assert course.moved, course
    assert course.alive, course.heartbeats
    before, after, _ = (view.kvm for view in course.views)
    assert _ASYNC_PF_INT == before ^ after


def test_with_a_platform_the_host_that_lacks_it_is_refused_by_name(
    cpuid: Cpuid, hosts: Hosts, tmp_path: Path
) -> None:
    """Check and launcher name the capability; even when forced, QEMU starts no guest without it."""
    row = evolve(_ROW, cpu=_ASKED_FOR)
    ends, lock = hosts.pair(row.kernels, row.qemus), tmp_path / "vm.lock"
    store(row, cpuid, ends[0], lock)
    said = hosts.verdict(lock, ends)
    assert "blocked" == said["forward"]["status"]
    assert _CAPABILITY in {f["capability"] for f in said["forward"]["findings"]}
    code, reason = refusal(row, cpuid, ends[1], lock)
    assert 1 == code
    assert _CAPABILITY in reason
    code, reason = forced(row, cpuid, ends[1], lock)
    assert 0 != code
    assert "kvm-asyncpf-int" in reason
    assert "Host doesn't support requested features" in reason
