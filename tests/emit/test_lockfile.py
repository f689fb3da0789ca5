"""The lockfile: everything comes back, and every change shows."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.emit.lock_reading import parse_lock
from platform_abi.emit.lockfile import LOCK_SCHEMA, with_allowed, with_view
from platform_abi.model.guest import DeviceView, MachineView
from platform_abi.model.vm import GlobalProperty
from platform_abi.testing import Scenario, scenarios
from tests.emit.conftest import DEFINITIONS
from tests.resolver.shipped import machine_with_nics

CHOICES = [
    ("pc-q35-9.1", ("tap", "user"), "qemu64,vendor=AuthenticAMD", "linux-6.9"),
    ("pc-q35-9.1", (), None, "conservative"),
    ("pc-i440fx-8.1", ("tap,vhost=on",), "host", "linux-6.1,virtio-net.rss=on"),
    ("pc-q35-10.2,smm=off", ("vhost-user,chardev=c",), None, "linux-rhel-9.5"),
    ("microvm", ("tap",), None, "linux-ubuntu-24.04"),
]


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
VIEWS = st.builds(
    MachineView,
    qemu=TEXTS,
    looked=st.booleans(),
    devices=st.dictionaries(
        TEXTS,
        st.builds(
            DeviceView,
            driver=TEXTS,
            facts=st.dictionaries(TEXTS, TEXTS, max_size=2),
            untold=st.lists(TEXTS, max_size=2).map(tuple),
        ),
        max_size=2,
    ),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(view=VIEWS)
def test_what_a_guest_finds_comes_back(catalogue: pa.FileCatalogue, view: MachineView) -> None:
    """Written with the rest, or put into a lockfile that is there, in the place of another."""
    abi = pa.resolve(catalogue, machine_with_nics(catalogue, "pc-q35-9.1", "user"), "conservative")
    text = pa.lock_text(evolve(abi, view=view), definitions=DEFINITIONS)
    stored = pa.read_lock(text, "vm.lock")
    assert stored.view == view
    assert pa.read_lock(with_view(text, MachineView(qemu="x")), "vm.lock").view == MachineView(
        qemu="x"
    )
    plain = pa.lock_text(abi, definitions=DEFINITIONS)
    assert with_view(plain, view) == text
    assert pa.read_lock(plain, "vm.lock").view is None


@given(scenarios(), st.text(st.characters(exclude_categories=["Cs"])))
def test_what_is_locked_comes_back(scenario: Scenario, text: str) -> None:
    """Reading a lockfile gives the very ABI, whatever its values hold."""
    abi = pa.resolve(scenario.catalogue, scenario.vm, scenario.platform)
    vm = evolve(
        abi.vm,
        globals=(GlobalProperty(driver="d", property=text, value=text),),
        machine_options=((text, text),),
        build=text,
    )
    abi = evolve(abi, vm=vm, notes=(text,), platform=text)

    assert abi == parse_lock(pa.lock_text(abi, definitions=DEFINITIONS), "vm.lock")


@pytest.mark.parametrize(("machine", "netdevs", "cpu", "platform"), CHOICES)
def test_shipped_abis_come_back_to_the_byte(
    catalogue: pa.FileCatalogue,
    machine: str,
    netdevs: tuple[str, ...],
    cpu: str | None,
    platform: str,
) -> None:
    """ABI, arguments and the lockfile itself are reproduced from the lockfile alone."""
    build = "qemu-11.1.3" if machine == "microvm" else None
    vm = machine_with_nics(
        catalogue, machine, *netdevs, cpu=cpu, build=build, globals_=["e1000.mac=x"]
    )
    abi = pa.resolve(catalogue, vm, platform)
    text = pa.lock_text(abi, definitions=DEFINITIONS)
    again = pa.read_lock(text, "vm.lock")

    assert abi == again
    assert pa.arguments(abi) == pa.arguments(again)
    assert pa.abi_document(abi) == pa.abi_document(again)
    assert text == pa.lock_text(again, definitions=DEFINITIONS)


def test_no_definition_changes_what_was_locked(
    lock: str, monkeypatch: pytest.MonkeyPatch, catalogue: pa.FileCatalogue
) -> None:
    """They say what a lockfile may say, and no more: platforms and machine types may be gone."""
    vm = machine_with_nics(catalogue, "pc-q35-9.1", "tap", "user", nic="virtio-net-pci,host_uso=on")
    expected = pa.arguments(pa.resolve(catalogue, vm, "linux-6.1"))

    def none(*_: object) -> None:
        pytest.fail("a definition was read")

    for name in ("platform", "listing", "machine", "masks", "edition"):
        monkeypatch.setattr(pa.FileCatalogue, name, none)
    assert expected == pa.arguments(pa.read_lock(lock, "vm.lock"))


def test_a_lockfile_is_for_people_to_read(lock: str) -> None:
    """It names platform, edition, definitions and digest at its top."""
    body = tomllib.loads(lock)

    assert {
        "schema": LOCK_SCHEMA,
        "platform": "linux-6.1@2026.2",
        "edition": "2026.2",
        "definitions": DEFINITIONS,
        "migratable": True,
    }.items() <= body.items()
    assert pa.abi_digest(pa.read_lock(lock, "vm.lock")) == body["digest"]


def test_a_lockfile_of_the_first_layout_is_read(catalogue: pa.FileCatalogue) -> None:
    """Its digest is what it was; what it does not say of the virtual machine is not known."""
    text = (Path(__file__).parent / "schema-1.lock").read_text(encoding="utf-8")
    abi = pa.read_lock(text, "old.lock", catalogue=catalogue)
    assert abi.vm.hardware is None
    assert tomllib.loads(text)["digest"] == pa.abi_digest(abi)


def test_a_value_that_is_no_text_is_not_locked(catalogue: pa.FileCatalogue) -> None:
    """Bytes of an argument that are not UTF-8 cannot stand in a text file, and are refused."""
    vm = machine_with_nics(catalogue, "pc-q35-9.1", globals_=["e1000.mac=\udcff"])
    with pytest.raises(pa.UsageError) as caught:
        pa.lock_text(pa.resolve(catalogue, vm, "linux-6.9"), definitions=DEFINITIONS)
    assert "not-text" == caught.value.code


# --- what was let pass ---------------------------------------------------------------------------

_ENTRY = {"by": "force", "finding": "capability-missing", "message": "x needs y, which is absent"}


@given(scenarios(), st.lists(st.dictionaries(st.sampled_from(["by", "message"]), st.text("ab"))))
def test_what_was_let_pass_changes_nothing_else(
    scenario: Scenario, entries: list[dict[str, str]]
) -> None:
    """It stands beside the ABI, under the same seal, each entry once, and readers pass over it."""
    abi = pa.resolve(scenario.catalogue, scenario.vm, scenario.platform)
    before = pa.lock_text(abi, definitions=DEFINITIONS)
    after = with_allowed(before, entries)

    assert abi == pa.read_lock(after, "f", catalogue=scenario.catalogue)
    assert after == with_allowed(after, entries)
    written = tomllib.loads(after)["allowed"]
    assert all(entry in written for entry in entries)
    assert len(written) == len({tuple(sorted(entry.items())) for entry in entries})


def test_a_record_of_what_was_let_pass_is_sealed(lock: str) -> None:
    """Taking it out by hand shows like every other change."""
    text = with_allowed(lock, [_ENTRY])
    assert [_ENTRY] == tomllib.loads(text)["allowed"]
    with pytest.raises(pa.LockError) as caught:
        pa.read_lock(text.replace("which is absent", "which is there"), "f")
    assert "lock-changed" == caught.value.code
