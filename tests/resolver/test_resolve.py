"""What the shipped definitions mean: the cases that the project is for, by example."""

from __future__ import annotations

import pytest

import platform_abi as pa
from platform_abi.model.feature import UNDECIDED
from platform_abi.model.mask import Mask
from tests.resolver.shipped import PINNED_CPU, TUNNEL, USO, emitted, machine_with_nics, value

# --- network backends ----------------------------------------------------------------------------


@pytest.mark.parametrize("netdev", ["tap", "tap,vhost=on"])
@pytest.mark.parametrize(
    ("machine", "platform", "expected"),
    [
        ("pc-q35-9.1", "linux-6.1", "off"),
        ("pc-q35-9.1", "linux-6.2", "on"),
        ("pc-q35-9.1", "linux-6.9", "on"),
        ("pc-q35-9.1", "linux-6.10", "on"),
        ("pc-q35-9.1", "linux-rhel-9.5", "off"),
        ("pc-q35-9.1", "conservative", "off"),
        ("pc-q35-8.2", "linux-6.9", "on"),
        ("pc-q35-8.1", "linux-6.9", None),
        ("pc-i440fx-8.1", "linux-6.1", None),
    ],
)
def test_uso_follows_the_platform_and_not_the_host(
    catalogue: pa.FileCatalogue, machine: str, platform: str, netdev: str, expected: str | None
) -> None:
    """UDP segmentation offload is on from Linux 6.2, and unheard of before machine types of 8.2."""
    abi = pa.resolve(catalogue, machine_with_nics(catalogue, machine, netdev), platform)

    assert dict.fromkeys(USO, expected) == {name: value(abi, name, "nic0") for name in USO}


def test_the_command_lines_of_the_failed_migration_are_one_guest(
    catalogue: pa.FileCatalogue,
) -> None:
    """One platform gives one set of feature bits, without the three that broke the migration."""
    vm = machine_with_nics(catalogue, "pc-q35-9.1", "tap")
    old, new = (pa.resolve(catalogue, vm, name) for name in ("linux-5.14", "linux-6.9"))

    uso = 1 << 54 | 1 << 55 | 1 << 56
    expected = pa.offered_bits(catalogue, old, "nic0") | uso
    assert expected == pa.offered_bits(catalogue, new, "nic0")
    assert pa.offered_bits(catalogue, old, "nic0") & uso == 0


@pytest.mark.parametrize("netdev", ["tap", "tap,vhost=on"])
@pytest.mark.parametrize(
    ("machine", "platform", "expected"),
    [
        ("pc-q35-10.2", "linux-6.17", "on"),
        ("pc-q35-10.2", "linux-6.16", "off"),
        ("pc-q35-11.1", "linux-7.0", "on"),
        ("pc-q35-10.1", "linux-6.17", None),
    ],
)
def test_tunnel_offload_needs_linux_6_17_and_machine_types_of_10_2(
    catalogue: pa.FileCatalogue, machine: str, platform: str, netdev: str, expected: str | None
) -> None:
    """The second time that QEMU did it is closed like the first."""
    abi = pa.resolve(catalogue, machine_with_nics(catalogue, machine, netdev), platform)

    assert dict.fromkeys(TUNNEL, expected) == {n: value(abi, n, "nic0") for n in TUNNEL}


@pytest.mark.parametrize(
    ("netdev", "platform", "expected"),
    [
        ("tap", "linux-6.1", "on"),
        ("tap,vhost=on", "linux-6.1", "off"),
        ("tap,vhost=on", "linux-6.3", "on"),
        ("user", "linux-6.1", "on"),
    ],
)
def test_queue_reset_asks_a_kernel_only_behind_vhost(
    catalogue: pa.FileCatalogue, netdev: str, platform: str, expected: str
) -> None:
    """QEMU resets queues itself; vhost-net can since Linux 6.3."""
    abi = pa.resolve(catalogue, machine_with_nics(catalogue, "pc-q35-9.1", netdev), platform)

    assert expected == value(abi, "queue_reset", "nic0")


