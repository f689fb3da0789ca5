"""What machine types inherit: the compat properties of newer ones, before their own."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from platform_abi.definitions.machines import BuildMachines, MachineEntry
from platform_abi.model.machine import CompatProperty, QemuBuild

_ROWS = st.lists(
    st.tuples(st.sampled_from("ab"), st.sampled_from("xy"), st.sampled_from(["on", "off"]))
    | st.tuples(st.sampled_from("ab"), st.just("x"), st.just("on"), st.just("optional")),
    max_size=3,
).map(tuple)


def _machines(rows: list[tuple[tuple[str, ...], ...]]) -> BuildMachines:
    """Return machine types, m0 the newest, each of which inherits from the one before."""
    return BuildMachines(
        build=QemuBuild(name="qemu-1", version="1", arch="x", source="machines/qemu-1/x.toml"),
        entries={
            f"m{at}": MachineEntry(
                name=f"m{at}", family="m", compat=own, inherits=f"m{at - 1}" if at else ""
            )
            for at, own in enumerate(rows)
        },
    )


@given(st.lists(_ROWS, min_size=1, max_size=4))
def test_what_is_inherited_comes_first(rows: list[tuple[tuple[str, ...], ...]]) -> None:
    """In QEMU a later entry wins, and what an older machine type adds is later."""
    machines = _machines(rows)
    for at in range(len(rows)):
        machine = machines.machine(f"m{at}")
        assert machine.compat == tuple(
            CompatProperty(driver=r[0], property=r[1], value=r[2], optional=len(r) > 3)
            for own in rows[: at + 1]
            for r in own
        )
        assert ("x", "machines/qemu-1/x.toml") == (machine.arch, machine.source)


@given(st.lists(_ROWS, min_size=1, max_size=4), _ROWS)
def test_a_digest_is_of_the_content(
    rows: list[tuple[tuple[str, ...], ...]], other: tuple[tuple[str, ...], ...]
) -> None:
    """Of name and compat properties in their order; worked out before or now, it is the same."""
    machines = _machines(rows)
    ahead = machines.with_digests()
    for name in machines.entries:
        assert ahead.digests[name] == ahead.machine(name).digest == machines.machine(name).digest
    changed = _machines([other, *rows[1:]])
    for name in machines.entries:
        same = changed.machine(name).compat == machines.machine(name).compat
        assert same is (changed.machine(name).digest == machines.machine(name).digest)
    assert len(set(ahead.digests.values())) == len(rows)
