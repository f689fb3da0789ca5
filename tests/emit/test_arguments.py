"""QEMU's arguments: nothing is lost between an ABI, an exec and a shell."""

from __future__ import annotations

import shlex
import string

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.emit.arguments import global_argument
from platform_abi.model.option_language import split_options
from platform_abi.resolver.virtual_machine import parse_global
from platform_abi.testing import Scenario, scenarios
from tests.resolver.shipped import PINNED_CPU, machine_with_nics

#: What QOM names are made of, and more.
names = st.text(string.ascii_letters + "-_", min_size=1, max_size=70)
values = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


def _setting(driver: str = "d", name: str = "p", value: str = "v") -> pa.Setting:
    return pa.Setting(driver=driver, property=name, value=value, layer="global", source="argument")


def _abi(*settings: pa.Setting, **vm: object) -> pa.GuestAbi:
    return pa.GuestAbi(
        vm=pa.VirtualMachine(machine="pc-q35-9.1", **vm),  # type: ignore[arg-type]
        platform="linux-6.9@2026.1",
        edition="2026.1",
        settings=settings,
        preconditions=(),
        unpinned=(),
    )


@pytest.mark.parametrize(
    ("driver", "name", "value", "expected"),
    [
        ("virtio-net-device", "csum", "on", "virtio-net-device.csum=on"),
        ("d", "p", "a,b=c.d", "d.p=a,b=c.d"),
        ("d", "p", "", "d.p="),
        ("d" * 63, "p" * 63, "v", f"{'d' * 63}.{'p' * 63}=v"),
        ("d" * 64, "p", "v", f"driver={'d' * 64},property=p,value=v"),
        ("d", "p" * 64, "v", f"driver=d,property={'p' * 64},value=v"),
        ("é" * 32, "p", "v", f"driver={'é' * 32},property=p,value=v"),
        ("d", "é" * 32, "v", f"driver=d,property={'é' * 32},value=v"),
        ("a.b", "p", "v", "driver=a.b,property=p,value=v"),
        ("a=b", "p", "v", "driver=a=b,property=p,value=v"),
        ("d", "p=q", "v", "driver=d,property=p=q,value=v"),
        ("a.b", "p", "x,y", "driver=a.b,property=p,value=x,,y"),
    ],
)
def test_the_short_form_only_where_qemu_parses_it(
    driver: str, name: str, value: str, expected: str
) -> None:
    """No dot or = in the driver, names under 64 bytes; else the long form with commas doubled."""
    assert expected == global_argument(_setting(driver, name, value))


@given(names, names, values)
def test_a_global_argument_reads_back_as_the_setting(driver: str, name: str, value: str) -> None:
    """Whatever a value holds, the argument says exactly it."""
    found = parse_global(global_argument(_setting(driver, name, value)))

    assert (driver, name, value) == (found.driver, found.property, found.value)


@given(st.from_regex(r"[a-z.]{1,40}", fullmatch=True), names, values)
def test_a_driver_with_dots_reads_back_too(driver: str, name: str, value: str) -> None:
    """QOM types such as ``memory-backend.x`` need the long form, and get it."""
    found = parse_global(global_argument(_setting(driver, name, value)))

    assert (driver, name, value) == (found.driver, found.property, found.value)


@given(st.lists(st.tuples(names, names, values), max_size=4), st.lists(st.tuples(names, values)))
def test_shell_lines_are_the_arguments_for_a_shell(
    globals_: list[tuple[str, str, str]], options: list[tuple[str, str]]
) -> None:
    """A shell that reads the lines passes exactly the arguments: quotes, newlines and all."""
    abi = _abi(*(_setting(*each) for each in globals_), machine_options=tuple(options))

    expected = pa.arguments(abi)
    assert expected == shlex.split(pa.shell_lines(abi))
    assert pa.shell_lines(abi).endswith("\n")
    assert 2 * len(globals_) + 4 == len(expected)


@given(scenarios())
def test_arguments_are_the_settings_and_nothing_else(scenario: Scenario) -> None:
    """Each setting that is no constant of QEMU's is said once, in the order of the settings."""
    abi = pa.resolve(scenario.catalogue, scenario.vm, scenario.platform)
    words = pa.arguments(abi)
    pairs = list(zip(words[::2], words[1::2], strict=True))

    expected = [
        (s.driver, s.property, s.value)
        for s in abi.settings
        if s.device is None and s.layer not in ("default", "device")
    ]
    found = [parse_global(text) for option, text in pairs if option == "-global"]
    assert expected == [(g.driver, g.property, g.value) for g in found]
    told = [dict(split_options(text, "driver")) for option, text in pairs if option == "-device"]
    own = [s for s in abi.settings if s.device is not None and s.layer == "platform"]
    assert len({s.device for s in own}) == len(told)
    assert len(own) <= sum(map(len, told))