@pytest.mark.parametrize("kind", ["macvtap", "macvtap+vhost"])
def test_a_macvtap_has_uso_but_no_tunnel_offload(catalogue: pa.FileCatalogue, kind: str) -> None:
    """A tap is a macvtap where its opener says so, and no kernel has tunnels there."""
    vm = machine_with_nics(catalogue, "pc-q35-10.2", "tap", backends={"n0": kind})
    abi = pa.resolve(catalogue, vm, "linux-7.0")

    assert dict.fromkeys(TUNNEL, "off") == {n: value(abi, n, "nic0") for n in TUNNEL}
    assert dict.fromkeys(USO, "on") == {n: value(abi, n, "nic0") for n in USO}
    assert "macvtap.uso" in {entry.capability for entry in abi.preconditions}
    assert "tun.uso" not in {entry.capability for entry in abi.preconditions}


@pytest.mark.parametrize(
    ("netdev", "csum", "uso", "capability"),
    [
        ("tap", "on", "on", "tun.vnet-hdr"),
        ("tap,vhost=on", "on", "on", "vhost-net"),
        ("tap,vnet_hdr=off", "off", "off", "netdev.tap"),
        ("bridge", "on", "on", "tun.vnet-hdr"),
        ("user", "off", "off", "netdev.user"),
        ("socket,listen=:1", "off", "off", "netdev.socket"),
        ("passt", "on", "off", "backend"),
        ("vhost-user,chardev=c0", "on", "off", "backend"),
        ("vhost-vdpa,vhostdev=/dev/x", "on", "off", "backend"),
    ],
)
def test_a_backend_decides_as_much_as_a_kernel_does(
    catalogue: pa.FileCatalogue, netdev: str, csum: str, uso: str, capability: str
) -> None:
    """What a backend cannot carry is off, and what it needs is a precondition."""
    abi = pa.resolve(catalogue, machine_with_nics(catalogue, "pc-q35-9.1", netdev), "linux-6.9")

    assert csum == value(abi, "csum", "nic0")
    assert uso == value(abi, "host_uso", "nic0")
    assert capability in {entry.capability for entry in abi.preconditions}
    assert () == abi.beyond


def test_nics_that_disagree_get_values_of_their_own(catalogue: pa.FileCatalogue) -> None:
    """A tap and a user NIC in one VM differ per device where they must, and only there."""
    vm = machine_with_nics(catalogue, "pc-q35-9.1", "tap", "user")
    abi = pa.resolve(catalogue, vm, "linux-6.9")

    assert ("on", "off") == (value(abi, "host_uso", "nic0"), value(abi, "host_uso", "nic1"))
    assert not any("host_uso" in text for text in emitted(abi))
    assert "virtio-net-device.mrg_rxbuf=on" in emitted(abi)
    words = pa.arguments(abi)
    devices = [v for option, v in zip(words[::2], words[1::2], strict=True) if option == "-device"]
    assert ["virtio-net-pci,id=nic0,netdev=n0", "virtio-net-pci,id=nic1,netdev=n1"] == [
        text.partition(",csum=")[0] for text in devices
    ]
    assert "host_uso=on" in devices[0].split(",")
    assert "host_uso=off" in devices[1].split(",")
    assert not any("mrg_rxbuf" in text for text in devices)


def test_without_devices_values_hold_behind_tap_with_and_without_vhost(
    catalogue: pa.FileCatalogue,
) -> None:
    """Where no NIC is named, the values are those that every assumed backend can carry."""
    vm = machine_with_nics(catalogue, "pc-q35-9.1")
    on_61, on_69 = (pa.resolve(catalogue, vm, name) for name in ("linux-6.1", "linux-6.9"))

    assert ("off", "on") == (value(on_61, "queue_reset"), value(on_69, "queue_reset"))
    assert ("off", "on") == (value(on_61, "host_uso"), value(on_69, "host_uso"))
    assert "no devices given: values for virtio-net hold behind tap and tap+vhost" in on_69.notes
    assert "off because not every one of these can carry it: virtio-net.queue-reset" in on_61.notes
    assert () == on_61.beyond


