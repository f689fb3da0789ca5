"""What a source says of a capability: the line where it is, none, or nothing at all."""

from __future__ import annotations

from pathlib import Path

import pytest

import platform_abi as pa
from platform_abi.author.kernel_tree import KernelConfiguration, KernelTree, read_tree
from platform_abi.author.kernel_witness import KernelWitness, SourceSeen
from tests.author import kernels


@pytest.fixture(name="tree")
def _tree(tmp_path: Path, catalogue: pa.FileCatalogue) -> KernelTree:
    return read_tree(str(kernels.folder(tmp_path)), catalogue.kernel_sources())


def _seen(
    catalogue: pa.FileCatalogue,
    tree: KernelTree,
    configuration: KernelConfiguration | None = None,
) -> dict[str, SourceSeen]:
    found = KernelWitness(tree, catalogue.kernel_sources(), configuration).all(
        catalogue.capabilities().values()
    )
    return {each.capability: each for each in found}


def test_what_is_implemented_is_there_by_its_line(
    catalogue: pa.FileCatalogue, tree: KernelTree
) -> None:
    """And every symbol of it has to be: one of two offloads is none."""
    seen = _seen(catalogue, tree)
    assert (seen["tun.uso"].state, seen["tun.uso"].witness) == ("present", "drivers/net/tun.c:8")
    assert seen["tun.multi-queue"].witness == "drivers/net/tun.c:4"
    half = {**tree.texts, "drivers/net/tun.c": kernels.TUN.replace("TUN_F_USO6", "0")}
    assert _seen(catalogue, KernelTree(texts=half))["tun.uso"].state == "absent"


def test_what_is_only_spoken_of_is_not_there(catalogue: pa.FileCatalogue, tree: KernelTree) -> None:
    """A comment names it and a header defines it, and the driver has no part of it."""
    seen = _seen(catalogue, tree)["tun.udp-tunnel-gso"]
    assert seen.state == "absent"
    assert seen.witness == "TUN_F_UDP_TUNNEL_GSO is not in drivers/net/tun.c"


def test_a_header_alone_proves_only_what_is_not_there(
    catalogue: pa.FileCatalogue, tree: KernelTree
) -> None:
    """A constant may be of a kernel that does not implement it; without one, none does."""
    seen = _seen(catalogue, tree)
    assert seen["kvm.xsave2"].state == "unknown"
    assert seen["kvm.xsave2"].witness.startswith("include/uapi/linux/kvm.h defines KVM_CAP_XSAVE2")
    assert seen["kvm.sregs2"].state == "absent"
    # Headers for user space never move: one that is not there is of a later kernel.
    assert (seen["iommufd"].state, seen["iommufd"].witness) == (
        *("absent", "IOMMU_IOAS_ALLOC is not in include/uapi/linux/iommufd.h"),
    )
    assert seen["macvtap.uso"].state == "unknown"
    # KVM has a header of its own for some bits, and a package of headers has not.
    cpu = {**tree.texts, "arch/x86/include/asm/cpufeatures.h": "#define X86_FEATURE_SHSTK 1\n"}
    assert _seen(catalogue, KernelTree(texts=cpu))["kvm.cpuid.movrs"].state == "unknown"
    own = {**cpu, "arch/x86/kvm/reverse_cpuid.h": "#define X86_FEATURE_MOVRS 1\n"}
    assert _seen(catalogue, KernelTree(texts=own))["kvm.cpuid.movrs"].state == "unknown"
    assert _seen(catalogue, KernelTree(texts=own))["kvm.cpuid.lam"].state == "absent"


def test_what_is_no_longer_where_it_was_is_not_said_to_be_gone(
    catalogue: pa.FileCatalogue, tree: KernelTree
) -> None:
    """All the places where it always was have to be there; another one that has it is enough."""
    tun = "drivers/net/tun.c"
    moved = {path: text for path, text in tree.texts.items() if path != tun}
    moved["drivers/net/tun_vnet.h"] = "case TUNSETVNETLE:"
    moved["include/uapi/linux/if_tun.h"] += "#define TUNSETVNETBE 1\n#define TUNSETVNETLE 2\n"
    seen = _seen(catalogue, KernelTree(texts=moved))
    assert seen["tun.vnet-le"].state == "present"
    assert seen["tun.vnet-be"].state == "unknown"
    assert _seen(catalogue, KernelTree(texts={**moved, tun: ""}))["tun.vnet-be"].state == "absent"


def test_what_a_configuration_turns_off_is_not_there(
    catalogue: pa.FileCatalogue, tree: KernelTree
) -> None:
    """What it says nothing of is off; an option of a later kernel is none that counts."""
    off = _seen(catalogue, tree, KernelConfiguration(options={"KVM": "m"}))
    assert (off["tun.uso"].state, off["tun.uso"].witness) == ("absent", "CONFIG_TUN is off")
    on = _seen(catalogue, tree, KernelConfiguration(options={"TUN": "m"}))["tun.uso"]
    assert (on.state, on.lacking, on.unread) == ("present", (), ())
    assert _seen(catalogue, tree)["tun.uso"].unread == ("TUN",)
    named = KernelConfiguration(options={"KVM": "m", "KVM_HYPERV": "n"})
    assert _seen(catalogue, tree, named)["kvm.hv.config"].lacking == ("KVM_HYPERV",)
    # Nothing that declares KVM_HYPERV is in that tree: it is of before that option.
    assert _seen(catalogue, tree)["kvm.hv.config"].unread == ()


def test_a_configuration_counts_for_its_architecture_alone(
    catalogue: pa.FileCatalogue, tree: KernelTree
) -> None:
    """What one of x86 leaves out says nothing of Arm."""
    texts = {**tree.texts, "virt/kvm/Kconfig": "config KVM\n"}
    x86 = KernelConfiguration(arch="x86", options={"TUN": "m"})
    seen = _seen(catalogue, KernelTree(texts=texts), x86)
    assert seen["kvm.xsave2"].lacking == ("KVM",)
    assert (seen["kvm.arm64.sve"].lacking, seen["kvm.arm64.sve"].unread) == ((), ("KVM",))


def test_every_capability_of_a_kernel_has_a_place_in_its_source(
    catalogue: pa.FileCatalogue,
) -> None:
    """One with a release that nothing can be held against would be believed for ever."""
    sources = catalogue.kernel_sources()
    for capability in catalogue.capabilities().values():
        if capability.since is not None:
            named = capability.since == "never" and not capability.symbol
            assert named or sources.places(capability), capability.id
    known = catalogue.capabilities()
    assert [each.id for each in sources.names if each.id not in known] == []
