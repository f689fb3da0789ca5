"""The catalogue of definition files: laziness, merging, and errors with their places."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.definitions.kinds.platforms import MAX_DEPTH
from tests.definitions.site import (
    CAPABILITIES,
    DEFINITIONS,
    DEVICES,
    FAMILY,
    FEATURES,
    MACHINES,
    SMALL,
    TYPES,
    catalogue,
    platform_text,
    reads,
    shipped,
    small,
    write,
)

NIC = pa.Device(driver="virtio-net-pci", id="n", backend="tap")


def refused(question: Callable[[], Any]) -> list[str]:
    """Return the faults that a question is refused with."""
    with pytest.raises(pa.DefinitionError) as caught:
        question()
    return list(caught.value.faults)


# --- laws ----------------------------------------------------------------------------------------


@given(order=st.permutations(sorted(SMALL)), split=st.sets(st.sampled_from(sorted(SMALL))))
@settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_where_a_file_lies_changes_no_answer(
    order: list[str], split: set[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Spread over two folders in any order, with copies in both, the definitions mean the same."""
    base = tmp_path_factory.mktemp("roots")
    for index, relative in enumerate(order):
        write(base / "both", relative, SMALL[relative])
        write(base / ("first" if relative in split else "second"), relative, SMALL[relative])
        if index % 3 == 0:
            write(base / "second", relative, SMALL[relative])
    together = catalogue(base / "both")
    apart = catalogue(base / "first", base / "second")
    nic = pa.Device(driver="net-pci", id="n", backend="tap")
    vm = pa.VirtualMachine(machine="pc-q35-9.0", devices=(nic,))
    for name in ("test-1", "test-2"):
        assert pa.resolve(apart, vm, name) == pa.resolve(together, vm, name)
        assert apart.platform(name) == together.platform(name)
    assert apart.devices() == together.devices()
    assert apart.capabilities() == together.capabilities()
    assert apart.editions() == together.editions()


def test_asking_twice_reads_once(tmp_path: Path) -> None:
    """Every answer is a constant for the life of a catalogue, whatever becomes of the files."""
    found = catalogue(small(tmp_path))
    first = (found.platform("test-2"), found.features("net"), found.masks(), found.devices())
    for path in tmp_path.rglob("*.toml"):
        path.write_text("broken")
    with reads() as files:
        again = (found.platform("test-2"), found.features("net"), found.masks(), found.devices())
    assert again == first
    assert files == []


# --- laziness ------------------------------------------------------------------------------------


def test_nothing_is_read_before_it_is_needed() -> None:
    """Making a catalogue and listing its names reads no file."""
    with reads() as files:
        found = catalogue(DEFINITIONS)
        assert "linux-6.9" in found.platform_names()
        assert "virtio-net" in found.feature_stems()
        assert "2026.1" in found.editions()
        assert found.builds("x86_64")
    assert files == []


def test_resolving_reads_only_what_it_needs() -> None:
    """A NIC on an upstream platform takes its lineage, its families and the machine types."""
    with reads() as files:
        vm = pa.VirtualMachine(machine="pc-q35-9.1", devices=(NIC,), build="qemu-10.0.2")
        pa.resolve(catalogue(DEFINITIONS), vm, "linux-5.1")
    assert len(files) == len(set(files))
    assert {f for f in files if f.startswith("platforms/")} == {
        f"platforms/linux/linux-{release}.toml"
        for release in ("4.18", "4.19", "4.20", "5.0", "5.1")
    }
    assert {f for f in files if f.startswith("machines/")} == {
        "machines/qemu-10.0.2/x86_64.toml",
        "machines/qemu-10.0.2/x86_64-migration.toml",
        "machines/qemu-10.0.2/x86_64-types.toml",
    }
    assert "features/virtio-net.toml" in files
    assert not {f for f in files if f.startswith(("editions/", "capabilities/", "masks/"))}
    unrelated = {"vhost-vsock", "vhost-scsi", "virtio-gpu", "vhost-user-blk", "virtio-crypto"}
    assert not {f"features/{stem}.toml" for stem in unrelated} & set(files)


