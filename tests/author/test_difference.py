"""The comparison of an audit: properties, and what a guest finds."""

from __future__ import annotations

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.author.difference import (
    AuditVerdict,
    Difference,
    host_bits,
    passed_over,
    property_differences,
    view_differences,
)
from platform_abi.guest.document import recorded_view
from platform_abi.guest.view import NO_DRIVER, REFUSED, Facts, GuestView
from tests.conftest import DEFINITIONS

ARCH = "x86_64"
BUILDS = ("qemu-7.2.22", "qemu-10.0.2", "qemu-11.1.3")
CATALOGUE = pa.FileCatalogue([DEFINITIONS])

MASKS = st.integers(0, (1 << 128) - 1).map(lambda n: f"{n:#034x}")
PLAIN = st.dictionaries(
    st.sampled_from(["identity", "rom", "bar0", "queues"]), st.sampled_from(["1", "2"]), min_size=1
)
THERE: st.SearchStrategy[Facts] = st.one_of(
    st.builds(lambda plain, mask: {**plain, "features": mask}, PLAIN, MASKS),
    PLAIN,
)
DEVICES: st.SearchStrategy[Facts] = st.one_of(THERE, st.just({REFUSED: "no"}), st.just(NO_DRIVER))
FUNCTIONS = st.sampled_from(["board 1f.0", "board 1f.2", "board 02.0"])
LABELS = st.one_of(
    st.sampled_from(["virtio-net-pci", "virtio-blk-pci behind port", "e1000"]), FUNCTIONS
)
FLAGS = st.fixed_dictionaries(
    {},
    optional={
        "aes": st.sampled_from(["on", "off"]),
        "avx": st.sampled_from(["on", "off"]),
        "phys-bits": st.sampled_from(["0", "46"]),
    },
)
VIEWS = st.builds(
    GuestView,
    machine=st.just("pc-q35-9.1"),
    arch=st.just(ARCH),
    devices=st.dictionaries(LABELS, DEVICES),
    cpus=st.dictionaries(st.sampled_from(["Nehalem", "EPYC"]), FLAGS),
)


def _with(labels: st.SearchStrategy[str]) -> st.SearchStrategy[tuple[GuestView, str]]:
    """Return views that have a device of one of *labels*, and which."""
    return st.builds(
        lambda view, label, facts: (evolve(view, devices={**view.devices, label: facts}), label),
        VIEWS,
        labels,
        THERE,
    )


BOARDS = _with(FUNCTIONS).map(lambda pair: pair[0])


def _found(expected: GuestView, found: GuestView) -> list[Difference]:
    return list(view_differences(CATALOGUE, expected, found))


# --- laws of what a guest finds ------------------------------------------------------------------


@given(VIEWS)
def test_a_view_is_as_it_is_itself(view: GuestView) -> None:
    """Nothing differs from itself, and nothing of it was passed over."""
    assert _found(view, view) == []
    assert passed_over(view, view) == {}


@given(VIEWS, VIEWS)
def test_what_differs_does_so_either_way(first: GuestView, second: GuestView) -> None:
    """The other way round the same is found, with the sides exchanged."""
    there = {(d.device, d.what, d.expected, d.found) for d in _found(first, second)}
    back = {(d.device, d.what, d.found, d.expected) for d in _found(second, first)}
    assert there == back
    assert passed_over(first, second) == passed_over(second, first)


@given(VIEWS, VIEWS)
def test_every_difference_is_found_or_said_to_be_passed_over(
    first: GuestView, second: GuestView
) -> None:
    """Of a device that differs at all either a fact is named, or why nobody could compare it."""
    named = {d.device for d in _found(first, second)} | passed_over(first, second).keys()
    for label in first.devices.keys() | second.devices.keys():
        assert (label in named) == (first.devices.get(label) != second.devices.get(label))
    if first.cpus and second.cpus:
        for model in first.cpus.keys() ^ second.cpus.keys():
            assert f"-cpu {model}" in passed_over(first, second)