@pytest.mark.parametrize(
    "driver",
    [
        "virtio-net-pci",
        "virtio-net-pci-transitional",
        "virtio-net-pci-non-transitional",
        "virtio-net-device",
        "virtio-net",
    ],
)
def test_one_argument_reaches_every_transport(catalogue: pa.FileCatalogue, driver: str) -> None:
    """Values stand on the inner device, which all proxies and virtio-mmio share."""
    vm = machine_with_nics(catalogue, "pc-q35-9.1", "tap", nic=driver)
    abi = pa.resolve(catalogue, vm, "linux-6.1")

    assert "virtio-net-device.host_uso=off" in emitted(abi)
    assert not any(text.startswith("virtio-net-pci") for text in emitted(abi))


def test_transports_in_one_vm_share_their_arguments(catalogue: pa.FileCatalogue) -> None:
    """Three NICs of three transports that agree need one -global, not three."""
    drivers = ["virtio-net-pci", "virtio-net-pci-transitional", "virtio-net-pci-non-transitional"]
    vm = pa.virtual_machine(
        catalogue.devices(),
        "pc-q35-9.1",
        devices=[f"{driver},netdev=n{i}" for i, driver in enumerate(drivers)],
        netdevs=[f"tap,id=n{i}" for i in range(3)],
    )
    abi = pa.resolve(catalogue, vm, "linux-6.1")

    assert 1 == sum("host_uso" in text for text in pa.arguments(abi))


# --- accelerator, board, processor ---------------------------------------------------------------


def test_tcg_has_no_kvm_flags(catalogue: pa.FileCatalogue) -> None:
    """What only KVM decides is not pinned, and not needed, under TCG."""
    kvm, tcg = (
        pa.resolve(
            catalogue,
            machine_with_nics(catalogue, "pc-q35-9.1", "user", accelerator=name, cpu=PINNED_CPU),
            "linux-6.9",
        )
        for name in ("kvm", "tcg")
    )

    assert any("x86_64-cpu.kvm" in text for text in emitted(kvm))
    assert not any("kvm" in text for text in pa.arguments(tcg))
    assert not any(entry.capability.startswith("kvm") for entry in tcg.preconditions)
    assert tcg.migratable


def test_enforce_guards_a_cpu_model_under_kvm(catalogue: pa.FileCatalogue) -> None:
    """QEMU refuses to start where the host lacks a feature of the model, instead of degrading."""
    vm = machine_with_nics(catalogue, "pc-q35-9.1", "user", cpu="Skylake-Server-v4")
    abi = pa.resolve(catalogue, vm, "conservative")

    assert "x86_64-cpu.enforce=on" in emitted(abi)


@pytest.mark.parametrize(
    ("machine", "accelerator", "platform", "expected"),
    [
        ("pc-q35-9.1", "kvm", "linux-6.9", "on"),
        ("pc-q35-9.1", "kvm", "conservative", "off"),
        ("pc-q35-9.1", "tcg", "conservative", "on"),
        ("pc-i440fx-9.1", "kvm", "linux-6.9", "on"),
        ("pc-i440fx-2.3", "kvm", "linux-6.9", None),
        ("microvm", "kvm", "linux-6.9", None),
        ("microvm", "tcg", "linux-6.9", None),
    ],
)
def test_smm_is_a_machine_option_of_the_boards_that_have_it(
    catalogue: pa.FileCatalogue,
    machine: str,
    accelerator: str,
    platform: str,
    expected: str | None,
) -> None:
    """SMM follows the platform under KVM, is always there under TCG, and never on a microvm."""
    builds = {"pc-i440fx-2.3": "qemu-7.2.22", "microvm": "qemu-11.1.3"}
    build = builds.get(machine)
    vm = machine_with_nics(catalogue, machine, accelerator=accelerator, build=build)
    words = pa.arguments(pa.resolve(catalogue, vm, platform))

    wanted = [] if expected is None else [f"smm={expected}"]
    assert wanted == [w for w in words if "smm" in w]