def test_a_broken_file_that_nobody_needs_disturbs_nobody(tmp_path: Path) -> None:
    """A vendor's broken platform is an error of that platform alone."""
    write(tmp_path, "platforms/x/broken-1.toml", "broken")
    write(tmp_path, "features/broken.toml", "broken")
    write(tmp_path, "machines/qemu-1.0/x86_64.toml", "broken")
    found = catalogue(DEFINITIONS, tmp_path)
    vm = pa.VirtualMachine(machine="pc-q35-9.1", devices=(NIC,))
    assert pa.resolve(found, vm, "linux-6.9") == pa.resolve(catalogue(DEFINITIONS), vm, "linux-6.9")
    place = f"{tmp_path}/platforms/x/broken-1.toml:1:7: "
    assert refused(lambda: found.platform("broken-1"))[0].startswith(place)
    assert refused(lambda: found.features("broken"))[0].startswith(f"{tmp_path}/features/broken")
    assert refused(lambda: found.build("qemu-1.0", "x86_64"))


# --- two folders ---------------------------------------------------------------------------------

#: A file, a change of it, what then has two meanings, and who notices.
_CONFLICTS: list[tuple[str, tuple[str, str], Callable[[pa.FileCatalogue], Any], str]] = [
    (
        "platforms/test/test-1.toml",
        ('"net.queues" = 4', '"net.queues" = 8'),
        lambda found: found.platform("test-1"),
        "platform test-1",
    ),
    (
        "features/net.toml",
        ("Segmentation offload", "Another offload"),
        lambda found: found.features("net"),
        "feature net.uso",
    ),
    (
        "capabilities/tun.toml",
        ('since = "6.2"', 'since = "6.1"'),
        lambda found: found.capabilities(),
        "capability tun.uso",
    ),
    (
        "devices/net.toml",
        ('proxies = ["net-pci"]', 'proxies = ["net-ccw"]'),
        lambda found: found.devices(),
        "device family net",
    ),
    (
        "devices/net.toml",
        ('netdev = ["tap"]', 'netdev = ["bridge"]'),
        lambda found: found.devices(),
        "backend tap",
    ),
    (
        "machines/qemu-10.0.0/x86_64.toml",
        ('"old", "off"', '"old", "on"'),
        lambda found: found.machine("qemu-10.0.0", "pc-q35-10.0", "x86_64"),
        "build qemu-10.0.0",
    ),
    (
        "machines/qemu-10.0.0/x86_64-types.toml",
        ('"queues", ', ""),
        lambda found: found.types("qemu-10.0.0", "x86_64"),
        "types of qemu-10.0.0",
    ),
    (
        "messages/net.toml",
        ("the source has", "the source had"),
        lambda found: found.messages(),
        "message queue-count",
    ),
    (
        "messages/net.toml",
        ("make both", "made both"),
        lambda found: found.messages(),
        "sentence same",
    ),
    (
        "messages/net.toml",
        ("read QEMU's", "look into QEMU's"),
        lambda found: found.messages(),
        "log qemu",
    ),
    (
        "editions/2026.1.toml",
        ("schema = 1", "schema = 1\nreleased = 2026-01-02"),
        lambda found: found.edition("2026.1"),
        "edition 2026.1",
    ),
]


@pytest.mark.parametrize(
    ("relative", "change", "question", "what"), _CONFLICTS, ids=[what for *_, what in _CONFLICTS]
)
def test_one_name_has_one_meaning(
    relative: str,
    change: tuple[str, str],
    question: Callable[[pa.FileCatalogue], Any],
    what: str,
    tmp_path: Path,
) -> None:
    """A copy of a file is no error; another meaning of its name is one that shows both files."""
    assert SMALL[relative].count(change[0]) == 1
    small(tmp_path / "a")
    write(tmp_path / "b", relative, SMALL[relative] + "# a copy\n")
    alone, copied = catalogue(tmp_path / "a"), catalogue(tmp_path / "a", tmp_path / "b")
    assert question(copied) == question(alone)

    write(tmp_path / "b", relative, SMALL[relative].replace(*change))
    for roots in (("a", "b"), ("b", "a")):
        with pytest.raises(pa.DefinitionError) as caught:
            question(catalogue(*(tmp_path / root for root in roots)))
        assert caught.value.code == "definition-conflict"
        first, second = (f"{tmp_path}/{root}/{relative}" for root in roots)
        fault = f"{what} has two meanings: one in {first}, another in {second}"
        assert caught.value.faults == (fault,)
        assert caught.value.help