@given(BOARDS, BOARDS)
def test_what_a_board_has_is_never_passed_over(first: GuestView, second: GuestView) -> None:
    """Of two boards that were looked at, a function that only one has is a difference."""
    boards = [{n for n in v.devices if n.startswith("board ")} for v in (first, second)]
    alone = boards[0] ^ boards[1]
    assert not alone & passed_over(first, second).keys()
    found = {d.device: (d.what, d.expected, d.found) for d in _found(first, second)}
    for name in alone:
        sides = ("there", None) if name in first.devices else (None, "there")
        assert found[name] == ("device", *sides)


@given(VIEWS, VIEWS)
def test_every_property_of_a_cpu_model_is_compared_or_said_not_to_be(
    first: GuestView, second: GuestView
) -> None:
    """A flag that one side does not know is as good as off; a number that it does not know is not.

    And an argument pins only what both know: QEMU refuses any other.
    """
    found = {(d.device, d.what): d for d in _found(first, second)}
    over = passed_over(first, second)
    for model in first.cpus.keys() & second.cpus.keys():
        before, after = first.cpus[model], second.cpus[model]
        for what in ("aes", "avx", "phys-bits"):
            sides = before.get(what), after.get(what)
            unlike = sides[0] != sides[1]
            difference = found.get((f"-cpu {model}", what))
            if None in sides:
                assert (difference is not None) == ("on" in sides)
                number = what == "phys-bits" and unlike
                assert (f"-cpu {model},{what}" in over) == number
            else:
                assert (difference is not None) == unlike
            if difference is not None:
                assert (difference.expected, difference.found) == sides
                pin = "" if None in sides else f"-cpu {model},{what}={sides[0]}"
                assert difference.pin == pin


@given(_with(LABELS), st.data())
def test_a_planted_difference_is_named_exactly(
    pair: tuple[GuestView, str], data: st.DataObject
) -> None:
    """One fact changed is one difference: that device, that fact, both values."""
    view, label = pair
    facts = view.devices[label]
    what = data.draw(st.sampled_from(sorted(facts.keys() - {"features"})))
    changed = evolve(view, devices={**view.devices, label: {**facts, what: "planted"}})
    (found,) = _found(view, changed)
    assert (found.machine, found.device) == ("pc-q35-9.1", label)
    assert (found.expected, found.found) == (facts[what], "planted")


@given(MASKS, st.integers(0, 127), st.integers(0, (1 << 128) - 1))
def test_a_planted_feature_bit_is_found_unless_it_is_the_hosts(
    mask: str, bit: int, ignored: int
) -> None:
    """Each bit is a difference of its own; those to be ignored are none, and no other is hidden."""
    first, second = (
        GuestView(machine="m", arch=ARCH, devices={"virtio-net-pci": {"features": text}})
        for text in (mask, f"{int(mask, 16) ^ 1 << bit:#034x}")
    )
    found = list(view_differences(CATALOGUE, first, second, {"virtio-net-pci": ignored}))
    assert len(found) == 1 - (ignored >> bit & 1)
    for difference in found:
        assert difference.what.split()[:2] == ["feature", str(bit)]
        assert difference.expected == ("on" if int(mask, 16) >> bit & 1 else "off")


# --- examples ------------------------------------------------------------------------------------


def _view(label: str, **facts: str) -> GuestView:
    named = {key.replace("_", "-"): text for key, text in facts.items()}
    return GuestView(machine="pc-q35-9.1", arch=ARCH, devices={label: named})


def test_a_feature_bit_has_its_name_and_the_argument_that_pins_it() -> None:
    """On the inner device, so that every transport has it."""
    label = "virtio-net-pci with tap"
    before, after = _view(label, features="0x100000000000000"), _view(label, features="0x0")
    (found,) = _found(before, after)
    assert found.what == "feature 56 VIRTIO_NET_F_HOST_USO"
    assert (found.expected, found.found) == ("on", "off")
    assert found.pin == "-global virtio-net-device.host_uso=on"
    (back,) = _found(after, before)
    assert back.pin == "-global virtio-net-device.host_uso=off"


