"""Explicit values: which one reaches a device, and how it is spelled."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.model.feature import UNDECIDED, Feature
from platform_abi.model.vm import GlobalProperty
from platform_abi.resolver.explicit import Explicit, Instance, explicit, normal
from platform_abi.resolver.layers import DeviceTypes

OUTER = frozenset({"net-pci", "pci-device", "device"})
INNER = frozenset({"net-device", "virtio-device", "device"})


def _nic(*properties: tuple[str, str]) -> Instance:
    return Instance(
        label="a",
        driver="net-pci",
        backends=("tap",),
        properties=properties,
        types=DeviceTypes(outer=OUTER, inner=INNER),
    )


def _globals(*texts: str) -> list[GlobalProperty]:
    return [
        GlobalProperty(driver=driver, property="x", value=value)
        for driver, value in (text.split("=") for text in texts)
    ]


def _said(found: Explicit | None) -> tuple[str, str, bool] | None:
    return None if found is None else (found.value, found.layer, found.inner)


@pytest.mark.parametrize(
    ("properties", "globals_", "expected"),
    [
        ((), (), None),
        ((("y", "1"),), ("e1000=2",), None),
        ((("x", "1"),), (), ("1", "device", False)),
        ((("x", "1"), ("x", "2")), (), ("2", "device", False)),
        ((("x", "1"),), ("net-pci=2",), ("1", "device", False)),
        ((), ("net-pci=1", "net-pci=2"), ("2", "global", False)),
        ((), ("net-pci=1", "net-device=2"), ("1", "global", False)),
        ((), ("pci-device=1", "net-device=2"), ("1", "global", False)),
        ((), ("net-pci=1", "pci-device=2"), ("2", "global", False)),
        ((), ("net-device=1", "virtio-device=2"), ("2", "global", True)),
        ((), ("device=1", "net-device=2"), ("1", "global", False)),
    ],
)
def test_precedence_is_qemus_own(
    properties: tuple[tuple[str, str], ...],
    globals_: tuple[str, ...],
    expected: tuple[str, str, bool] | None,
) -> None:
    """A device property beats -global, the outer object beats the inner device, the last counts."""
    assert expected == _said(explicit(_nic(*properties), "x", _globals(*globals_)))


@pytest.mark.parametrize(
    ("type_", "text", "expected"),
    [
        ("bool", "yes", "on"),
        ("bool", "n", "off"),
        ("int", "0x10", "16"),
        ("int", "7", "7"),
        ("size", "2M", "2097152"),
        ("size", "1g", "1073741824"),
        ("size", "512", "512"),
        ("enum", "a", "a"),
        ("enum", "true", "on"),
        ("string", "any thing", "any thing"),
    ],
)
def test_values_are_spelled_as_definitions_spell_them(type_: str, text: str, expected: str) -> None:
    """QEMU's many spellings of one value are one value."""
    feature = Feature(
        id="a.b",
        title="t",
        edition="2026.1",
        type=type_,  # type: ignore[arg-type]
        values=("a", "on"),
    )
    assert expected == normal(feature, text, "a.b")


@given(st.sampled_from(["bool", "enum", "int", "size", "string"]), st.text(max_size=30))
def test_any_text_is_a_value_or_a_usage_error(type_: str, text: str) -> None:
    """What is accepted is concrete and its own normal form; what is not is refused by place."""
    feature = Feature(
        id="a.b",
        title="t",
        edition="2026.1",
        type=type_,  # type: ignore[arg-type]
        values=("a", "on"),
    )
    try:
        value = normal(feature, text, "a.b")
    except pa.UsageError as error:
        code, place = error.code, error.message[:4]
        assert ("property-value", "a.b=") == (code, place)
    else:
        assert value in UNDECIDED or feature.problem(value) is None
        assert value == normal(feature, value, "a.b")


@pytest.mark.parametrize(
    "text", ["-1", "1x", "0x", "1_0", "017", "٣", "9" * 5000, "0x10k", "16E", "1.5.5"]
)
def test_a_number_that_qemu_would_not_read_so_is_refused(text: str) -> None:
    """Python's own ideas of a number, such as 1_0, are not QEMU's."""
    feature = Feature(id="a.b", title="t", edition="2026.1", type="size", fallback="0")
    with pytest.raises(pa.UsageError):
        normal(feature, text, "a.b")


def test_only_a_size_has_a_suffix() -> None:
    """2k of an integer is an error to QEMU, and so it is here."""
    feature = Feature(id="a.b", title="t", edition="2026.1", type="int", fallback="0")
    with pytest.raises(pa.UsageError):
        normal(feature, "2k", "a.b")
