"""Strategies of what hosts offer."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from platform_abi.model.host import SOURCES, Fact, HostReport
from platform_abi.model.reported import ReportedMachine, ReportedQemu

CAPABILITIES = ("tun.a", "tun.b", "vhost.a", "kvm.a")


def facts() -> st.SearchStrategy[Fact]:
    """Return what a probe may find, with every source and a little evidence."""
    return st.builds(
        Fact,
        state=st.sampled_from(["present", "absent", "unknown"]),
        source=st.sampled_from(SOURCES),
        detail=st.sampled_from(["", "EINVAL", "TUNSETOFFLOAD 0x61"]),
    )


def reported_qemus() -> st.SearchStrategy[ReportedQemu]:
    """Return QEMUs that a host may have, few enough for two hosts to have the same."""
    machines = st.builds(
        ReportedMachine,
        name=st.sampled_from(["pc-q35-10.0", "virt-10.0"]),
        aliases=st.sampled_from([(), ("q35",)]),
        default=st.booleans(),
        deprecated=st.booleans(),
        fingerprint=st.sampled_from(["", "00ff"]),
    )
    return st.builds(
        ReportedQemu,
        arch=st.sampled_from(["x86_64", "aarch64"]),
        version=st.just("10.0.2"),
        identity=st.sampled_from(["", "build-id:00ff"]),
        path=st.sampled_from(["/usr/bin/qemu", "/opt/qemu"]),
        usual=st.booleans(),
        fingerprint=st.sampled_from(["", "ff00"]),
        machines=st.lists(machines, max_size=2, unique_by=lambda m: m.name).map(tuple),
        cpus=st.sampled_from([{}, {"host": ("aes", "its-no")}]),
        views=st.sampled_from(
            [{}, {"pc-q35-10.0": {"board 00.0": "00ff", "nvme behind port": "11"}}]
        ),
        lacking=st.sampled_from([None, (), ("usb-redir", "virtio-vga")]),
    )


def _several_qemus() -> st.SearchStrategy[list[ReportedQemu]]:
    return st.lists(reported_qemus(), max_size=2, unique_by=lambda qemu: qemu.order)


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
        qemus=tuple(sorted(draw(_several_qemus()), key=lambda qemu: qemu.order)),
    )