def test_one_name_in_two_folders_of_one_root_has_one_meaning(tmp_path: Path) -> None:
    """A platform is known by its name, whatever its lineage's folder is called."""
    write(tmp_path, "platforms/a/x-1.toml", platform_text("x-1"))
    write(tmp_path, "platforms/b/x-1.toml", platform_text("x-1"))
    assert catalogue(tmp_path).platform("x-1").source == "platforms/a/x-1.toml"
    write(tmp_path, "platforms/b/x-1.toml", platform_text("x-1", features='"net.uso" = "on"'))
    assert "two meanings" in refused(lambda: catalogue(tmp_path).platform("x-1"))[0]


def test_later_folders_add_to_earlier_ones(tmp_path: Path) -> None:
    """Features, capabilities, families and masks of all folders are there together."""
    small(tmp_path / "a")
    write(
        tmp_path / "b",
        "features/net.toml",
        FEATURES.replace("net.uso", "net.rss").replace("net.queues", "net.vqs"),
    )
    write(tmp_path / "b", "capabilities/more.toml", CAPABILITIES.replace("tun.", "tap."))
    family = FAMILY.replace("net", "blk")
    write(
        tmp_path / "b", "devices/blk.toml", f"schema = 1\naccelerators = ['kvm', 'tcg']\n{family}"
    )
    write(tmp_path / "b", "masks/b.toml", SMALL["masks/site.toml"].replace("net.uso", "net.rss"))
    found = catalogue(tmp_path / "a", tmp_path / "b")
    assert [f.id for f in found.features("net")] == ["net.queues", "net.rss", "net.uso", "net.vqs"]
    assert list(found.capabilities()) == ["tap.queues", "tap.uso", "tun.queues", "tun.uso"]
    assert [f.name for f in found.devices().families] == ["net", "blk"]
    assert found.devices().accelerators == ("kvm", "tcg")
    assert [(m.feature, m.source) for m in found.masks()] == [
        ("net.uso", "masks/site.toml"),
        ("net.rss", "masks/b.toml"),
    ]


def test_the_search_path_is_what_a_catalogue_reads_by_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PLATFORM_ABI_PATH and the user's folder add to the packaged definitions."""
    write(tmp_path / "a", "platforms/test/x-1.toml", platform_text("x-1", "linux-6.9"))
    write(tmp_path / "c/platform-abi", "platforms/test/x-2.toml", platform_text("x-2", "x-1"))
    monkeypatch.setenv("PLATFORM_ABI_PATH", str(tmp_path / "a"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "c"))
    platform = pa.load_catalogue().platform("x-2")
    assert platform.extends[:2] == ("x-1", "linux-6.9")
    assert platform.listings["virtio-net.host-uso"].source == "platforms/linux/linux-6.2.toml"


# --- other names of platforms --------------------------------------------------------------------


def test_a_platform_goes_by_every_name_of_it() -> None:
    """What is chosen by another name is the platform itself, and so is all that is made of it."""
    found = catalogue(DEFINITIONS)
    aliases = found.platform_aliases()
    assert "linux-rhel-9.4" == aliases["linux-rocky-9.4"] == aliases["linux-rhcos-4.16"]
    assert "linux-ubuntu-25.04" == aliases["linux-ubuntu-24.04-hwe-6.14"]
    vm = pa.VirtualMachine(machine="pc-q35-9.1", devices=(NIC,))
    said = pa.resolve(found, vm, "linux-rocky-9.4")
    assert pa.resolve(found, vm, "linux-rhel-9.4") == said
    assert said.platform.startswith("linux-rhel-9.4@")


def test_a_name_of_two_platforms_is_an_error(tmp_path: Path) -> None:
    """Whoever wrote it would get the one or the other."""
    for name in ("x-1", "x-2"):
        text = platform_text(name, "linux-6.9", head='aliases = ["x-0"]')
        write(tmp_path, f"platforms/{name}.toml", text)
    with pytest.raises(pa.DefinitionError, match="'x-0' is x-2, and x-1 as well"):
        catalogue(DEFINITIONS, tmp_path).platform("x-0")