def test_an_explicit_machine_option_stands(catalogue: pa.FileCatalogue) -> None:
    """-machine smm=off of the user is not contradicted by one of the platform's."""
    abi = pa.resolve(catalogue, machine_with_nics(catalogue, "pc-q35-9.1,smm=off"), "linux-6.9")

    assert ["pc-q35-9.1,smm=off"] == [w for w in pa.arguments(abi) if "smm" in w]
    assert "kvm.smm" not in {entry.capability for entry in abi.preconditions}


@pytest.mark.parametrize("model", ["host", "max", "host,vendor=AuthenticAMD"])
def test_a_processor_that_is_the_hosts_is_not_migratable(
    catalogue: pa.FileCatalogue, model: str
) -> None:
    """-cpu host and max are what the host is, and no property changes that."""
    vm = machine_with_nics(catalogue, "pc-q35-9.1", "tap", cpu=model)
    abi = pa.resolve(catalogue, vm, "linux-6.9")

    assert ["x86-cpu.host-model"] == [entry.what for entry in abi.unpinned]
    assert not abi.migratable


NATIVE = ("kvm", "hvf", "whpx", "mshv", "nvmm", "xen", "nitro")


@pytest.mark.parametrize("accelerator", NATIVE)
@pytest.mark.parametrize(
    ("cpu", "expected"),
    [
        ("host", "x86-cpu.host-model"),
        ("max", "x86-cpu.host-model"),
        ("qemu64,host-cache-info=on", "x86-cpu.host-cache-info"),
        ("qemu64,host-phys-bits=on", "x86-cpu.host-phys-bits"),
        ("qemu64,+pmu", "x86-cpu.pmu"),
        ("qemu64", "x86-cpu.vendor"),
    ],
)
def test_what_a_cpu_takes_from_the_host_is_left_to_it_under_every_accelerator(
    catalogue: pa.FileCatalogue, accelerator: str, cpu: str, expected: str
) -> None:
    """Whoever runs a guest on the host's processors shows it what they are, and says so."""
    vm = machine_with_nics(catalogue, "pc-q35-9.1", "user", cpu=cpu, accelerator=accelerator)
    assert expected in {entry.what for entry in pa.resolve(catalogue, vm, "linux-6.9").unpinned}
    assert set(NATIVE) == set(catalogue.devices().native_accelerators)


@pytest.mark.parametrize(
    ("cpu", "globals_", "expected"),
    [
        (None, [], ["x86-cpu.vendor"]),
        ("Skylake-Server-v4", [], ["x86-cpu.vendor"]),
        ("qemu64,vendor=AuthenticAMD", [], []),
        ("Skylake-Server-v4,vendor=GenuineIntel", [], []),
        ("qemu64", ["x86_64-cpu.vendor=AuthenticAMD"], []),
        ("qemu64", ["qemu64-x86_64-cpu.vendor=AuthenticAMD"], []),
        ("qemu64", ["Skylake-Server-x86_64-cpu.vendor=AuthenticAMD"], ["x86-cpu.vendor"]),
    ],
)
def test_a_named_model_wants_its_vendor_written(
    catalogue: pa.FileCatalogue, cpu: str | None, globals_: list[str], expected: list[str]
) -> None:
    """KVM shows the host's vendor with every model, unless -cpu or -global says one.

    Hosts of a pool share it, so that a guest can move all the same.
    """
    vm = machine_with_nics(catalogue, "pc-q35-9.1", "tap", cpu=cpu, globals_=globals_)
    abi = pa.resolve(catalogue, vm, "linux-6.9")

    assert expected == [entry.what for entry in abi.unpinned]
    assert abi.migratable


# --- explicit values -----------------------------------------------------------------------------


def test_an_explicit_value_beyond_the_platform_resolves_and_is_named(
    catalogue: pa.FileCatalogue,
) -> None:
    """The user is right, but hears what the platform does not promise; strict mode refuses."""
    vm = machine_with_nics(catalogue, "pc-q35-9.1", "tap", nic="virtio-net-pci,host_uso=on")
    abi = pa.resolve(catalogue, vm, "linux-6.1")

    assert "on" == value(abi, "host_uso", "nic0")
    (beyond,) = abi.beyond
    assert ("virtio-net.host-uso", "virtio-net-pci", "host_uso", "on", "nic0") == (
        beyond.feature,
        beyond.driver,
        beyond.property,
        beyond.value,
        beyond.device,
    )
    assert "tun.uso" in beyond.missing
    assert "tun.uso" in {entry.capability for entry in abi.preconditions}
    with pytest.raises(pa.BeyondPlatformError, match=r"virtio-net-pci.host_uso=on") as caught:
        pa.resolve(catalogue, vm, "linux-6.1", strict=True)
    assert "beyond-platform" == caught.value.code
    assert () == pa.resolve(catalogue, vm, "linux-6.9", strict=True).beyond