def test_an_interface_that_only_one_side_has_is_one_difference() -> None:
    """A device that lost its legacy interface did not lose 32 features."""
    before = _view("virtio-blk-pci", legacy_features="0x79006e54")
    (found,) = _found(before, _view("virtio-blk-pci", queues="256"))[:1]
    assert (found.what, found.expected, found.found) == ("legacy interface", "0x79006e54", None)


def test_a_device_that_does_not_start_is_one_difference() -> None:
    """With QEMU's words; a driver that is not there at all is passed over, and said."""
    there = _view("igb", identity="8086:10c9", bar0="memory")
    refused = _view("igb", refused="VF addr overflows")
    (found,) = _found(there, refused)
    assert (found.what, found.expected, found.found) == (
        "device",
        "there",
        "none: VF addr overflows",
    )
    missing = evolve(there, devices={"igb": NO_DRIVER})
    assert _found(there, missing) == []
    assert passed_over(there, missing) == {"igb": "no such driver"}
    assert passed_over(missing, missing) == {}


def test_what_a_host_could_not_look_at_is_said_with_its_reason() -> None:
    """It is no difference, on whichever side."""
    blind = GuestView(machine="m", arch=ARCH, unseen={"igb": "because"})
    seen = evolve(_view("igb", identity="1"), machine="m")
    assert _found(blind, seen) == _found(seen, blind) == []
    assert passed_over(blind, seen) == passed_over(seen, blind) == {"igb": "because"}


def test_a_flag_of_a_cpu_model_names_the_option_that_pins_it() -> None:
    """Either way round."""
    first, second = (
        GuestView(machine="m", arch=ARCH, cpus={"EPYC": {"aes": flag}}) for flag in ("on", "off")
    )
    (found,) = _found(first, second)
    assert (found.expected, found.found, found.pin) == ("on", "off", "-cpu EPYC,aes=on")
    (back,) = _found(second, first)
    assert back.pin == "-cpu EPYC,aes=off"


def test_a_property_that_a_qemu_does_not_know_is_no_argument_for_it() -> None:
    """QEMU 7.2 has no guest-phys-bits, and 11.1 refuses ``guest-phys-bits=off``."""
    older, newer = (recorded_view(CATALOGUE.locate, b, ARCH) for b in (BUILDS[0], BUILDS[2]))
    assert older is not None
    assert newer is not None
    sides = older.machines["pc-q35-7.2"], newer.machines["pc-q35-7.2"]
    assert "-cpu EPYC,guest-phys-bits" in passed_over(*sides)
    assert not [d for d in _found(*sides) if d.what == "guest-phys-bits"]
    assert not [d.pin for d in _found(*sides) if d.device.startswith("-cpu") and d.pin]


@given(st.integers(0, 3), st.integers(0, 3), st.booleans())
def test_a_verdict_is_kept_only_where_both_halves_were_compared(
    properties: int, views: int, differs: bool
) -> None:
    """A difference is one however little was compared; without one, nothing compared is no yes."""
    difference = Difference(machine="m", device="d", what="w", expected="1", found="2")
    verdict = AuditVerdict(
        expected="a",
        found="b",
        machines=("m",),
        properties=properties,
        views=views,
        differences=(difference,) * differs,
    )
    if differs:
        assert verdict.kept is False
    else:
        assert verdict.kept is (True if properties and views else None)


# --- what is the host's --------------------------------------------------------------------------

USO = 1 << 54 | 1 << 55 | 1 << 56


def test_the_bits_of_a_tap_are_the_hosts_until_it_is_known_to_have_them() -> None:
    """Of a host of which nothing is known all bits that stand on its tap are left out."""
    everything = frozenset(CATALOGUE.capabilities())
    assert host_bits(CATALOGUE, "virtio-net-pci", "tap") & USO == USO
    assert host_bits(CATALOGUE, "virtio-net-pci", "tap", everything) == 0
    assert host_bits(CATALOGUE, "virtio-net-pci", "tap", everything - {"tun.uso"}) == USO
    assert host_bits(CATALOGUE, "e1000", "tap") == 0


