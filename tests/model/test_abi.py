"""Whether a guest may move at all: what hosts decide, what QEMU refuses, what nobody knows."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from platform_abi.model.abi import NOT_DESCRIBED, GuestAbi, Obstacle, Unpinned
from platform_abi.model.vm import VirtualMachine

_UNPINNED = st.builds(
    Unpinned,
    what=st.just("x"),
    pin=st.just("y"),
    migration=st.sampled_from(["breaks", "silent-change", "safe", "between-pools"]),
)
_OBSTACLES = st.builds(
    Obstacle,
    code=st.sampled_from(["device-unmigratable", NOT_DESCRIBED]),
    what=st.just("x"),
    reason=st.just("y"),
    help=st.just("z"),
)


@given(st.lists(_UNPINNED, max_size=3), st.lists(_OBSTACLES, max_size=3))
def test_a_guest_is_migratable_where_nothing_is_in_the_way(
    unpinned: list[Unpinned], obstacles: list[Obstacle]
) -> None:
    """What hinders or is certain says no; only then what nobody knows says that."""
    abi = GuestAbi(
        vm=VirtualMachine(machine="m"),
        platform="p@2026.1",
        edition="2026.1",
        settings=(),
        preconditions=(),
        unpinned=tuple(unpinned),
        obstacles=tuple(obstacles),
    )
    noticed = {entry.migration for entry in unpinned} & {"breaks", "silent-change"}
    refused = any(entry.code != NOT_DESCRIBED for entry in obstacles)
    expected = False if noticed or refused else None if obstacles else True
    assert abi.migratable is expected
