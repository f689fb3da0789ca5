"""How a configuration space is put into words, where devices are put, how a view is stored."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.guest import pci_config, pci_function, virtio_pci
from platform_abi.guest import placing as plan
from platform_abi.guest.document import read_view, recorded_view, view_text
from platform_abi.guest.look import can_be_seen, guest_view
from platform_abi.guest.view import BinaryView, GuestView
from platform_abi.model.guest import GuestDevices
from tests.conftest import DEFINITIONS

ARCH = "x86_64"

# --- configuration space -------------------------------------------------------------------------

#: Offsets of the list pointers, which say nothing but where the next is.
NEXT = 1
MSIX_RESERVED = 3


@st.composite
def images(draw: st.DrawFn) -> tuple[bytes, dict[int, int]]:
    """Return a configuration space with capabilities that do not overlap, by offset and id."""
    image = bytearray(draw(st.binary(min_size=256, max_size=256)))
    image[0x0E] = draw(st.sampled_from([0x00, 0x80]))
    image[0x06] |= 0x10
    ids = draw(st.lists(st.sampled_from([0x01, 0x03, 0x05, 0x09, 0x0D, 0x11, 0x13, 0x7F])))[:4]
    offsets = {0x40 + 0x20 * index: number for index, number in enumerate(ids)}
    image[0x34] = 0
    before = 0x34
    for offset, number in offsets.items():
        image[before] = offset
        image[offset], image[offset + NEXT] = number, 0
        before = offset + NEXT
        if number == 0x09:
            image[offset + 2] = draw(st.integers(0, 0x20))
    return bytes(image), offsets


@given(image=images(), data=st.data())
def test_nothing_of_a_configuration_space_is_lost(
    image: tuple[bytes, dict[int, int]], data: st.DataObject
) -> None:
    """Two functions that differ in any register beyond the header are not described alike."""
    content, offsets = image
    unsaid = {offset + NEXT for offset in offsets}
    unsaid |= {o + MSIX_RESERVED for o, number in offsets.items() if number == 0x11}
    place = data.draw(st.sampled_from([o for o in range(0x40, 256) if o not in unsaid]))
    changed = bytearray(content)
    changed[place] ^= 1 << data.draw(st.integers(0, 7))
    assert pci_config.facts(content) != pci_config.facts(bytes(changed))


@given(image=images(), data=st.data())
def test_nothing_of_an_identity_is_lost(
    image: tuple[bytes, dict[int, int]], data: st.DataObject
) -> None:
    """Vendor, device, class, revision, subsystem and interrupt pin are each said."""
    content, _ = image
    said = [*range(4), *range(8, 12), *range(0x2C, 0x30), 0x3D]
    changed = bytearray(content)
    changed[data.draw(st.sampled_from(said))] ^= 1 << data.draw(st.integers(0, 7))
    assert pci_config.facts(content) != pci_config.facts(bytes(changed))


@given(st.one_of(st.binary(min_size=256, max_size=256), st.binary(min_size=4096, max_size=4096)))
def test_any_bytes_can_be_described(image: bytes) -> None:
    """Lists that lead in circles or nowhere end; every answer is text."""
    assert all(isinstance(text, str) for text in pci_config.facts(image).values())


def test_capabilities_are_said_by_name_with_what_matters() -> None:
    """MSI-X has its number of vectors; of two of one kind each is said."""
    image = bytearray(256)
    image[0x06] = 0x10
    image[0x34] = 0x98
    image[0x98:0xA4] = bytes([0x11, 0x40, 0x03, 0x00, 1, 0, 0, 0, 1, 8, 0, 0])
    image[0x40:0x44] = bytes([0x0D, 0x50, 0, 0])
    image[0x50:0x54] = bytes([0x0D, 0x00, 0, 7])
    image[0x60] = 0x80
    found = pci_config.facts(bytes(image))
    assert found["capability msix"] == (
        "at 98: 4 vectors, table in bar 1 + 0x0, pending bits in bar 1 + 0x800"
    )
    assert found["capability ssvid"] == "at 40: 0"
    assert found["capability ssvid 2"] == "at 50: 0007"
    assert found["registers"] == "60:80"


UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


@given(st.integers(0, 1 << 40))
def test_a_size_is_said_exactly(number: int) -> None:
    """Read back it is the same number of bytes."""
    text = pci_function._size(number)
    unit = UNITS.get(text[-1], 1)
    assert int(text.rstrip("KMG")) * unit == number


@given(st.lists(st.integers(0, 3)))
def test_queue_sizes_are_said_exactly(sizes: list[int]) -> None:
    """Read back they are the same sizes in the same order."""
    text = pci_function._numbers(tuple(sizes))
    read = [
        int(size) for word in text.split() for size, _, n in [word.partition("*")]
        for _ in range(int(n or 1))
    ]  # fmt: skip
    assert read == sizes


class _VirtioWindow:
    """A window to a device's *config*, as QEMU has it (hw/virtio/virtio-config-io.c).

    An access that reaches behind the end is answered by ones.
    """

    def __init__(self, config: bytes) -> None:
        self._config = config
        self._registers = {8: 0, 12: 0}

    def image(self) -> bytes:
        return b""

    def read(self, offset: int) -> int:
        assert offset == 16
        address, width = self._registers[8], self._registers[12]
        part = self._config[address : address + width]
        value = part if len(part) == width else b"\xff" * width
        return int.from_bytes(value, "little")

    def write(self, offset: int, value: int) -> None:
        self._registers[offset] = value


CONFIGS = st.one_of(
    st.binary(max_size=64),
    st.lists(st.sampled_from([b"\xff" * 4, b"\0" * 4, b"\1"]), max_size=64).map(b"".join),
)


@given(CONFIGS)
def test_nothing_of_a_configuration_is_lost_but_ones_at_its_end(config: bytes) -> None:
    """Ones in between are values, zeros at the end as well, and it may end within a word."""
    window = virtio_pci.Window(_VirtioWindow(config), 0)
    assert window.config(0, 256) == config.rstrip(b"\xff")


@given(CONFIGS, st.integers(0, 64).map(lambda words: 4 * words))
def test_a_configuration_is_read_as_far_as_its_structure_reaches(config: bytes, end: int) -> None:
    """What a device has behind that is another structure."""
    window = virtio_pci.Window(_VirtioWindow(config), 0)
    assert window.config(0, end) == config[:end].rstrip(b"\xff")


# --- the list and its plan -----------------------------------------------------------------------


def _shipped() -> GuestDevices:
    """Return what is looked at in an x86_64 machine."""
    found = pa.FileCatalogue([DEFINITIONS]).guest_devices(ARCH)
    assert found is not None
    return found


SHIPPED = _shipped()


def test_the_list_has_what_virtual_machines_are_made_of(
    catalogue: pa.FileCatalogue,
) -> None:
    """At least 25 drivers are looked at; every one is a driver of some build."""
    drivers = {device.driver for device in SHIPPED.device}
    assert len(drivers) >= 25
    known = {n for b in catalogue.builds(ARCH) for n in catalogue.types(b, ARCH).parents}
    assert drivers <= known


@given(data=st.data())
def test_every_device_has_a_place_of_its_own(data: st.DataObject) -> None:
    """Whatever is left out: each device is placed once wherever it is wanted, no two in one slot.

    And what it is called does not depend on the others.
    """
    shipped = SHIPPED
    board = data.draw(st.sampled_from(shipped.board))
    devices = [d for d in shipped.device if data.draw(st.booleans())]
    starts = list(plan.starts(board, devices, plan.numbers(shipped.device)))
    placed = [device for start in starts for device in start.devices]
    wanted = [name for device in devices for name in plan.labels_of(board, device)]
    assert sorted(device.label for device in placed) == sorted(wanted)
    for start in starts:
        places = [(device.bus, device.slot) for device in start.devices]
        assert len(set(places)) == len(places)
        ports = {(port.slot, port.function) for port in start.ports}
        assert len(ports) == len(start.ports)
        assert {device.bus for device in start.devices} <= {0, *(p.bus for p in start.ports)}
        on_root = [device.slot for device in start.devices if device.bus == 0]
        assert all(2 <= slot <= 0x1E for slot in [*on_root, *(slot for slot, _ in ports)])
    whole = {
        device.label: [word for word in device.arguments if "addr=" not in word]
        for start in plan.starts(board, shipped.device, plan.numbers(shipped.device))
        for device in start.devices
        if device.bus == 0
    }
    for device in placed:
        if device.bus == 0:
            own = [word for word in device.arguments if "addr=" not in word]
            assert own == whole[device.label]


def test_a_wrong_list_is_an_error_with_its_place(tmp_path: Path) -> None:
    """A device that stands twice would be looked at once; an unknown key is misspelt."""
    (tmp_path / "guests").mkdir()
    assert pa.FileCatalogue([tmp_path]).guest_devices("x") is None
    for text, said in (
        ('[[device]]\ndriver = "a"\n[[device]]\ndriver = "a"\n', "stands twice"),
        ('[[device]]\ndriver = "a"\noption = "b"\n', "did you mean 'options'"),
    ):
        (tmp_path / "guests/x.toml").write_text(f'schema = 1\narch = "x"\n{text}')
        with pytest.raises(pa.DefinitionError, match=said) as caught:
            pa.FileCatalogue([tmp_path]).guest_devices("x")
        assert "x.toml:" in caught.value.message


@pytest.mark.parametrize(
    ("machine", "arch", "seen"),
    [
        ("pc-q35-9.1", "x86_64", True),
        ("pc-q35-rhel9.4.0", "x86_64", True),
        ("pc-i440fx-noble", "x86_64", True),
        ("microvm", "x86_64", False),
        ("isapc", "x86_64", False),
        ("virt-9.1", "aarch64", False),
        ("s390-ccw-virtio-9.1", "s390x", False),
    ],
)
def test_a_machine_without_a_bus_of_a_pc_is_refused(machine: str, arch: str, seen: bool) -> None:
    """By name of the machine type, and before anything is started."""
    assert can_be_seen(SHIPPED, machine, arch) is seen
    if not seen:
        with pytest.raises(pa.UsageError, match=machine) as caught:
            guest_view(
                "/no/such/binary", machine, arch=arch, drivers=frozenset(), looked_at=SHIPPED
            )
        assert caught.value.code == "no-guest-view"
        assert all(board.family in caught.value.help for board in SHIPPED.board)


def test_where_nothing_can_be_looked_at_no_family_is_named() -> None:
    """The families are those of the list; without one there are none."""
    with pytest.raises(pa.UsageError) as caught:
        guest_view("/no", "virt-9.1", arch="aarch64", drivers=frozenset(), looked_at=None)
    assert caught.value.help == "machine types that can be looked at: none of aarch64"


# --- documents -----------------------------------------------------------------------------------

WORDS = st.text(st.characters(codec="utf-8"), max_size=8)
FACTS = st.dictionaries(WORDS, WORDS, max_size=3)
PARTS = st.dictionaries(WORDS, FACTS, max_size=3)


@st.composite
def binary_views(draw: st.DrawFn) -> BinaryView:
    """Return the views of a few machine types, which share some of what they have."""
    shared = draw(PARTS)
    names = draw(st.lists(WORDS, unique=True, max_size=4))
    machines = {
        name: GuestView(
            machine=name,
            arch="x",
            devices={**shared, **draw(PARTS)},
            cpus=draw(PARTS),
            unseen=draw(FACTS),
        )
        for name in names
    }
    return BinaryView(version=draw(WORDS), package=draw(WORDS), arch="x", machines=machines)


@given(binary_views())
def test_what_is_written_is_read_back(view: BinaryView) -> None:
    """A document says all of it, the reasons for what is not there included."""
    read = read_view(view_text(view), "it")
    assert read == view
    assert {n: m.unseen for n, m in read.machines.items()} == {
        n: m.unseen for n, m in view.machines.items()
    }
    assert {n: m.digest for n, m in read.machines.items()} == {
        n: m.digest for n, m in view.machines.items()
    }


@given(binary_views())
def test_a_view_has_one_text(view: BinaryView) -> None:
    """The order in which things were found does not show."""
    turned = BinaryView(
        version=view.version,
        package=view.package,
        arch=view.arch,
        machines={
            name: GuestView(
                machine=name,
                arch="x",
                devices=dict(reversed([*machine.devices.items()])),
                cpus=dict(reversed([*machine.cpus.items()])),
                unseen=dict(reversed([*machine.unseen.items()])),
            )
            for name, machine in reversed([*view.machines.items()])
        },
    )
    assert view_text(turned) == view_text(view)
    assert view_text(read_view(view_text(view), "it")) == view_text(view)


@given(binary_views(), st.data())
def test_a_damaged_document_is_an_error_of_ours(view: BinaryView, data: st.DataObject) -> None:
    """Cut off, or with any part replaced by any other value: a view, or a ReportError."""
    text = view_text(view)
    body = json.loads(text)
    at, key = body, data.draw(st.sampled_from(sorted(body)))
    while isinstance(at[key], (dict, list)) and at[key] and data.draw(st.booleans()):
        at = at[key]
        key = data.draw(st.sampled_from(sorted(at) if isinstance(at, dict) else range(len(at))))
    at[key] = data.draw(
        st.sampled_from([None, 1, True, "x", [], {}, [1], {"a": 1}, {"a": {"b": 1}}])
    )
    cut = text[: data.draw(st.integers(0, len(text) - 3))]
    with pytest.raises(pa.ReportError):
        read_view(cut, "it")
    with contextlib.suppress(pa.ReportError):
        read_view(json.dumps(body), "it")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "view-syntax"),
        ("[]", "view-syntax"),
        ('{"kind": "host-report"}', "view-syntax"),
        ("[" * 100_000, "view-syntax"),
        ('{"kind": "guest-view", "schema_version": 2}', "view-schema"),
        ('{"kind": "guest-view", "schema_version": true}', "view-schema"),
        ('{"kind": "guest-view", "schema_version": 1}', "view-invalid"),
    ],
)
def test_what_is_no_view_is_refused(text: str, code: str) -> None:
    """By a code that says what is wrong with it."""
    with pytest.raises(pa.ReportError, match="it: ") as caught:
        read_view(text, "it")
    assert caught.value.code == code
    assert caught.value.help


def test_every_shipped_build_of_a_pc_has_its_views(catalogue: pa.FileCatalogue) -> None:
    """Of each machine type with a bus that can be looked at, and of no other."""
    for build in catalogue.builds(ARCH):
        known = catalogue.build(build, ARCH)
        recorded = recorded_view(catalogue.locate, build, ARCH)
        assert recorded is not None
        assert (recorded.version, recorded.package) == (known.version, known.package)
        assert recorded.machines.keys() == {
            n for n in known.machines if can_be_seen(SHIPPED, n, ARCH)
        }
    assert recorded_view(catalogue.locate, "qemu-0.1", ARCH) is None


def test_shipped_views_are_as_they_would_be_written(catalogue: pa.FileCatalogue) -> None:
    """Nobody edited them; a new recording changes what changed."""
    for build in catalogue.builds(ARCH):
        path = catalogue.locate(f"machines/{build}/{ARCH}-view.json")
        assert path is not None
        text = Path(path).read_text(encoding="utf-8")
        assert view_text(read_view(text, path)) == text