def test_the_order_is_fixed(catalogue: pa.FileCatalogue) -> None:
    """Machine, its options, accelerator, CPU, the platform's globals by driver, then the user's."""
    vm = machine_with_nics(
        catalogue,
        "pc-q35-9.1,usb=on",
        "tap",
        "user",
        cpu=PINNED_CPU,
        globals_=["virtio-rng-pci.max-bytes=1", "e1000.mac=x"],
    )
    words = pa.arguments(pa.resolve(catalogue, vm, "linux-6.9"))
    options = words[::2]

    order = ["-machine", "-accel", "-cpu", "-global", "-device"]
    assert order == list(dict.fromkeys(options))
    assert sorted(options, key=order.index) == options
    assert ["pc-q35-9.1,usb=on", "smm=on", "kvm", PINNED_CPU] == words[1:8:2]
    globals_ = [v for o, v in zip(options, words[1::2], strict=True) if o == "-global"]
    assert ["virtio-rng-pci.max-bytes=1", "e1000.mac=x"] == globals_[-2:]
    assert sorted(globals_[:-2], key=lambda text: text.split("=")[0]) == globals_[:-2]


def test_commas_are_doubled_where_options_are_joined() -> None:
    """A comma in the value of a machine option, a CPU property or a device property stays one."""
    device = pa.Device(driver="virtio-net-pci", id="a", properties=(("netdev", "x,y"),))
    own = evolve(_setting("virtio-net-pci", "p", "1,2"), device="a", layer="platform")
    abi = _abi(
        own,
        machine_options=(("firmware", "a,b"),),
        cpu=pa.Cpu(model="qemu64", properties=(("model-id", "a, b"),)),
        devices=(device,),
    )

    assert [
        "-machine", "pc-q35-9.1,firmware=a,,b",
        "-accel", "kvm",
        "-cpu", "qemu64,model-id=a,, b",
        "-device", "virtio-net-pci,id=a,netdev=x,,y,p=1,,2",
    ] == pa.arguments(abi)  # fmt: skip


def test_a_device_without_an_id_is_found_by_its_place() -> None:
    """device[N] is the N-th device, and no id is made up for it."""
    devices = (pa.Device(driver="a"), pa.Device(driver="b"))
    own = evolve(_setting("b", "p", "v"), device="device[1]", layer="platform")

    assert ["-device", "b,p=v"] == pa.arguments(_abi(own, devices=devices))[-2:]


def test_constants_and_explicit_device_properties_need_no_argument() -> None:
    """QEMU has its own constants, and the user's -device says the rest."""
    quiet = (evolve(_setting(), layer="default"), evolve(_setting(), layer="device", device="a"))

    assert ["-machine", "pc-q35-9.1", "-accel", "kvm"] == pa.arguments(_abi(*quiet))


@pytest.mark.parametrize(
    "abi",
    [
        _abi(_setting(value="a\0b")),
        _abi(machine_options=(("x", "\0"),)),
        _abi(cpu=pa.Cpu(model="\0")),
    ],
)
def test_nul_is_refused(abi: pa.GuestAbi) -> None:
    """No argument can hold NUL, so nothing that has one is emitted."""
    for emit in (pa.arguments, pa.shell_lines, pa.abi_document):
        with pytest.raises(pa.UsageError) as caught:
            emit(abi)
        assert "argument-nul" == caught.value.code


def test_a_device_with_nested_json_is_not_rewritten(catalogue: pa.FileCatalogue) -> None:
    """Values of its own cannot be added to a device whose JSON the option form cannot say."""
    nested = '{"driver": "virtio-net-pci", "netdev": "n0", "mac": [1]}'
    vm = pa.virtual_machine(
        catalogue.devices(),
        "pc-q35-9.1",
        devices=[nested, "virtio-net-pci,netdev=n1"],
        netdevs=["tap,id=n0", "user,id=n1"],
    )
    abi = pa.resolve(catalogue, vm, "linux-6.9")
    with pytest.raises(pa.UsageError) as caught:
        pa.arguments(abi)
    assert caught.value.code == "device-nested"
