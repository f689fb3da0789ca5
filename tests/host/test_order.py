"""What is asked of which process, and what of nobody."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.host.order import FAMILIES, order_for
from platform_abi.model.capability import Capability, Probe
from platform_abi.qemu.netdevs import NETDEV_METHOD
from tests.host.probing import capability, catalogued

methods = st.sampled_from([*FAMILIES, NETDEV_METHOD, "of-a-later-version"])
nodes = st.sampled_from(
    ["/dev/net/tun", "/dev/tap*", "/dev/kvm", "/dev/vhost-vdpa-*", "/sys/block/*/x", "", "tap"]
) | st.text(max_size=8)
capabilities = st.dictionaries(
    st.text(min_size=1, max_size=8),
    st.one_of(st.none(), st.builds(Probe, method=methods, node=nodes, argument=st.integers())),
    max_size=12,
).map(
    lambda probes: {
        name: Capability(id=name, title=name, subsystem="test", probe=probe)
        for name, probe in probes.items()
    }
)
machines = st.sampled_from(["x86_64", "aarch64", "riscv64", "ppc64le", "sparc64", "mips"])


@given(capabilities, machines)
def test_everything_with_a_probe_is_asked_once_or_has_a_reason(
    known: dict[str, Capability], machine: str
) -> None:
    """A capability is in one group or has a reason to be in none; without a probe, neither."""
    order = order_for(known, machine)
    asked = [c.id for group in order.groups.values() for c in group]
    assert sorted([*asked, *order.unasked]) == sorted(n for n, c in known.items() if c.probe)
    assert order.names == tuple(sorted([*asked, *order.unasked]))
    assert all(order.unasked.values())


@given(capabilities, machines)
def test_what_a_process_is_asked_it_can_answer_about_one_node(
    known: dict[str, Capability], machine: str
) -> None:
    """A device's questions are about one node, and never about nodes that a pattern stands for."""
    for (family, node), group in order_for(known, machine).groups.items():
        for probe in (c.probe for c in group):
            assert probe is not None
            assert FAMILIES[probe.method] == {"macvtap": "tun"}.get(family, family)
            assert probe.node.startswith("/")
            if family != "file":
                assert probe.node == node
                assert "*" not in node or family == "macvtap"


@given(capabilities, machines)
def test_what_goes_to_the_child_is_json(known: dict[str, Capability], machine: str) -> None:
    """The order is one JSON document, whatever a site's definitions spell."""
    order = order_for(known, machine)
    body = json.loads(order.document(0.5))
    assert body["timeout"] == 0.5
    assert [len(group["questions"]) for group in body["groups"]] == [
        len(group) for group in order.groups.values()
    ]


@pytest.mark.parametrize("machine", ["mips64", "sparc64", "alpha", "parisc64"])
def test_requests_are_not_made_where_they_have_other_numbers(
    catalogue: pa.FileCatalogue, machine: str
) -> None:
    """The numbers in the definitions are those of the generic asm/ioctl.h; a wrong one is worse."""
    order = order_for(catalogue.capabilities(), machine)
    assert order.unasked["tun.uso"] == f"requests have other numbers on {machine}"
    asked = {c.probe.method for group in order.groups.values() for c in group if c.probe}
    assert asked == {"device-node", "file", "process-capability", "zoned-model"}


@pytest.mark.parametrize(
    "machine", ["x86_64", "aarch64", "riscv64", "s390x", "loongarch64", "ppc64le"]
)
def test_requests_are_made_where_numbers_are_generic(
    catalogue: pa.FileCatalogue, machine: str
) -> None:
    """Every method but QEMU's own has somebody who answers it; only patterns are left out."""
    unasked = order_for(catalogue.capabilities(), machine).unasked
    assert {name for name, why in unasked.items() if not why.endswith("may be in use")} == {
        name
        for name, c in catalogue.capabilities().items()
        if c.probe is not None and c.probe.method == NETDEV_METHOD
    }


def test_the_options_are_those_that_capabilities_and_platforms_name(
    catalogue: pa.FileCatalogue,
) -> None:
    """What a platform assumes of a kernel's configuration is among what a report has of it."""
    wanted = set(order_for(catalogue.capabilities(), "x86_64").config)
    for name in catalogue.platform_names():
        assert set(catalogue.platform(name).assumes) <= wanted, name


def test_a_method_of_a_later_version_is_named() -> None:
    """A method that this version does not know makes an unknown, and no error."""
    order = order_for(catalogued(capability("x", "ask-the-oracle", "/dev/x")), "x86_64")
    assert order.unasked == {"x": "this version cannot ask by ask-the-oracle"}
