"""A guest's view as a document: what is written is read back, and what is damaged is refused."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.guest.document import read_view, recorded_view, view_text
from platform_abi.guest.look import can_be_seen
from platform_abi.guest.placing import labels_of
from platform_abi.guest.view import BOARD, BinaryView, GuestView
from platform_abi.model.guest import GuestDevices
from tests.guest.shipped import ARCH, SHIPPED

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
    """Of each machine type with a bus that can be looked at, and of no other.

    Where no binary was to be had, nothing was looked at.
    """
    for build in catalogue.builds(ARCH):
        known = catalogue.build(build, ARCH)
        if known.confidence != "high":
            assert recorded_view(catalogue.locate, build, ARCH) is None
            continue
        recorded = recorded_view(catalogue.locate, build, ARCH)
        assert recorded is not None
        assert (recorded.version, recorded.package) == (known.version, known.package)
        assert recorded.machines.keys() == {n for n in known.machines if can_be_seen(SHIPPED, n)}
    assert recorded_view(catalogue.locate, "qemu-0.1", ARCH) is None


@pytest.mark.parametrize("arch", ["aarch64", "riscv64", "ppc64"])
def test_views_of_other_boards_are_of_every_machine_type_that_can_be_looked_at(
    catalogue: pa.FileCatalogue, arch: str
) -> None:
    """Of the build that was looked at, with the devices of its PCI bus and of the board's own."""
    looked_at = catalogue.guest_devices(arch)
    assert looked_at is not None
    for build in ("qemu-10.0.2", "qemu-11.1.3"):
        known = catalogue.build(build, arch)
        recorded = recorded_view(catalogue.locate, build, arch)
        assert recorded is not None
        assert (recorded.version, recorded.package) == (known.version, known.package)
        assert recorded.machines.keys() == {n for n in known.machines if can_be_seen(looked_at, n)}
        for view in recorded.machines.values():
            seen = {name for name in view.devices if not name.startswith(BOARD)}
            assert seen | set(view.unseen) == _labels(looked_at, view.machine)


def _labels(looked_at: GuestDevices, machine: str) -> set[str]:
    board = looked_at.board_of(machine)
    assert board is not None
    devices = [d for d in looked_at.device if not d.boards or board.family in d.boards]
    return {name for device in devices for name in labels_of(board, device)}


@pytest.mark.parametrize("arch", [ARCH, "aarch64", "riscv64", "ppc64"])
def test_shipped_views_are_as_they_would_be_written(catalogue: pa.FileCatalogue, arch: str) -> None:
    """Nobody edited them; a new recording changes what changed."""
    written = 0
    for build in catalogue.builds(arch):
        path = catalogue.locate(f"machines/{build}/{arch}-view.json")
        if path is None:
            assert arch != ARCH or catalogue.build(build, arch).confidence != "high"
            continue
        text = Path(path).read_text(encoding="utf-8")
        assert view_text(read_view(text, path)) == text
        written += 1
    assert written >= 2
