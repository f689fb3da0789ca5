"""A -readconfig file says what the arguments say, or refuses."""

from __future__ import annotations

import re

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.testing import Scenario, scenarios
from tests.resolver.shipped import machine_with_nics

#: As QEMU's sscanf reads them (util/qemu-config.c, qemu_config_foreach).
_GROUP = re.compile(r'\[([^\s\]]{1,63})(?: "([^"]{1,63})")?\]')
_PAIR = re.compile(r' *(\S{1,63}) = "([^"]*)"')

Section = tuple[str, str | None, list[tuple[str, str]]]


def _read(text: str) -> list[Section]:
    """Read *text* as QEMU would, with its limits."""
    sections: list[Section] = []
    for line in text.split("\n"):
        assert len(line.encode()) <= 1023
        if not line:
            continue
        group = _GROUP.fullmatch(line)
        if group is not None:
            sections.append((group[1], group[2], []))
            continue
        pair = _PAIR.fullmatch(line)
        assert pair is not None
        sections[-1][2].append((pair[1], pair[2]))
    return sections


def _without_cpu(scenario: Scenario) -> pa.GuestAbi:
    vm = evolve(scenario.vm, cpu=None)
    return pa.resolve(scenario.catalogue, vm, scenario.platform)


@given(scenarios())
def test_the_file_says_what_the_arguments_say(scenario: Scenario) -> None:
    """Machine, accelerator, globals in order, and the devices that get values of their own."""
    abi = _without_cpu(scenario)
    sections = _read(pa.readconfig(abi))

    assert ("machine", None, [("type", abi.vm.machine)]) == sections[0]
    assert ("accel", None, [("accel", abi.vm.accelerator)]) == sections[1]
    words = pa.arguments(abi)
    pairs = list(zip(words[::2], words[1::2], strict=True))
    globals_ = [dict(s[2]) for s in sections if s[0] == "global"]
    assert [text for option, text in pairs if option == "-global"] == [
        f"{g['driver']}.{g['property']}={g['value']}" for g in globals_
    ]
    devices = [s for s in sections if s[0] == "device"]
    assert [text for option, text in pairs if option == "-device"] == [
        ",".join(
            [
                dict(body)["driver"],
                *([f"id={name}"] if name else []),
                *(f"{k}={v}" for k, v in body if k != "driver"),
            ]
        )
        for _, name, body in devices
    ]


def test_machine_options_stand_with_the_machine(catalogue: pa.FileCatalogue) -> None:
    """The user's and the platform's options are one section, which -readconfig wants."""
    vm = machine_with_nics(catalogue, "pc-q35-9.1,usb=on", "tap")
    (_, _, pairs), *_ = _read(pa.readconfig(pa.resolve(catalogue, vm, "linux-6.9")))

    assert [("type", "pc-q35-9.1"), ("usb", "on"), ("smm", "on")] == pairs


def test_a_cpu_has_no_section(catalogue: pa.FileCatalogue) -> None:
    """-readconfig has nothing for -cpu, and leaving it out would be another guest."""
    vm = machine_with_nics(catalogue, "pc-q35-9.1", cpu="qemu64")
    with pytest.raises(pa.UsageError) as caught:
        pa.readconfig(pa.resolve(catalogue, vm, "linux-6.9"))
    assert "readconfig-impossible" == caught.value.code


def _with(value: str, *, key: str = "p", device: str | None = None) -> pa.GuestAbi:
    setting = pa.Setting(
        driver="d", property=key, value=value, layer="platform", source="s", device=device
    )
    devices = () if device is None else (pa.Device(driver="d", id=device),)
    return pa.GuestAbi(
        vm=pa.VirtualMachine(machine="pc-q35-9.1", devices=devices),
        platform="linux-6.9@2026.1",
        edition="2026.1",
        settings=(setting,),
        preconditions=(),
        unpinned=(),
    )


@pytest.mark.parametrize(
    "abi",
    [
        _with('a"b'),
        _with("a\nb"),
        _with("a\rb"),
        _with("a\0b"),
        _with("a" * 1012),
        _with("é" * 506),
        _with("v", device="a b"),
        _with("v", device="a" * 64),
        _with("v", device='a"]\n[drive'),
        _with("v", device="a", key="k" * 64),
        _with("v", device="a", key="k\n[drive]"),
    ],
)
def test_what_the_format_cannot_say_is_refused(abi: pa.GuestAbi) -> None:
    """No escapes, lines of 1023 bytes, keys and ids of 63: more is refused, never cut off."""
    with pytest.raises(pa.UsageError) as caught:
        pa.readconfig(abi)
    assert "readconfig-impossible" == caught.value.code


def test_the_longest_line_that_qemu_reads_is_written() -> None:
    """QEMU 7.2.22 was seen to start with a value of 1011 bytes here, and to refuse 1012."""
    _read(pa.readconfig(_with("a" * 1011)))
    _read(pa.readconfig(_with("v", device="a" * 63)))


@given(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=40), st.text(min_size=1, max_size=8)
)
def test_any_value_reads_back_or_is_refused(value: str, device: str) -> None:
    """Nothing that is written can be read as something else."""
    abi = _with(value, device=device)
    try:
        text = pa.readconfig(abi)
    except pa.UsageError as error:
        code = error.code
        assert "readconfig-impossible" == code
    else:
        assert ("device", device, [("driver", "d"), ("p", value)]) == _read(text)[-1]
