"""A machine is changed only in what QEMU refused, and what was changed is said."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.rehearsal.fitting import Fitting, fitted, needs
from platform_abi.verifier.stand_in import Part, StandIn

_TAP = Part(
    device="net0",
    words=(("-netdev", "tap,id=n,,0"), ("-device", "virtio-net-pci,id=net0,netdev=n,,0")),
)
_RNG = Part(device="rng0", words=(("-device", "virtio-rng-pci,id=rng0"),))
_GONE = Part(device="tpm0", why="a TPM is another process")


def _made(*common: tuple[str, ...]) -> Fitting:
    return Fitting(made=StandIn(common=common, parts=(_TAP, _RNG, _GONE)))


def test_a_tap_that_cannot_be_had_becomes_a_hub_and_that_is_said() -> None:
    """The NIC stays, its netdev's id too; of all else nothing changes."""
    found = fitted(_made(), "qemu: -netdev tap,id=n,,0: could not configure /dev/net/tun: EPERM")
    assert found is not None
    words = found.words(())
    assert ["net0", "rng0"] == found.labels
    (hub,) = (word for word in words if word.startswith("hubport,"))
    assert ",id=n,,0," in hub
    assert words[2:] == _made().words(())[2:]
    assert ["net0"] == [remark.device for remark in found.remarks()]


def test_two_taps_never_share_a_hub() -> None:
    """What one NIC says, the other does not hear."""
    taps = [
        Part(
            device=name, words=(("-netdev", f"tap,id={name}"), ("-device", f"e1000,netdev={name}"))
        )
        for name in ("a", "b")
    ]
    fitting: Fitting | None = Fitting(made=StandIn(common=(), parts=tuple(taps)))
    for name in ("a", "b"):
        assert fitting is not None
        fitting = fitted(fitting, f"qemu: -netdev tap,id={name}: no")
    assert fitting is not None
    hubs = {word for word in fitting.words(()) if "hubport" in word}
    assert len({hub.rpartition("=")[2] for hub in hubs}) == 2


def test_a_device_that_the_source_refuses_is_left_out_with_its_words() -> None:
    """So is a NIC that is refused for another reason than its netdev."""
    found = fitted(_made(), "qemu: -device virtio-rng-pci,id=rng0: no such thing")
    assert found is not None
    assert ["net0"] == found.labels
    assert {"rng0", "tpm0"} == found.left_out.keys()
    assert "no such thing" in found.left_out["rng0"]
    nic = fitted(_made(), "qemu: -device virtio-net-pci,id=net0,netdev=n,,0: no room")
    assert nic is not None
    assert ["rng0"] == nic.labels


@given(
    st.sampled_from(
        [
            ("-accel", "kvm"),
            ("-accel", "accel=kvm,kernel-irqchip=split"),
            ("-machine", "type=q35,accel=kvm,smm=on"),
            ("-M", "q35,accel=kvm"),
            ("-enable-kvm",),
        ]
    )
)
def test_tcg_does_for_kvm_where_kvm_is_what_is_missing(option: tuple[str, ...]) -> None:
    """However it was asked for, once, and only where QEMU's words are about it."""
    said = "qemu: could not access KVM kernel module: Permission denied"
    found = fitted(_made(option), said)
    assert found is not None
    words = found.words(())
    assert not any("kvm" in word for word in words)
    assert any("tcg" in word for word in words)
    assert [True] == ["TCG" in remark.message for remark in found.remarks()]
    assert fitted(found, said) is None
    assert fitted(_made(option), "qemu: unsupported machine type") is None


def test_who_was_named_last_is_who_was_refused() -> None:
    """QEMU goes on after a remark about a device, and hints at what helps after a refusal."""
    said = (
        "qemu: -device virtio-net-pci,id=net0,netdev=n,,0: info: odd\n"
        "qemu: -device virtio-rng-pci,id=rng0: no such thing\nTry -device help"
    )
    found = fitted(_made(), said)
    assert found is not None
    assert ["net0"] == found.labels
    assert found.left_out["rng0"].endswith("no such thing")


def test_nothing_is_changed_for_what_nobody_knows() -> None:
    """A warning that names an option blames nobody."""
    assert fitted(_made(("-accel", "tcg")), "qemu: cannot allocate memory") is None
    assert fitted(_made(), "qemu: -device virtio-rng-pci,id=rng0: warning: deprecated") is None


def test_a_device_needs_what_its_bus_belongs_to() -> None:
    """By the id, or the id, a dot and a number; the board's buses are no device's."""
    devices = [
        pa.Device(driver="pcie-root-port", id="rp.1"),
        pa.Device(driver="virtio-scsi-pci", id="scsi", properties=(("bus", "rp.1"),)),
        pa.Device(driver="scsi-hd", properties=(("bus", "scsi.0"),)),
        pa.Device(driver="virtio-rng-pci", properties=(("bus", "pcie.0"),)),
    ]
    vm = pa.VirtualMachine(machine="m", devices=tuple(devices))
    assert {"scsi": "rp.1", "device[2]": "scsi"} == needs(vm)
