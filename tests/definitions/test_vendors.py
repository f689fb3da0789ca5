"""Machine types of vendors' QEMUs that stand in their sources: they resolve without a binary."""

from __future__ import annotations

import pytest

import platform_abi as pa
from tests.definitions.site import DEFINITIONS, catalogue

#: What one platform asks of a guest's NIC, whatever transport it comes by.
_NIC = {"x86_64": "virtio-net-pci", "aarch64": "virtio-net-pci", "ppc64": "virtio-net-pci",
        "s390x": "virtio-net-ccw"}  # fmt: skip
_SHIPPED = catalogue(DEFINITIONS)

#: Every machine type that no binary was asked about: build, architecture, name.
FROM_SOURCES = [
    (build, arch, machine)
    for arch in _NIC
    for build in _SHIPPED.builds(arch)
    if _SHIPPED.build(build, arch).confidence != "high"
    for machine in _SHIPPED.build(build, arch).machines
]


def _values(arch: str, machine: str, build: str = "") -> dict[tuple[str, str], str]:
    vm = pa.virtual_machine(
        _SHIPPED.devices(), machine, arch=arch, devices=[f"{_NIC[arch]},netdev=n0"],
        netdevs=["tap,id=n0"], build=build or None,
    )  # fmt: skip
    abi = pa.resolve(_SHIPPED, vm, "linux-6.9")
    return {(s.driver, s.property): s.value for s in abi.settings}


@pytest.mark.parametrize(("build", "arch", "machine"), FROM_SOURCES)
def test_it_resolves_as_upstreams_of_its_generation(build: str, arch: str, machine: str) -> None:
    """A vendor's machine type has the features of upstream's, but for what it overrides itself."""
    known = _SHIPPED.machine(build, machine, arch)
    assert _SHIPPED.build(build, arch).reference
    assert known.generation
    values = _values(arch, machine, build)
    own = {entry.property for entry in known.compat}
    upstream = f"{known.family}-{known.generation}"
    others = [b for b in _SHIPPED.builds(arch) if upstream in _SHIPPED.build(b, arch).machines]
    if not others:
        assert values
        return
    expected = _values(arch, upstream, others[0])
    assert {k: v for k, v in values.items() if k[1] not in own} == {
        k: v for k, v in expected.items() if k[1] not in own
    }


@pytest.mark.parametrize(
    ("arch", "machine"),
    [
        ("x86_64", "pc-q35-rhel9.2.0"),
        ("aarch64", "virt-rhel9.2.0"),
        ("s390x", "s390-ccw-virtio-rhel9.2.0"),
        ("ppc64", "pseries-rhel8.6.0"),
    ],
)
def test_what_came_after_its_release_is_not_asked_of_it(arch: str, machine: str) -> None:
    """Nothing that QEMU 8.2 brought is named for one of 7.2: no RHEL 9.2 knows the property."""
    named = {name for _, name in _values(arch, machine)}
    assert "host_tso4" in named
    assert not named & {"host_uso", "guest_uso4", "guest_uso6"}


def test_all_rhel_releases_are_there() -> None:
    """Those of 8 and 9 up to 9.3, which has none of its own, on each of their architectures."""
    names = {machine for _, _, machine in FROM_SOURCES}
    assert {f"pc-q35-rhel8.{minor}.0" for minor in range(7)} <= names
    assert {
        f"{family}-rhel{release}"
        for family in ("pc-q35", "virt", "s390-ccw-virtio")
        for release in ("8.2.0", "8.6.0", "9.0.0", "9.2.0")
    } <= names