# --- what a distro drops in ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "folder", ["platforms/rhel", "platforms"], ids=["foldered", "not foldered"]
)
def test_a_dropped_in_platform(folder: str, tmp_path: Path) -> None:
    """A distro adds one file that extends a packaged platform, and is done."""
    text = platform_text(
        "linux-rhel-9.9",
        "linux-rhel-9.5",
        '"virtio-net.host-uso" = "on"\n"virtio-net.guest-csum" = false',
    )
    write(tmp_path, f"{folder}/linux-rhel-9.9.toml", text)
    found = catalogue(DEFINITIONS, tmp_path)
    assert "linux-rhel-9.9" in found.platform_names()
    assert found.platform("linux-rhel-9.9").extends[0] == "linux-rhel-9.5"
    vm = pa.VirtualMachine(machine="pc-q35-9.1", devices=(NIC,))
    values = {s.property: s for s in pa.resolve(found, vm, "linux-rhel-9.9").settings}
    assert (values["host_uso"].value, values["guest_csum"].value) == ("on", "off")
    assert values["host_uso"].source == f"{folder}/linux-rhel-9.9.toml"
    before = {s.property: s.value for s in pa.resolve(found, vm, "linux-rhel-9.5").settings}
    assert (before["host_uso"], before["guest_csum"]) == ("off", "on")


VENDOR = """
schema = 1
[build]
name = "{build}"
version = "9.0.0"
vendor = "{vendor}"
arch = "x86_64"
[[machine]]
name = "{machine}"
family = "pc-q35"
generation = "9.0"
aliases = ["q35"]
default = true
cpu = "qemu64-x86_64-cpu"
compat = [["virtio-net-pci", "host_uso", "off"]]
"""


@pytest.mark.parametrize(
    ("build", "vendor", "machine"),
    [
        ("qemu-kvm-9.0.0-rhel", "rhel", "pc-q35-rhel9.4.0"),
        ("qemu-9.0.2-ubuntu", "ubuntu", "pc-q35-oracular"),
    ],
)
@pytest.mark.parametrize("typed", [False, True], ids=["without types", "with types"])
def test_a_vendors_machine_types(
    build: str, vendor: str, machine: str, typed: bool, tmp_path: Path
) -> None:
    """A vendor adds its build with machine types of its own, which then resolve like any other."""
    text = VENDOR.format(build=build, vendor=vendor, machine=machine)
    write(tmp_path, f"machines/{build}/x86_64.toml", text)
    if typed:
        types = (DEFINITIONS / "machines/qemu-10.0.2/x86_64-types.toml").read_text()
        write(tmp_path, f"machines/{build}/x86_64-types.toml", types)
    found = catalogue(DEFINITIONS, tmp_path)
    assert build in found.builds("x86_64")
    assert bool(found.types(build, "x86_64")) == typed
    vm = pa.VirtualMachine(machine=machine, devices=(NIC,))
    abi = pa.resolve(found, vm, "linux-6.9")
    assert abi.vm.machine == machine
    values = {(s.driver, s.property): s.value for s in abi.settings}
    assert values["virtio-net-device", "host_uso"] == "on"
    assert abi.machine_digest == found.machine(build, machine, "x86_64").digest
    named = pa.VirtualMachine(machine="q35", devices=(NIC,), build=build)
    assert pa.resolve(found, named, "linux-6.9").vm.machine == machine


def test_a_file_is_called_what_it_defines(tmp_path: Path) -> None:
    """A name that a file does not hold would be found in no other way."""
    write(tmp_path, "platforms/a/x-1.toml", platform_text("x-2"))
    write(tmp_path, "features/nic.toml", FEATURES)
    write(tmp_path, "machines/qemu-1/x86_64.toml", MACHINES)
    write(tmp_path, "machines/qemu-10.0.0/aarch64.toml", MACHINES)
    write(tmp_path, "editions/2026.2.toml", SMALL["editions/2026.1.toml"])
    found = catalogue(tmp_path)
    assert refused(lambda: found.platform("x-1")) == [
        (
            f"{tmp_path}/platforms/a/x-1.toml:3:1: platform.name:"
            " expected 'x-1' as the file is called, found 'x-2'"
        )
    ]
    assert refused(lambda: found.features("nic")) == [
        f"{tmp_path}/features/nic.toml:4:1: feature[1].id: feature 'net.uso' belongs into net.toml"
    ]
    assert refused(lambda: found.build("qemu-1", "x86_64")) == [
        (
            f"{tmp_path}/machines/qemu-1/x86_64.toml:4:1: build.name:"
            " expected 'qemu-1' as the file is called, found 'qemu-10.0.0'"
        )
    ]
    assert refused(lambda: found.build("qemu-10.0.0", "aarch64")) == [
        (
            f"{tmp_path}/machines/qemu-10.0.0/aarch64.toml:6:1: build.arch:"
            " expected 'aarch64' as the file is called, found 'x86_64'"
        )
    ]
    assert refused(lambda: found.edition("2026.2")) == [
        (
            f"{tmp_path}/editions/2026.2.toml:2:1: edition:"
            " expected '2026.2' as the file is called, found '2026.1'"
        )
    ]


