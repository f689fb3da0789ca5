"""QEMU's precedence, held against a model that does what QEMU's own code does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.model.abi import Layer, Setting
from platform_abi.model.machine import CompatProperty, MachineType, TypeTable
from platform_abi.model.realize import BoardValue
from platform_abi.resolver.layers import (
    board_settings,
    compat_of,
    device_types,
    globals_of,
    in_order,
    inner_device,
    inner_types,
)

NEWEST = "qemu-11.1.3"

#: Type to parent: a proxy and its base, an inner device and its base, under one root.
PARENTS = {
    "device": "",
    "virtio-device": "device",
    "net-device": "virtio-device",
    "pci-device": "device",
    "virtio-pci": "pci-device",
    "net-pci": "virtio-pci",
}
TYPES = TypeTable(parents=PARENTS)
NAMES = ("csum", "size", "speed")

#: What each type registers when its instances are made, and passes on of what is inside of it.
OWN = {"net-device": ("csum", "size"), "pci-device": ("speed",)}


# --- QEMU's algorithm ----------------------------------------------------------------------------


class _Object:
    """An object of QEMU's, made as qom/object.c and hw/core/qdev.c make one, in their words."""

    def __init__(self, name: str, *lists: Sequence[Setting]) -> None:
        self.type = name
        self.properties: dict[str, str] = {}
        self.child: _Object | None = None
        self._instance_init(name, lists)
        self._post_init(lists)

    def _instance_init(self, name: str, lists: tuple[Sequence[Setting], ...]) -> None:
        """object_init_with_type: the parent's part first."""
        if PARENTS[name]:
            self._instance_init(PARENTS[name], lists)
        if name == "net-pci":  # virtio_instance_init_common: a child, whole, before our own turn
            self.child = _Object("net-device", *lists)
        for prop in OWN.get(name, ()):
            self.properties[prop] = "default"

    def _post_init(self, lists: tuple[Sequence[Setting], ...]) -> None:
        """device_post_init: object_apply_global_props, list after list."""
        for props in lists:
            for prop in props:
                if self._dynamic_cast(prop.driver):
                    self.set(prop.property, prop.value)

    def _dynamic_cast(self, name: str) -> bool:
        step = self.type
        while step:
            if step == name:
                return True
            step = PARENTS[step]
        return False

    def _holder(self, name: str) -> _Object | None:
        """qdev_alias_all_properties: what the child has is the outer object's as well."""
        if self.child is not None and name in self.child.properties:
            return self.child
        return self if name in self.properties else None

    def set(self, name: str, value: str) -> None:
        holder = self._holder(name)
        if holder is not None:
            holder.properties[name] = value

    def get(self, name: str) -> str | None:
        holder = self._holder(name)
        return None if holder is None else holder.properties[name]


def _statements(layer: Layer) -> st.SearchStrategy[list[Setting]]:
    """Return lists of what one layer says; each value tells which statement it is of."""
    pairs = st.lists(st.tuples(st.sampled_from([*PARENTS]), st.sampled_from(NAMES)), max_size=4)
    return pairs.map(
        lambda found: [
            Setting(driver=d, property=p, value=f"{layer}{place}", layer=layer, source="")
            for place, (d, p) in enumerate(found)
        ]
    )


def _last(driver: str, inner: str, lists: Sequence[Sequence[Setting]]) -> Mapping[str, str]:
    types = device_types(TYPES, driver, inner)
    return {
        s.property: s.value
        for s, outer in in_order(types, *lists)
        if outer or s.property in OWN[inner]
    }


_LAYERS: tuple[Layer, ...] = ("accelerator", "machine", "platform", "global")
layers = st.tuples(*map(_statements, _LAYERS))


@given(layers, st.sampled_from([("net-pci", "net-device"), ("net-device", "")]))
def test_the_last_word_is_qemus(lists: tuple[list[Setting], ...], of: tuple[str, str]) -> None:
    """Whatever is said of whichever types in whichever layer, QEMU ends with the same values."""
    made = _Object(of[0], *lists)
    last = _last(*of, lists)
    for name in NAMES:
        value = made.get(name)
        if value is not None:
            assert last.get(name, "default") == value


@given(layers)
def test_each_statement_is_written_once_on_each_object_it_reaches(
    lists: tuple[list[Setting], ...],
) -> None:
    """Nothing is lost and nothing made up; the inner device is done before the outer one begins."""
    types = device_types(TYPES, "net-pci", "net-device")
    written = [*in_order(types, *lists)]
    said = [s for layer in lists for s in layer]
    for reached, outer in ((types.inner, False), (types.outer, True)):
        assert [s for s, of in written if of is outer] == [s for s in said if s.driver in reached]
    assert [outer for _, outer in written] == sorted(outer for _, outer in written)