def test_an_explicit_value_that_the_backend_cannot_carry_is_named(
    catalogue: pa.FileCatalogue,
) -> None:
    """host_uso=on in front of a user netdev says so, whatever the platform."""
    vm = machine_with_nics(catalogue, "pc-q35-9.1", "user", nic="virtio-net-pci,host_uso=on")
    (beyond,) = pa.resolve(catalogue, vm, "linux-6.9").beyond

    assert "backend 'user' cannot carry it" == beyond.reason


def test_an_explicit_global_wins_over_the_platform(catalogue: pa.FileCatalogue) -> None:
    """The user's -global is the last of equals, or sits on the proxy, and either way counts."""
    for driver in ("virtio-net-device", "virtio-net-pci", "virtio-pci", "virtio-device"):
        name = f"{driver}.host_uso=off"
        vm = machine_with_nics(catalogue, "pc-q35-9.1", "tap", globals_=[name])
        try:
            abi = pa.resolve(catalogue, vm, "linux-6.9")
        except pa.UnknownNameError:
            # A parent that has no such property for QEMU either.
            assert driver in {"virtio-pci", "virtio-device"}
            continue
        assert [name] == [text for text in emitted(abi) if "host_uso" in text]
        assert 0 == pa.offered_bits(catalogue, abi, "nic0") & 1 << 56


def test_the_word_auto_is_accepted_and_not_migratable(catalogue: pa.FileCatalogue) -> None:
    """An explicit auto leaves the value to the host, which is said by name."""
    vm = machine_with_nics(
        catalogue, "pc-q35-9.1", "tap", nic="virtio-net-pci,host_uso=auto", cpu=PINNED_CPU
    )
    abi = pa.resolve(catalogue, vm, "linux-6.9")

    assert [("virtio-net-pci.host_uso=auto", "virtio-net-pci.host_uso=on")] == [
        (entry.what, entry.pin) for entry in abi.unpinned
    ]
    assert not abi.migratable


@pytest.mark.parametrize("word", ["true", "yes", "y", "on"])
def test_a_boolean_is_read_in_every_spelling_of_qemu(
    catalogue: pa.FileCatalogue, word: str
) -> None:
    """host_uso=yes is host_uso=on."""
    vm = machine_with_nics(catalogue, "pc-q35-9.1", "tap", nic=f"virtio-net-pci,host_uso={word}")
    abi = pa.resolve(catalogue, vm, "linux-6.9")

    assert "on" == value(abi, "host_uso", "nic0")


# --- overrides, editions, masks ------------------------------------------------------------------


def test_an_override_changes_one_feature_of_a_platform(catalogue: pa.FileCatalogue) -> None:
    """What is written behind the platform's name is part of the choice, and recorded."""
    vm = machine_with_nics(catalogue, "pc-q35-9.1", "tap")
    abi = pa.resolve(catalogue, vm, "linux-6.9,virtio-net.rss=on")

    assert "virtio-net-device.rss=on" in emitted(abi)
    assert f"linux-6.9@{catalogue.newest_edition()},virtio-net.rss=on" == abi.platform
    assert () == abi.beyond
    assert not any("rss" in text for text in emitted(pa.resolve(catalogue, vm, "linux-6.9")))


def test_an_override_beyond_the_platform_is_named_and_refused_in_strict_mode(
    catalogue: pa.FileCatalogue,
) -> None:
    """linux-6.1,virtio-net.host-uso=on promises what no host of linux-6.1 has."""
    vm = machine_with_nics(catalogue, "pc-q35-9.1", "tap")
    choice = "linux-6.1,virtio-net.host-uso=on"

    assert ["virtio-net.host-uso"] == [b.feature for b in pa.resolve(catalogue, vm, choice).beyond]
    with pytest.raises(pa.BeyondPlatformError):
        pa.resolve(catalogue, vm, choice, strict=True)