@pytest.mark.parametrize("name", ["next", "2026.01", "26.1", "2026.1.1"])
def test_a_file_among_the_editions_that_is_none(name: str, tmp_path: Path) -> None:
    """A stray file is no newest edition."""
    write(small(tmp_path), f"editions/{name}.toml", SMALL["editions/2026.1.toml"])
    vm = pa.VirtualMachine(machine="pc-q35-10.0")
    for question in (
        catalogue(tmp_path).editions,
        lambda: pa.resolve(catalogue(tmp_path), vm, "x"),
    ):
        assert refused(question) == [
            f"{tmp_path}/editions/{name}.toml: expected a file name such as 2026.1.toml"
        ]


def test_editions_are_in_their_order(tmp_path: Path) -> None:
    """2026.10 comes after 2026.9."""
    for name in ("2026.10", "2026.9", "2025.11"):
        write(tmp_path, f"editions/{name}.toml", f'schema = 1\nedition = "{name}"\n')
    assert catalogue(tmp_path).editions() == ("2025.11", "2026.9", "2026.10")


def test_names_are_in_the_order_of_versions(tmp_path: Path) -> None:
    """6.10 comes after 6.9, and builds newest first."""
    for name in ("x-6.10", "x-6.9", "w-7"):
        write(tmp_path, f"platforms/x/{name}.toml", "")
    for name in ("qemu-9.2", "qemu-10.0"):
        write(tmp_path, f"machines/{name}/x86_64.toml", "")
    assert catalogue(tmp_path).platform_names() == ("w-7", "x-6.9", "x-6.10")
    assert catalogue(tmp_path).builds("x86_64") == ("qemu-10.0", "qemu-9.2")
    assert catalogue(tmp_path).builds("aarch64") == ()


# --- unknown names -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "message", "code"),
    [
        (
            lambda c: c.platform("linux-6.99"),
            "unknown platform 'linux-6.99'; did you mean 'linux-6.9'",
            "unknown-platform",
        ),
        (
            lambda c: c.build("qemu-10.0.22", "x86_64"),
            "unknown QEMU build 'qemu-10.0.22'; did you mean 'qemu-10.0.2'",
            "unknown-build",
        ),
        (
            lambda c: c.machine("qemu-10.0.2", "pc-q35-9.11", "x86_64"),
            "unknown machine type 'pc-q35-9.11'; did you mean 'pc-q35-9.1'",
            "unknown-machine",
        ),
        (
            lambda c: c.edition("2026.11"),
            "unknown edition '2026.11'; did you mean '2026.1'",
            "unknown-edition",
        ),
        (lambda c: c.build("qemu-10.0.2", "sparc64"), "unknown QEMU build", "unknown-build"),
        (lambda c: c.platform("rhel/linux-rhel-9.5"), "unknown platform", "unknown-platform"),
        (lambda c: c.platform("../platforms/x"), "unknown platform", "unknown-platform"),
        (lambda c: c.platform("linux-6.9\0"), "unknown platform", "unknown-platform"),
        (lambda c: c.platform(""), "unknown platform ''", "unknown-platform"),
    ],
)
def test_an_unknown_name_comes_with_the_nearest(
    question: Callable[[pa.FileCatalogue], Any],
    message: str,
    code: str,
    catalogue: pa.FileCatalogue,
) -> None:
    """A name is no path, and a typo is answered with what was meant."""
    with pytest.raises(pa.UnknownNameError) as caught:
        question(catalogue)
    assert caught.value.message.startswith(message)
    assert caught.value.code == code


def test_features_that_nothing_defines_are_none() -> None:
    """Families may have no features; no name of one is a path."""
    found = catalogue(DEFINITIONS)
    for stem in ("virtio-balloon", "features/virtio-net", "../features/virtio-net", "\0", ""):
        assert found.features(stem) == ()


# --- faults of platforms -------------------------------------------------------------------------