@given(layers, st.data())
def test_of_one_object_a_higher_layer_and_then_a_later_entry_counts(
    lists: tuple[list[Setting], ...], data: st.DataObject
) -> None:
    """On a device with nothing inside of it, however specific the type that an entry names."""
    driver = data.draw(st.sampled_from([*PARENTS]))
    said = [s for layer in lists for s in layer if TYPES.is_a(driver, s.driver)]
    assert _last(driver, "", lists) == {s.property: s.value for s in said}


@given(_statements("machine"), _statements("global"))
def test_a_compat_property_of_the_proxy_beats_a_global_on_the_inner_device(
    compat: list[Setting], given_: list[Setting]
) -> None:
    """So a platform's values go onto the proxy too, where a machine type has such a one."""
    inner = [s for s in given_ if s.driver in ("net-device", "virtio-device")]
    outer = [s for s in compat if s.driver in ("net-pci", "virtio-pci", "pci-device")]
    last = _last("net-pci", "net-device", (outer, inner))
    assert {**last, **{s.property: s.value for s in outer}} == last


# --- what is made into statements ----------------------------------------------------------------


def test_a_machine_types_compat_properties_keep_their_order() -> None:
    """They are of the layer of the machine type, from its file."""
    entries = [("net-pci", "csum", "a"), ("net-device", "size", "b"), ("net-pci", "csum", "c")]
    machine = MachineType(
        name="m",
        family="m",
        arch="x86_64",
        compat=tuple(CompatProperty(driver=d, property=p, value=v) for d, p, v in entries),
        source="machines/m.toml",
    )
    assert [(s.driver, s.property, s.value) for s in compat_of(machine)] == entries
    assert [s.value for s in compat_of(machine, "csum")] == ["a", "c"]
    assert {(s.layer, s.source) for s in compat_of(machine)} == {("machine", "machines/m.toml")}


def test_a_board_says_the_same_of_each_of_its_drivers() -> None:
    """One entry can be about several drivers and several properties."""
    entry = BoardValue(
        drivers=("a", "b"), properties=("x", "y"), value="1", machines=("pc",), source="f"
    )
    assert [(s.driver, s.property, s.value, s.source) for s in board_settings(entry)] == [
        (driver, name, "1", "f") for driver in ("a", "b") for name in ("x", "y")
    ]


@pytest.mark.parametrize(
    ("layer", "device", "expected"),
    [
        ("default", None, False),
        ("platform", None, True),
        ("platform", "net0", False),
        ("global", None, True),
        ("device", None, False),
        ("device", "net0", False),
    ],
)
def test_what_is_written_as_a_global(layer: Layer, device: str | None, *, expected: bool) -> None:
    """Neither QEMU's own constants, nor what stands on a -device, nor a single device's values."""
    setting = Setting(driver="a", property="b", value="c", layer=layer, source="", device=device)
    assert bool(globals_of([setting])) is expected


# --- what is inside of what ----------------------------------------------------------------------


def _inside(catalogue: pa.FileCatalogue) -> Iterator[tuple[str, str]]:
    types = catalogue.types(NEWEST, "x86_64")
    table = inner_types(catalogue, types)
    return ((name, inner_device(types, table, name)) for name in types.parents)


def test_a_proxy_has_its_familys_device_inside_and_that_one_has_none(
    catalogue: pa.FileCatalogue,
) -> None:
    """virtio-mmio's virtio-net-device has no proxy around it, and nothing inside."""
    inside = dict(_inside(catalogue))
    types = catalogue.types(NEWEST, "x86_64")
    for family in catalogue.devices().families:
        assert inside.get(family.driver, "") == ""
        for proxy in family.proxies:
            if proxy in inside:
                # vfio-pci-nohotplug is a vfio-pci, and has none inside.
                own = "" if types.is_a(proxy, family.driver) else family.driver
                assert inside[proxy] == own
    assert inside["virtio-net-pci"] == "virtio-net-device"
    assert inside["e1000"] == ""


def test_the_types_of_a_device_are_itself_and_its_parents() -> None:
    """Of both objects, and of one alone; a device is not inside of itself."""
    both = device_types(TYPES, "net-pci", "net-device")
    assert both.outer == {"net-pci", "virtio-pci", "pci-device", "device"}
    assert both.inner == {"net-device", "virtio-device", "device"}
    assert both.every == both.outer | both.inner
    for alone in (
        device_types(TYPES, "net-device", "net-device"),
        device_types(TYPES, "net-device"),
    ):
        assert alone.inner == frozenset()
        assert alone.outer == both.inner
    assert device_types(TYPES, "unheard-of").outer == {"unheard-of"}