def test_an_edition_may_be_named_and_is_always_recorded(catalogue: pa.FileCatalogue) -> None:
    """A bare name means the newest edition, and what is stored is the canonical spelling."""
    vm = machine_with_nics(catalogue, "pc-q35-9.1", "tap")
    newest = f"linux-6.9@{catalogue.newest_edition()}"
    bare, named = (pa.resolve(catalogue, vm, n) for n in ("linux-6.9", newest))

    assert bare == named
    assert newest == bare.platform


def test_a_mask_withdraws_a_feature_on_this_site(
    catalogue: pa.FileCatalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A masked feature is at its fallback, says why, and asking for it is beyond the platform."""
    masked = pa.FileCatalogue(catalogue.roots)
    mask = Mask(
        platform="linux-6.9",
        feature="virtio-net.host-uso",
        reason="driver bug",
        date="2026-01-02",
        source="masks/site.toml",
    )
    monkeypatch.setattr(masked, "masks", lambda: (mask,))
    vm = machine_with_nics(masked, "pc-q35-9.1", "tap")
    abi = pa.resolve(masked, vm, "linux-6.9")

    assert "off" == value(abi, "host_uso", "nic0")
    (setting,) = (s for s in abi.settings if s.property == "host_uso")
    assert "masks/site.toml: driver bug" == setting.source
    asked = machine_with_nics(masked, "pc-q35-9.1", "tap", nic="virtio-net-pci,host_uso=on")
    assert ["virtio-net.host-uso"] == [
        b.feature for b in pa.resolve(masked, asked, "linux-6.9").beyond
    ]
    assert "on" == value(pa.resolve(masked, vm, "linux-6.10"), "host_uso")


NETDEVS = ("tap", "tap,vhost=on", "user", "vhost-user,chardev=c", "vhost-vdpa")


def test_no_platform_exceeds_itself(catalogue: pa.FileCatalogue) -> None:
    """Without explicit values nothing is beyond any platform, so strict mode passes everywhere."""
    for machine, build in (("pc-q35-11.1", None), ("pc-i440fx-2.1", "qemu-7.2.22")):
        for platform in catalogue.platform_names():
            for accelerator in ("kvm", "tcg"):
                vm = machine_with_nics(
                    catalogue, machine, *NETDEVS, accelerator=accelerator, build=build
                )
                abi = pa.resolve(catalogue, vm, platform, strict=True)
                assert () == abi.beyond
                values = {s.value for s in abi.settings if s.layer in ("default", "platform")}
                assert not values & UNDECIDED


def test_conservative_asks_no_kernel_for_an_offload(catalogue: pa.FileCatalogue) -> None:
    """The platform that runs everywhere needs no capability that some kernel lacks."""
    vm = machine_with_nics(catalogue, "pc-q35-11.1", "tap", "tap,vhost=on", cpu=PINNED_CPU)
    abi = pa.resolve(catalogue, vm, "conservative")

    wanted = {e.capability for e in abi.preconditions if e.capability.startswith("tun.")}
    on = {s.property for s in abi.settings if "virtio-net" in s.driver and s.value == "on"}
    assert not on & {"csum", "guest_csum", *USO, *TUNNEL, "guest_tso4", "host_tso4", "host_ufo"}
    assert not wanted & {"tun.uso", "tun.tso4", "tun.udp-tunnel-gso", "tun.csum"}


def test_every_machine_type_resolves_on_every_platform(catalogue: pa.FileCatalogue) -> None:
    """No pair of a shipped machine type and a shipped platform is an error."""
    platforms = ("conservative", "linux-4.18", "linux-7.3", "linux-rhel-9.5", "windows-2022")
    for build in catalogue.builds("x86_64"):
        for machine in catalogue.build(build, "x86_64").machines:
            vm = machine_with_nics(catalogue, machine, build=build)
            for platform in platforms:
                abi = pa.resolve(catalogue, vm, platform)
                assert machine == abi.vm.machine
                assert ["-machine", machine] == pa.arguments(abi)[:2]


# --- what a build lacks --------------------------------------------------------------------------


def test_a_named_build_without_the_property_is_refused_where_it_matters(
    catalogue: pa.FileCatalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A property that a named build lacks is dropped where off means the same, else an error."""
    from attrs import evolve

    lacking = pa.FileCatalogue(catalogue.roots)
    types = catalogue.types("qemu-10.0.2", "x86_64")
    own = dict(types.own_properties)
    own["virtio-net-device"] = tuple(p for p in own["virtio-net-device"] if p != "host_uso")
    reduced = evolve(types, own_properties=own)
    monkeypatch.setattr(lacking, "types", lambda _build, _arch: reduced)
    vm = machine_with_nics(lacking, "pc-q35-9.1", "tap", build="qemu-10.0.2")

    assert not any("host_uso" in text for text in emitted(pa.resolve(lacking, vm, "linux-6.1")))
    with pytest.raises(pa.UsageError, match=r"qemu-10\.0\.2 has no property") as caught:
        pa.resolve(lacking, vm, "linux-6.9")
    assert "build-lacks-property" == caught.value.code
    pa.resolve(lacking, vm, "linux-6.9,virtio-net.host-uso=off")


# --- names that nothing defines ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "code", "hint"),
    [
        ({"machine": "pc-q35-9.11"}, "unknown-machine", "pc-q35-9.1"),
        ({"platform": "linux-6.99"}, "unknown-platform", "linux-6.9"),
        ({"platform": "linux-6.9@2025.9"}, "unknown-edition", "2026.1"),
        (
            {"platform": "linux-6.9,virtio-net.host-usa=on"},
            "unknown-feature",
            "virtio-net.host-uso",
        ),
        ({"build": "qemu-10.0.3"}, "unknown-build", "qemu-10.0.2"),
        ({"accelerator": "kvn"}, "unknown-accelerator", "kvm"),
        ({"cpu": "Skylake-Servr"}, "unknown-cpu", "Skylake-Server"),
        ({"nic": "virtio-net-pcii"}, "unknown-driver", "virtio-net-pci"),
        ({"nic": "virtio-net-pci,host_usso=on"}, "unknown-property", "virtio-net-pci.host_uso"),
        ({"globals_": ["virtio-net-devise.csum=on"]}, "unknown-driver", "virtio-net-device"),
        ({"globals_": ["virtio-net-pci.cssum=on"]}, "unknown-property", "virtio-net-pci.csum"),
        ({"backends": {"n0": "macvtapp"}}, "unknown-backend", "macvtap"),
        ({"backends": {"n00": "macvtap"}}, "unknown-netdev", "n0"),
        ({"netdev": "tapp"}, "unknown-netdev-type", "tap"),
    ],
)
def test_a_name_that_nothing_defines_is_refused_with_the_nearest(
    catalogue: pa.FileCatalogue, arguments: dict[str, object], code: str, hint: str
) -> None:
    """Every unknown name has a stable code, is a LookupError too, and suggests what was meant."""
    given = dict(arguments)
    machine = str(given.pop("machine", "pc-q35-9.1"))
    platform = str(given.pop("platform", "linux-6.9"))
    netdev = str(given.pop("netdev", "tap"))
    with pytest.raises(pa.UnknownNameError) as caught:
        pa.resolve(
            catalogue,
            machine_with_nics(catalogue, machine, netdev, **given),  # type: ignore[arg-type]
            platform,
        )

    assert code == caught.value.code
    assert isinstance(caught.value, LookupError)
    assert f"'{hint}'" in caught.value.message.partition("; did you mean ")[2]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"platform": ""}, "platform-syntax"),
        ({"platform": "linux-6.9,host_uso"}, "platform-syntax"),
        ({"platform": "linux-6.9,virtio-net.host-uso=auto"}, "override-value"),
        ({"platform": "linux-6.9,virtio-net.host-tunnel=on"}, "override-impossible"),
        ({"platform": "linux-6.9,virtio-net.vnet-hdr=on"}, "override-impossible"),
        ({"platform": "linux-6.9,x86-cpu.vendor=on"}, "override-impossible"),
        ({"platform": "linux-6.9,virtio-net.rss=on,virtio-net.rss=off"}, "platform-override"),
        ({"nic": "virtio-net-pci,host_uso=maybe"}, "property-value"),
        ({"nic": "virtio-net-pci,host_mtu=many"}, "property-value"),
        ({"globals_": ["virtio-net.host_uso=on"]}, "global-alias"),
    ],
)
def test_what_qemu_would_refuse_is_refused_with_a_stable_code(
    catalogue: pa.FileCatalogue, arguments: dict[str, object], code: str
) -> None:
    """Malformed choices and impossible values are usage errors, before any QEMU sees them."""
    given = dict(arguments)
    platform = str(given.pop("platform", "linux-6.9"))
    with pytest.raises(pa.UsageError) as caught:
        pa.resolve(
            catalogue,
            machine_with_nics(catalogue, "pc-q35-9.1", "tap", **given),  # type: ignore[arg-type]
            platform,
        )

    assert code == caught.value.code