def _faulty(tmp_path: Path, features: str, extends: str = "linux-6.9") -> list[str]:
    path = write(tmp_path, "platforms/x/x-1.toml", platform_text("x-1", extends, features))
    found = catalogue(DEFINITIONS, tmp_path)
    vm = pa.VirtualMachine(machine="pc-q35-9.1", devices=(NIC,))
    faults = refused(lambda: pa.resolve(found, vm, "x-1"))
    assert faults == refused(lambda: pa.resolve(found, vm, "x-1"))
    assert all(fault.startswith(f"{path}:") for fault in faults)
    return [fault.removeprefix(f"{path}:") for fault in faults]


def test_typos_among_a_platforms_features(tmp_path: Path) -> None:
    """Unknown families, unknown features and wrong values come together, each with its place."""
    features = """"virtio-nett.host-uso" = "on"
"virtio-net.host-us" = "on"
"virtio-net.host-uso" = "yes"
"virtio-net.guest-uso4" = { "2026.1" = "on", "2026.2" = "no" }
virtio-net = "on"
"""
    # The nearest name is enough.
    assert [fault.split(" or ")[0].rstrip("?") for fault in _faulty(tmp_path, features)] == [
        (
            "8:1: features.\"virtio-nett.host-uso\": no feature family 'virtio-nett';"
            " did you mean 'virtio-net'"
        ),
        (
            "9:1: features.\"virtio-net.host-us\": no feature 'virtio-net.host-us';"
            " did you mean 'virtio-net.host-uso'"
        ),
        "10:1: features.\"virtio-net.host-uso\": expected one of on, off; found 'yes'",
        "11:1: features.\"virtio-net.guest-uso4\": expected one of on, off; found 'no'",
        "12:1: features.\"virtio-net\": no feature 'virtio-net'; did you mean 'virtio-net.rss'",
    ]


@pytest.mark.parametrize("name", ["virtio-net.host-us", "virtio-nett.host-uso"])
def test_a_typo_in_what_a_platform_removes(name: str, tmp_path: Path) -> None:
    """A removal that removes nothing would leave a promise that no host keeps."""
    (fault,) = _faulty(tmp_path, f'"{name}" = false')
    assert fault.startswith(f'8:1: features."{name}": no feature')
    assert "did you mean" in fault


def test_a_fault_stands_in_the_ancestor_that_has_it(tmp_path: Path) -> None:
    """Not in the platform that was asked for."""
    bad = '"virtio-net.a" = "on"\n"virtio-net.b" = false'
    parent = write(tmp_path, "platforms/x/x-0.toml", platform_text("x-0", "linux-6.9", bad))
    write(tmp_path, "platforms/x/x-1.toml", platform_text("x-1", "x-0"))
    found = catalogue(DEFINITIONS, tmp_path)
    (feature, *_) = found.features("virtio-net")
    faults = refused(lambda: found.listing(found.platform("x-1"), feature))
    assert [fault.split(": ", 1)[0] for fault in faults] == [f"{parent}:8:1", f"{parent}:9:1"]


@pytest.mark.parametrize(
    ("extends", "message"),
    [
        ("../linux/linux-6.9", "expected a name of letters, digits and '._+-', found '../linux/"),
        ("/etc/passwd", "expected a name of letters, digits and '._+-', found '/etc/passwd'"),
        ("linux/linux-6.9", "expected a name of letters, digits and '._+-', found 'linux/"),
        (
            "linux-6.9\\u0000",
            "expected a name of letters, digits and '._+-', found 'linux-6.9\\x00'",
        ),
        ("..", "expected a name of letters, digits and '._+-', found '..'"),
        ("linux-60", "no platform 'linux-60'; did you mean 'linux-6.0'"),
        ("x-1", "cycle: x-1 -> x-1"),
    ],
)
def test_a_parent_is_a_name(extends: str, message: str, tmp_path: Path) -> None:
    """``extends`` is never a path, and its faults stand where it is written."""
    (fault,) = _faulty(tmp_path, "", extends)
    assert fault.startswith(f"5:1: platform.extends: {message}")


