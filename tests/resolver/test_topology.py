"""vCPUs and memory: what QEMU makes of ``-smp`` and ``-m``, without a QEMU."""

from __future__ import annotations

from math import prod

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platform_abi.errors import UsageError
from platform_abi.resolver.topology import LEVELS, Memory, memory, size_of, topology

_COUNTS = st.integers(1, 8)


@given(
    st.dictionaries(st.sampled_from([*LEVELS, "cpus", "maxcpus"]), _COUNTS.map(str)), st.booleans()
)
def test_what_was_worked_out_means_the_same(said: dict[str, str], prefer_sockets: bool) -> None:
    """A topology that is written out whole is the one that it was worked out from."""
    found = topology(said, prefer_sockets=prefer_sockets)
    whole = {key: str(number) for key, number in found.items()}
    if all(found.values()):  # else QEMU refuses it: too few vCPUs for what was said
        assert found == topology(whole, prefer_sockets=not prefer_sockets)
    assert all(found[key] == int(value) for key, value in said.items())


@given(_COUNTS, st.booleans())
def test_a_number_alone_is_sockets_or_cores(cpus: int, prefer_sockets: bool) -> None:
    """Which of them, the machine type's generation decides; nothing else is above one."""
    found = topology({"cpus": str(cpus)}, prefer_sockets=prefer_sockets)
    assert cpus == found["sockets" if prefer_sockets else "cores"]
    assert cpus == prod(found[level] for level in LEVELS) == found["maxcpus"]


@pytest.mark.parametrize("text", ["0", "-1", "two", "", "1.0", "\u0662"])
def test_what_is_no_number_is_refused(text: str) -> None:
    """As QEMU does, by the key."""
    with pytest.raises(UsageError, match="-smp cores") as caught:
        topology({"cores": text}, prefer_sockets=False)
    assert "smp-value" == caught.value.code


@pytest.mark.parametrize(
    "said", [{"size": "1024"}, {"size": "1G"}, {"size": "1024M"}, {"size": "0x400"}, {"size": "1g"}]
)
def test_one_size_has_many_spellings(said: dict[str, str]) -> None:
    """Megabytes where there is no suffix."""
    assert Memory(size=1 << 30, maximum=1 << 30) == memory(said, None)


def test_memory_is_the_boards_own_where_nobody_says() -> None:
    """So it is where 0 was said; a board that nobody described has what nobody knows."""
    assert Memory(size=1 << 27, maximum=1 << 27) == memory({}, 1 << 27)
    assert memory({}, 1 << 27) == memory({"size": "0"}, 1 << 27)
    assert memory({"slots": "2"}, None) is None
    assert Memory(size=1056768, slots=2, maximum=1 << 31) == memory(
        {"size": "1025K", "slots": "2", "maxmem": "2G"}, None
    )
    with pytest.raises(UsageError, match="expected a size"):
        size_of("much", "-m size")
