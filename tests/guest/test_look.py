"""Which machines can be looked at."""

from __future__ import annotations

import pytest

import platform_abi as pa
from platform_abi.guest.look import can_be_seen, guest_view
from tests.guest.shipped import SHIPPED


@pytest.mark.parametrize(
    ("machine", "arch", "seen"),
    [
        ("pc-q35-9.1", "x86_64", True),
        ("pc-q35-rhel9.4.0", "x86_64", True),
        ("pc-i440fx-noble", "x86_64", True),
        ("microvm", "x86_64", True),
        ("isapc", "x86_64", False),
        ("virt-9.1", "aarch64", False),
        ("s390-ccw-virtio-9.1", "s390x", False),
    ],
)
def test_a_machine_without_a_bus_of_a_pc_is_refused(machine: str, arch: str, seen: bool) -> None:
    """By name of the machine type, and before anything is started."""
    assert can_be_seen(SHIPPED, machine) is seen
    if not seen:
        with pytest.raises(pa.UsageError, match=machine) as caught:
            guest_view(
                "/no/such/binary", machine, arch=arch, drivers=frozenset(), looked_at=SHIPPED
            )
        assert caught.value.code == "no-guest-view"
        assert all(board.family in caught.value.help for board in SHIPPED.board)


def test_where_nothing_can_be_looked_at_no_family_is_named() -> None:
    """The families are those of the list; without one there are none."""
    with pytest.raises(pa.UsageError) as caught:
        guest_view("/no", "virt-9.1", arch="aarch64", drivers=frozenset(), looked_at=None)
    assert caught.value.help == "machine types that can be looked at: none of aarch64"