def test_too_many_ancestors(tmp_path: Path) -> None:
    """A chain that is too long is an error of the platform that is asked for."""
    for index in range(MAX_DEPTH + 2):
        parent = f"p-{index - 1}" if index else ""
        write(tmp_path, f"platforms/p/p-{index}.toml", platform_text(f"p-{index}", parent))
    found = catalogue(tmp_path)
    assert len(found.platform(f"p-{MAX_DEPTH}").extends) == MAX_DEPTH
    assert refused(lambda: found.platform(f"p-{MAX_DEPTH + 1}")) == [
        f"{tmp_path}/platforms/p/p-65.toml:5:1: platform.extends: more than 64 ancestors"
    ]


# --- listings ------------------------------------------------------------------------------------


def test_a_level_implies_a_listing_and_the_list_has_the_last_word(tmp_path: Path) -> None:
    """A listed value, or a removal, beats what the level of the subsystem would give."""
    small(tmp_path)
    for name, features in {
        "y-1": "",
        "y-2": '"net.uso" = "off"',
        "y-3": '"net.uso" = false',
    }.items():
        text = platform_text(name, "test-2", features)
        write(tmp_path, f"platforms/y/{name}.toml", text)
    found = catalogue(tmp_path)
    (_, uso) = found.features("net")
    values = []
    for name in ("test-1", "y-1", "y-2", "y-3"):
        listing = found.listing(found.platform(name), uso)
        values.append(None if listing is None else listing.at((2026, 1)))
    assert values == [None, "on", "off", None]


# --- masks ---------------------------------------------------------------------------------------


def _mask(platform: str = "linux-6.9", feature: str = "virtio-net.host-uso") -> str:
    return (
        f'[[mask]]\nplatform = "{platform}"\nfeature = "{feature}"\n'
        'reason = "our switches"\ndate = 2026-03-04\n'
    )


@pytest.mark.parametrize("platform", ["linux-6.9", "*"])
def test_a_mask_withdraws_a_feature_and_says_why(platform: str, tmp_path: Path) -> None:
    """A site's mask holds for the platform that it names, or for all, and shows."""
    write(tmp_path, "masks/site.toml", "schema = 1\n" + _mask(platform))
    found = catalogue(DEFINITIONS, tmp_path)
    (mask,) = found.masks()
    assert (mask.source, mask.reason, mask.date) == (
        "masks/site.toml",
        "our switches",
        "2026-03-04",
    )
    vm = pa.VirtualMachine(machine="pc-q35-9.1", devices=(NIC,))
    masked = {}
    for name in ("linux-6.9", "linux-6.8"):
        settings_ = {s.property: s for s in pa.resolve(found, vm, name).settings}
        masked[name] = settings_["host_uso"].value
        if masked[name] == "off":
            assert "our switches" in settings_["host_uso"].source
    assert masked == {"linux-6.9": "off", "linux-6.8": "off" if platform == "*" else "on"}


def test_a_mask_that_withdraws_nothing_is_an_error(tmp_path: Path) -> None:
    """A typo in a mask would leave on what a site wants off."""
    text = "schema = 1\n" + "".join(
        [
            _mask(),
            _mask("linux-6.99"),
            _mask(feature="virtio-net.host-us"),
            _mask("*", "virtio-nett.host-uso"),
        ]
    )
    path = write(tmp_path, "masks/site.toml", text)
    found = catalogue(DEFINITIONS, tmp_path)
    vm = pa.VirtualMachine(machine="pc-q35-9.1", devices=(NIC,))
    for question in (found.masks, found.masks, lambda: pa.resolve(found, vm, "linux-6.9")):
        faults = refused(question)
        assert [fault.split("; ")[0] for fault in faults] == [
            f"{path}:8:1: mask[2].platform: no platform 'linux-6.99'",
            f"{path}:14:1: mask[3].feature: no feature 'virtio-net.host-us'",
            f"{path}:19:1: mask[4].feature: no feature family 'virtio-nett'",
        ]
        assert all("did you mean" in fault for fault in faults)


# --- folders and files ---------------------------------------------------------------------------


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    """It is the environment's fault, and named."""
    small(tmp_path)
    (tmp_path / "features/net.toml").unlink()
    (tmp_path / "features/net.toml").mkdir()
    assert catalogue(tmp_path).feature_stems() == ("net",)
    with pytest.raises(pa.HostError) as caught:
        catalogue(tmp_path).features("net")
    assert caught.value.code == "definition-unreadable"
    assert str(caught.value) == f"cannot read {tmp_path}/features/net.toml: Is a directory"


