"""A command line with a platform in it: the platform's values first, all else as it was."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.errors import UsageError
from platform_abi.launch.command_line import read_command_line
from platform_abi.launch.described import Described, described
from platform_abi.launch.rewrite import _json_value, platform_words, rewrite
from platform_abi.model.device import NETDEV
from platform_abi.resolver.virtual_machine import parse_global
from tests.launch.lines import CORPUS, options

BUILD = "qemu-11.1.3"
PLATFORMS = ["linux-6.1", "linux-6.9", "conservative"]

#: Options of a guest's devices, in the order of no importance.
NICS = [
    ["-netdev", "tap,id=n0", "-device", "virtio-net-pci,netdev=n0,id=a"],
    ["-netdev", "user,id=n1", "-device", '{"driver": "virtio-net-pci", "netdev": "n1", "id": "b"}'],
    ["-netdev", "tap,id=n2,vhost=on", "-device", "virtio-net-pci,netdev=n2,id=c,host_uso=off"],
    ["-device", "virtio-balloon-pci,id=d"],
]


def _done(
    catalogue: pa.FileCatalogue, words: list[str], platform: str
) -> tuple[Described, pa.GuestAbi, tuple[str, ...]]:
    line = read_command_line(catalogue.options(), words)
    found = described(catalogue, line, arch="x86_64", build=BUILD)
    abi = pa.resolve(catalogue, found.vm, platform, hotplug=True)
    return found, abi, rewrite(catalogue, line, found, abi)


def _is_within(inner: list[str], outer: tuple[str, ...]) -> bool:
    rest = iter(outer)
    return all(word in rest for word in inner)


@pytest.mark.parametrize("words", CORPUS, ids=" ".join)
@pytest.mark.parametrize("platform", PLATFORMS)
def test_what_is_no_device_comes_out_unchanged(
    catalogue: pa.FileCatalogue, words: list[str], platform: str
) -> None:
    """In its order; a device that needs a value of its own gets it at its end."""
    _, abi, out = _done(catalogue, [*words, "-platform", platform], platform)
    added = platform_words(abi)
    assert added == list(out[: len(added)])
    rest = out[len(added) :]
    assert len(words) == len(rest)
    for before, after in zip(words, rest, strict=True):
        if before.lstrip().startswith("{"):
            assert json.loads(before).items() <= json.loads(after).items()
        else:
            assert after == before or after.startswith(f"{before},")


@given(data=st.data())
def test_the_order_of_everything_else_is_kept(catalogue: pa.FileCatalogue, data: Any) -> None:
    """Whatever surrounds the devices, and wherever the platform is named."""
    chosen = data.draw(st.lists(st.sampled_from(NICS), unique_by=lambda n: n[-1]))
    parts = [*data.draw(st.lists(options())), *chosen, ["-machine", "pc-q35-9.1"]]
    parts = data.draw(st.permutations(parts))
    at = data.draw(st.integers(0, len(parts)))
    platform = data.draw(st.sampled_from(PLATFORMS))
    parts.insert(at, ["-platform", platform])
    words = [word for part in parts for word in part]
    _, _, out = _done(catalogue, words, platform)
    fixed = [w for p in parts if p[0] != "-platform" and p not in chosen for w in p]
    assert _is_within(fixed, out)


@given(
    chosen=st.lists(st.sampled_from(NICS), unique_by=lambda n: n[-1]),
    platform=st.sampled_from(PLATFORMS),
)
def test_resolving_again_changes_nothing(
    catalogue: pa.FileCatalogue, chosen: list[list[str]], platform: str
) -> None:
    """The values are explicit now, and explicit values stay; the command line alone is the ABI.

    Only what every host of the first platform has on a netdev by itself was not written there.
    """
    words = ["-machine", "pc-q35-9.1", *(w for n in chosen for w in n)]
    _, abi, out = _done(catalogue, words, platform)
    for again in PLATFORMS:
        _, second, twice = _done(catalogue, list(out), again)
        rest = set(twice[len(platform_words(second)) :])
        if not {s.device for s in abi.settings if s.driver == NETDEV}:
            rest = {word.removesuffix(",vnet_hdr=off") for word in rest}
        assert rest == set(out)
        values = {(s.driver, s.property, s.device): s.value for s in abi.settings}
        for setting in second.settings:
            key = (setting.driver, setting.property, setting.device)
            if again == platform and key in values:
                assert values[key] == setting.value


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_users_value_comes_after_the_platforms(
    catalogue: pa.FileCatalogue, platform: str
) -> None:
    """Of equal globals QEMU takes the last, so the user's has to be it."""
    own = "virtio-net-device.host_uso=on"
    words = ["-global", own, *NICS[0], "-machine", "pc-q35-9.1"]
    _, _, out = _done(catalogue, words, platform)
    given_ = [parse_global(out[n + 1]) for n, word in enumerate(out) if word == "-global"]
    last = [g for g in given_ if (g.driver, g.property) == ("virtio-net-device", "host_uso")][-1]
    assert "on" == last.value


def test_devices_that_may_come_later_get_values_and_need_nothing(
    catalogue: pa.FileCatalogue,
) -> None:
    """A guest without a NIC may be given one; until then its host needs none of what that takes."""
    found, abi, out = _done(catalogue, ["-M", "pc-q35-9.1", "-nodefaults"], "linux-6.9")
    assert () == found.vm.devices
    assert "virtio-net-device.host_uso=on" in out
    assert not [p for p in abi.preconditions if "virtio-net" in "".join(p.because)]