def test_a_global_on_an_alias_says_what_to_write(catalogue: pa.FileCatalogue) -> None:
    """-global virtio-net.x is silently without effect in QEMU, so it is refused, with the name."""
    vm = machine_with_nics(catalogue, "pc-q35-9.1", "tap", globals_=["virtio-net.host_uso=off"])
    with pytest.raises(pa.UsageError) as caught:
        pa.resolve(catalogue, vm, "linux-6.9")

    assert "write virtio-net-pci.host_uso" == caught.value.help


def test_a_size_is_read_as_qemu_reads_it(catalogue: pa.FileCatalogue) -> None:
    """block-size=1G of a virtio-mem device is 1073741824 bytes."""
    vm = pa.virtual_machine(
        catalogue.devices(),
        "pc-q35-9.1",
        devices=["virtio-mem-pci,id=m,block-size=1G", "virtio-mem-pci,id=n"],
    )
    abi = pa.resolve(catalogue, vm, "linux-6.9")

    assert ("1073741824", "2097152") == (
        value(abi, "block-size", "m"),
        value(abi, "block-size", "n"),
    )


def test_a_mask_of_what_guests_opt_in_to_says_why_as_well(
    catalogue: pa.FileCatalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A masked opt-in feature needs no argument while off, and its mask is still what is named."""
    masked = pa.FileCatalogue(catalogue.roots)
    mask = Mask(
        platform="*",
        feature="virtio-net.rss",
        reason="leaks",
        date="2026-01-02",
        source="masks/s.toml",
    )
    monkeypatch.setattr(masked, "masks", lambda: (mask,))
    abi = pa.resolve(masked, machine_with_nics(masked, "pc-q35-9.1", "tap"), "linux-6.9")
    (setting,) = (s for s in abi.settings if s.property == "rss")
    assert ("off", "default", "masks/s.toml: leaks") == (
        setting.value,
        setting.layer,
        setting.source,
    )


@pytest.mark.parametrize("value", ["on", "yes", "true", "y"])
@pytest.mark.parametrize("given_as", ["device", "global"])
def test_a_feature_is_brought_about_by_the_value_that_it_names(
    catalogue: pa.FileCatalogue, value: str, given_as: str
) -> None:
    """However that is spelled and wherever it is written; any other value of it does not."""

    def opened(written: str) -> bool:
        name = "backend_defaults" if given_as == "device" else "virtio-blk-pci.backend_defaults"
        extra = f",{name}={written}" if given_as == "device" else ""
        vm = pa.virtual_machine(
            catalogue.devices(),
            "pc-q35-9.1",
            cpu=PINNED_CPU,
            devices=[f"virtio-blk-pci,id=d,drive=b{extra}"],
            globals_=[f"{name}={written}"] if given_as == "global" else [],
        )
        abi = pa.resolve(catalogue, vm, "linux-6.9")
        return any("blk" in entry.what for entry in abi.unpinned)

    assert opened(value)
    for other in ("off", "no", "false", "n"):
        assert not opened(other)