@pytest.mark.parametrize("folder", ["platforms", "machines"])
def test_links_that_lead_nowhere_are_no_folders(folder: str, tmp_path: Path) -> None:
    """A dangling link, or one to itself, disturbs nobody who does not ask for it."""
    small(tmp_path)
    (tmp_path / folder / "dangling").symlink_to(tmp_path / "nowhere")
    (tmp_path / folder / "itself").symlink_to(tmp_path / folder / "itself")
    (tmp_path / "features/itself.toml").symlink_to(tmp_path / "features/itself.toml")
    found = catalogue(tmp_path)
    assert found.platform_names() == ("test-1", "test-2")
    assert found.builds("x86_64") == ("qemu-10.0.0",)
    with pytest.raises(pa.HostError):
        found.features("itself")


def test_a_folder_that_cannot_be_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Definitions that may be there and cannot be seen are not taken for missing."""

    def denied(path: str) -> Any:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "scandir", denied)
    with pytest.raises(pa.HostError) as caught:
        catalogue(tmp_path).platform_names()
    assert str(caught.value) == f"cannot list {tmp_path}/platforms: Permission denied"


def test_what_is_no_definition_is_left_alone(tmp_path: Path) -> None:
    """Hidden files, backups and notes are not read, a folder that is a file is empty."""
    small(tmp_path)
    for name in (".hidden.toml", "net.toml~", "net.toml.rpmnew", "README"):
        write(tmp_path, f"features/{name}", "broken")
    write(tmp_path, "platforms/.git/x.toml", "broken")
    write(tmp_path, "other", "")
    found = catalogue(tmp_path, tmp_path / "other", tmp_path / "nowhere")
    assert found.feature_stems() == ("net",)
    assert found.platform_names() == ("test-1", "test-2")


def test_positions_of_what_a_source_names(tmp_path: Path) -> None:
    """A source leads to its file, a key to its line; what is not there to the top."""
    found = catalogue(small(tmp_path / "a"), tmp_path / "b")
    source = found.platform("test-1").source
    assert found.locate(source) == f"{tmp_path}/a/{source}"
    assert found.position(source, ("features", "net.queues")) == (7, 1)
    assert found.position(source, ("features", "net.uso")) == (6, 1)
    assert found.locate("platforms/none.toml") is None
    assert found.position("platforms/none.toml", ("features",)) == (1, 1)


# --- machine types -------------------------------------------------------------------------------


def test_a_machine_type_has_the_compat_properties_of_newer_ones_first(tmp_path: Path) -> None:
    """QEMU applies the newest first, so that an older machine type's own win."""
    found = catalogue(small(tmp_path))
    old = found.machine("qemu-10.0.0", "pc-q35-9.0", "x86_64")
    rows = [(c.driver, c.property, c.value, c.optional) for c in old.compat]
    assert rows == [("net-device", "old", "off", False), ("net-device", "old", "on", True)]
    new = found.machine("qemu-10.0.0", "pc-q35-10.0", "x86_64")
    assert new.digest != old.digest
    assert found.build("qemu-10.0.0", "x86_64").aliases == {"q35": "pc-q35-10.0"}


def test_a_build_without_types_has_an_empty_table(tmp_path: Path) -> None:
    """Nothing is known then, rather than nothing there."""
    write(tmp_path, "machines/qemu-10.0.0/x86_64.toml", MACHINES)
    types = catalogue(tmp_path).types("qemu-10.0.0", "x86_64")
    assert not types
    write(tmp_path, "machines/qemu-10.0.0/x86_64-types.toml", TYPES)
    types = catalogue(tmp_path).types("qemu-10.0.0", "x86_64")
    assert "net-pci" in types
    assert types.properties("net-device") == {"uso", "queues", "old"}


def test_a_types_file_is_no_architecture(tmp_path: Path) -> None:
    """Neither before nor after it was read as what it is."""
    found = catalogue(small(tmp_path))
    for _ in range(2):
        with pytest.raises(pa.UnknownNameError):
            found.build("qemu-10.0.0", "x86_64-types")
        assert found.types("qemu-10.0.0", "x86_64")


def test_the_examples_are_as_the_packaged_definitions() -> None:
    """The small catalogue has a file in every folder that the packaged one has."""
    folders = {relative.split("/")[0] for relative in shipped()}
    assert folders <= {relative.split("/")[0] for relative in SMALL}
    assert DEVICES in SMALL.values()
