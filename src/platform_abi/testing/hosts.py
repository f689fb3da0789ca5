"""Strategies of what hosts offer."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from platform_abi.model.host import SOURCES, Fact, HostReport

CAPABILITIES = ("tun.a", "tun.b", "vhost.a", "kvm.a")


def facts() -> st.SearchStrategy[Fact]:
    """Return what a probe may find, with every source and a little evidence."""
    return st.builds(
        Fact,
        state=st.sampled_from(["present", "absent", "unknown"]),
        source=st.sampled_from(SOURCES),
        detail=st.sampled_from(["", "EINVAL", "TUNSETOFFLOAD 0x61"]),
    )


@st.composite
def host_reports(draw: st.DrawFn, capabilities: Sequence[str] = CAPABILITIES) -> HostReport:
    """Draw what one host offers of *capabilities*, and a few of everything else in a report."""
    names = st.sampled_from(["a", "b.c"])
    words = st.sampled_from(["x", "y", "n"])
    return HostReport(
        facts=draw(st.dictionaries(st.sampled_from(list(capabilities)), facts())),
        system=draw(st.sampled_from(["linux", "freebsd", ""])),
        release=draw(st.sampled_from(["6.9.3-generic", "5.14.0-503.el9", ""])),
        arch=draw(st.sampled_from(["x86_64", "aarch64", ""])),
        distribution=draw(st.sampled_from(["test", "debian", ""])),
        distribution_version=draw(st.sampled_from(["1", "12", ""])),
        distribution_like=tuple(draw(st.lists(st.sampled_from(["test", "fedora"]), unique=True))),
        name=draw(st.sampled_from(["", "alpha", "beta"])),
        numbers=draw(st.dictionaries(names, st.integers(0, 2**64 - 1))),
        masks=draw(st.dictionaries(names, st.integers(0, 2**128 - 1))),
        sets=draw(st.dictionaries(names, st.sets(words).map(lambda s: tuple(sorted(s))))),
        values=draw(st.dictionaries(names, words)),
        config=draw(st.dictionaries(st.sampled_from(["TUN", "KVM"]), words)),
    )
