"""What the probe says of older kernels: this one, with what came later taken away.

``old_kernel.c`` answers a few ioctls as an older kernel would. The probe reports what it then
finds, not what the kernel's release would make one expect.
"""

from __future__ import annotations

from pathlib import Path

import pytest

import platform_abi as pa
from platform_abi.host.probe import probe
from platform_abi.model.host import HostReport

pytestmark = pytest.mark.live

_USO = "tun.uso"
_TUNNELS = ("tun.udp-tunnel-gso", "tun.udp-tunnel-gso-csum")


def _probe(
    catalogue: pa.FileCatalogue, patch: pytest.MonkeyPatch, library: Path, **settings: str
) -> HostReport:
    patch.setenv("LD_PRELOAD", str(library))
    for name, value in settings.items():
        patch.setenv(f"OLD_KERNEL_{name}", value)
    return probe(catalogue.capabilities())


@pytest.mark.usefixtures("can_tap")
@pytest.mark.parametrize(
    ("mask", "absent"),
    [
        pytest.param("0x1e0", {_USO, *_TUNNELS}, id="5.14"),
        pytest.param("0x180", set(_TUNNELS), id="6.9"),
        pytest.param("", set(), id="this-one"),
    ],
)
def test_offloads_that_an_older_tap_lacks_are_absent(
    catalogue: pa.FileCatalogue,
    monkeypatch: pytest.MonkeyPatch,
    old_kernel: Path,
    mask: str,
    absent: set[str],
) -> None:
    """Of all that this kernel has, exactly the offloads that are refused are absent, by EINVAL."""
    usual = probe(catalogue.capabilities())
    found = _probe(catalogue, monkeypatch, old_kernel, TUN_MASK=mask)
    for name in (_USO, *_TUNNELS):
        assert found.state(name) == ("absent" if name in absent else usual.state(name)), name
        if name in absent:
            assert found.fact(name).detail.startswith("EINVAL from TUNSETOFFLOAD")
    changed = {name for name, fact in usual.facts.items() if found.facts[name] != fact}
    # A macvtap is asked by the same request; nothing else is touched.
    assert changed <= absent | {name.replace("tun.", "macvtap.", 1) for name in absent}


@pytest.mark.usefixtures("can_tap")
def test_a_tap_without_a_vnet_header_carries_no_offload(
    catalogue: pa.FileCatalogue, monkeypatch: pytest.MonkeyPatch, old_kernel: Path
) -> None:
    """A tun driver without IFF_VNET_HDR has none, and offloads that rest on it are not present."""
    found = _probe(catalogue, monkeypatch, old_kernel, NO_VNET_HDR="1")
    assert found.state("tun.vnet-hdr") == "absent"
    assert found.state("tun.uso") != "present"


@pytest.mark.usefixtures("can_kvm")
def test_paravirtual_features_that_an_older_kvm_lacks_are_absent(
    catalogue: pa.FileCatalogue, monkeypatch: pytest.MonkeyPatch, old_kernel: Path
) -> None:
    """Without bits 13 and 14 of leaf 0x40000001, two facts and one mask change, and no more."""
    usual = probe(catalogue.capabilities())
    found = _probe(catalogue, monkeypatch, old_kernel, KVM_PV_MASK="0x6000")
    changed = {name for name, fact in usual.facts.items() if found.facts[name] != fact}
    assert changed <= {"kvm.pv.pv-sched-yield", "kvm.pv.async-pf-int"}
    assert {found.state("kvm.pv.pv-sched-yield"), found.state("kvm.pv.async-pf-int")} == {"absent"}
    register = "kvm.cpuid.40000001.00.eax"
    assert found.masks[register] == usual.masks[register] & ~0x6000
    assert {**found.masks, register: 0} == {**usual.masks, register: 0}


@pytest.mark.usefixtures("can_kvm")
def test_extensions_that_an_older_kvm_lacks_are_absent(
    catalogue: pa.FileCatalogue, monkeypatch: pytest.MonkeyPatch, old_kernel: Path
) -> None:
    """Without KVM_CAP_SPLIT_IRQCHIP (121) and KVM_CAP_X2APIC_API (129), what they are is gone."""
    usual = probe(catalogue.capabilities())
    found = _probe(catalogue, monkeypatch, old_kernel, KVM_CAPS="121,129")
    lost = {
        name
        for name, c in catalogue.capabilities().items()
        if c.probe and c.probe.method == "kvm-extension" and c.probe.argument in {121, 129}
    }
    assert {"kvm.split-irqchip", "kvm.x2apic-api"} <= lost
    assert {found.state(name) for name in lost} == {"absent"}
    assert {name for name, fact in usual.facts.items() if found.facts[name] != fact} <= lost
    assert set(found.sets["kvm.extensions"]) == set(usual.sets["kvm.extensions"]) - {"121", "129"}