def test_a_device_that_nothing_names_cannot_have_a_value_of_its_own(
    catalogue: pa.FileCatalogue,
) -> None:
    """-nic is no -device: the error says what to write."""
    words = ["-M", "pc-q35-9.1", "-nic", "tap,model=virtio-net-pci", "-nic", "user,model=virtio"]
    with pytest.raises(UsageError, match="virtio-net") as caught:
        _done(catalogue, words, "linux-6.9")
    assert "device-unnamed" == caught.value.code
    assert "-netdev" in caught.value.help


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        ("on", "bool", "true"),
        ("off", "", "false"),
        ("on", "OnOffAuto", '"on"'),
        ("1500", "uint16", "1500"),
        ("4096", "GranuleMode", '"4096"'),
        ("4k", "size", '"4k"'),
    ],
)
def test_a_value_in_json_has_the_type_of_its_property(value: str, kind: str, expected: str) -> None:
    """QEMU refuses a boolean for OnOffAuto, and text for a boolean or a number."""
    assert expected == _json_value(value, kind)


# --- netdevs -------------------------------------------------------------------------------------

_NIC = ("-device", "virtio-net-pci,netdev=n0,id=a")


@pytest.mark.parametrize(
    ("words", "at", "expected"),
    [
        (["-netdev", "tap,id=n0,script=/a,,b", *_NIC], 1, "tap,id=n0,script=/a,,b,vnet_hdr=off"),
        (["--netdev", "type=tap,id=n0", *_NIC], 1, "type=tap,id=n0,vnet_hdr=off"),
        ([*_NIC, "-netdev", "tap,id=n0"], 3, "tap,id=n0,vnet_hdr=off"),
        (
            ["-netdev", '{"type": "tap", "id": "n0", "queues": 2}', *_NIC],
            1,
            '{"type": "tap", "id": "n0", "queues": 2, "vnet_hdr": false}',
        ),
        (["-nic", "tap,model=virtio"], 1, "tap,model=virtio,vnet_hdr=off"),
        (
            ["-net", "nic,model=virtio,netdev=n0", "-netdev", "tap,id=n0"],
            3,
            "tap,id=n0,vnet_hdr=off",
        ),
    ],
)
def test_what_a_platform_sets_on_a_netdev_is_written_in_its_own_form(
    catalogue: pa.FileCatalogue, words: list[str], at: int, expected: str
) -> None:
    """The option language has it at the end, JSON as a boolean; every other word is as it was."""
    words = ["-machine", "pc-q35-9.1", *words, "-platform", "conservative"]
    _, abi, out = _done(catalogue, words, "conservative")
    rest = list(out[len(platform_words(abi)) :])
    assert expected == rest[at + 2]
    assert [*words[: at + 2], *words[at + 3 : -2]] == [*rest[: at + 2], *rest[at + 3 :]]


@pytest.mark.parametrize(
    "words",
    [
        ["-netdev", "tap,id=n0,vnet_hdr=on", *_NIC],
        ["-netdev", "tap,id=n0", "-set", "netdev.n0.vnet_hdr=on", *_NIC],
        ["-netdev", "tap,id=n0,vnet_hdr=off", *_NIC],
        ["-netdev", "tap,id=n0,fd=3", *_NIC],
        ["-netdev", "user,id=n0", *_NIC],
        ["-nic", "tap,model=e1000"],
        ["-netdev", "tap,id=n0", "-netdev", "hubport,hubid=0,id=h,netdev=n0"],
        ["-netdev", "tap,id=n0"],
    ],
)
def test_nothing_is_written_on_a_netdev_that_says_it_or_of_which_it_is_nothing(
    catalogue: pa.FileCatalogue, words: list[str]
) -> None:
    """An explicit value stays, and other NICs know nothing of a vnet header in the stream."""
    words = ["-machine", "pc-q35-9.1", *words]
    _, abi, out = _done(catalogue, [*words, "-platform", "conservative"], "conservative")
    assert words == list(out[len(platform_words(abi)) :])


def test_a_netdev_of_a_configuration_file_is_written_on_behind_it(
    catalogue: pa.FileCatalogue,
) -> None:
    """No file is changed: -set amends what was read from it."""
    text = (
        '[netdev "n0"]\n type = "tap"\n[device "a"]\n driver = "virtio-net-pci"\n netdev = "n0"\n'
    )
    words = ["-machine", "pc-q35-9.1", "-readconfig", "x.cfg", "-S"]
    line = read_command_line(catalogue.options(), words)
    found = described(catalogue, line, arch="x86_64", build=BUILD, read_file=lambda _: text)
    abi = pa.resolve(catalogue, found.vm, "conservative", hotplug=True)
    out = rewrite(catalogue, line, found, abi)
    assert [*words, "-set", "netdev.n0.vnet_hdr=off"] == list(out[len(platform_words(abi)) :])

    dotted = text.replace("n0", "n.0")
    found = described(catalogue, line, arch="x86_64", build=BUILD, read_file=lambda _: dotted)
    abi = pa.resolve(catalogue, found.vm, "conservative", hotplug=True)
    with pytest.raises(UsageError, match="vnet_hdr=off") as caught:
        rewrite(catalogue, line, found, abi)
    assert "netdev-unnamed" == caught.value.code