@given(st.sets(st.sampled_from(sorted(CATALOGUE.capabilities()))))
def test_a_host_that_has_more_hides_no_more(present: set[str]) -> None:
    """Each capability that is there can only add bits that are compared."""
    some = host_bits(CATALOGUE, "virtio-net-pci", "tap", frozenset(present))
    for name in sorted(CATALOGUE.capabilities().keys() - present)[:5]:
        more = host_bits(CATALOGUE, "virtio-net-pci", "tap", frozenset({*present, name}))
        assert more & ~some == 0


# --- properties ----------------------------------------------------------------------------------


@pytest.mark.parametrize("build", BUILDS)
def test_a_build_sets_what_it_sets(build: str) -> None:
    """Nothing differs between a build and itself."""
    assert list(property_differences(CATALOGUE, build, build, "pc-q35-7.2", ARCH, every=True)) == []


def test_properties_differ_either_way() -> None:
    """What one build sets otherwise than another does is the same seen from there."""
    args = (("qemu-10.0.2", "qemu-11.1.3"), ("qemu-11.1.3", "qemu-10.0.2"))
    there, back = (
        list(property_differences(CATALOGUE, *pair, "pc-q35-9.1", ARCH, every=False))
        for pair in args
    )
    assert there
    assert {(d.device, d.what, d.expected, d.found) for d in there} == {
        (d.device, d.what, d.found, d.expected) for d in back
    }
    assert all(d.pin == f"-global {d.device}.{d.what}={d.expected}" for d in there)


def _changed_of(machine: str, driver: str, no_user: frozenset[str]) -> int:
    rows = property_differences(
        CATALOGUE, "qemu-10.0.2", "qemu-11.1.3", machine, ARCH, every=True, no_user=no_user
    )
    return sum(d.device == driver for d in rows)


def test_a_driver_that_only_other_boards_come_with_is_passed_over() -> None:
    """A microvm has no host bridge of a q35; a driver that its user may add is compared with all.

    And so it is where nobody described the board.
    """
    bridge = frozenset({"mch"})
    for machine in ("microvm", "pc-i440fx-9.1"):
        assert _changed_of(machine, "mch", frozenset()) > 0
        assert _changed_of(machine, "mch", bridge) == 0
    for machine in ("pc-q35-9.1", "isapc"):
        assert _changed_of(machine, "mch", bridge) == _changed_of(machine, "mch", frozenset()) > 0


# --- shipped views -------------------------------------------------------------------------------


def test_the_same_name_is_nearly_the_same_guest_in_two_builds() -> None:
    """Between 10.0 and 11.1 no machine type both have changed a feature bit, a queue or a ROM."""
    older, newer = (recorded_view(CATALOGUE.locate, b, ARCH) for b in BUILDS[1:])
    assert older is not None
    assert newer is not None
    # A board without a version promises none of that.
    common = (older.machines.keys() & newer.machines.keys()) - {"microvm"}
    assert len(common) > 20
    for name in common:
        found = _found(older.machines[name], newer.machines[name])
        facts = {d.what.split()[0] for d in found if not d.device.startswith("-cpu")}
        assert not facts - {"configuration"}


def test_two_machine_types_differ_in_what_their_releases_changed() -> None:
    """UDP segmentation came with 8.2, and shows behind a tap."""
    view = recorded_view(CATALOGUE.locate, BUILDS[2], ARCH)
    assert view is not None
    first, second = (view.machines[f"pc-q35-{v}"] for v in ("8.1", "8.2"))
    bits = {d.what for d in _found(first, second) if d.device == "virtio-net-pci with tap"}
    assert bits == {
        "feature 54 VIRTIO_NET_F_GUEST_USO4",
        "feature 55 VIRTIO_NET_F_GUEST_USO6",
        "feature 56 VIRTIO_NET_F_HOST_USO",
    }
