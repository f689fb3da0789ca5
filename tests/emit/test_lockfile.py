"""The lockfile: everything comes back, and every change shows."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.emit.lockfile import LOCK_SCHEMA, parse_lock, read_text, with_allowed, with_view
from platform_abi.model.digest import canonical_digest
from platform_abi.model.guest import DeviceView, MachineView
from platform_abi.model.vm import GlobalProperty
from platform_abi.resolver.fingerprint import machine_content
from platform_abi.testing import Scenario, scenarios
from tests.resolver.shipped import machine_with_nics

DEFINITIONS = "sha256:" + "0" * 64

CHOICES = [
    ("pc-q35-9.1", ("tap", "user"), "qemu64,vendor=AuthenticAMD", "linux-6.9"),
    ("pc-q35-9.1", (), None, "conservative"),
    ("pc-i440fx-8.1", ("tap,vhost=on",), "host", "linux-6.1,virtio-net.rss=on"),
    ("pc-q35-10.2,smm=off", ("vhost-user,chardev=c",), None, "linux-rhel-9.5"),
    ("microvm", ("tap",), None, "linux-ubuntu-24.04"),
]


@pytest.fixture
def lock(catalogue: pa.FileCatalogue) -> str:
    """Return the lockfile of one shipped example, beyond its platform."""
    vm = machine_with_nics(catalogue, "pc-q35-9.1", "tap", "user", nic="virtio-net-pci,host_uso=on")
    abi = pa.resolve(catalogue, vm, "linux-6.1")
    abi = evolve(abi, content=machine_content(catalogue, abi))
    return pa.lock_text(abi, definitions=DEFINITIONS)


def _sealed(body: dict[str, Any]) -> str:
    """Return *body* as a lockfile whose seal is right, whatever it says."""
    body.pop("seal", None)
    return tomli_w.dumps({**body, "seal": canonical_digest(body)})


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


# --- damage --------------------------------------------------------------------------------------


def test_every_value_is_under_the_seal(lock: str) -> None:
    """A change of any one value by hand shows, wherever it is."""
    changed = 0
    for number, line in enumerate(lock.splitlines()):
        for old, new in (('"on"', '"off"'), ('"off"', '"on"'), ("6.1", "6.2"), ("kvm", "tcg")):
            if old in line:
                lines = lock.splitlines()
                lines[number] = line.replace(old, new)
                with pytest.raises(pa.LockError) as caught:
                    pa.read_lock("\n".join(lines), "vm.lock")
                assert "lock-changed" == caught.value.code
                assert caught.value.message.startswith("vm.lock: ")
                changed += 1
    assert changed > 20


def test_every_line_is_needed(lock: str) -> None:
    """A lockfile with any one line taken away is refused."""
    lines = lock.splitlines()
    for number, line in enumerate(lines):
        if line:
            with pytest.raises(pa.LockError):
                pa.read_lock("\n".join(lines[:number] + lines[number + 1 :]), "vm.lock")


def test_a_half_written_file_is_refused(lock: str) -> None:
    """Whatever was cut off its end, it is no lockfile, and never half of one."""
    for end in range(0, len(lock.rstrip()), 7):
        with pytest.raises(pa.LockError):
            pa.read_lock(lock[:end], "vm.lock")


@pytest.mark.parametrize("schema", [0, LOCK_SCHEMA + 1, 1.5, "1", True, None])
def test_another_schema_is_refused(lock: str, schema: object) -> None:
    """A file of a newer version says so, before anything else of it is looked at."""
    body = tomllib.loads(lock)
    if schema is None:
        del body["schema"]
    else:
        body["schema"] = schema
    with pytest.raises(pa.LockError) as caught:
        pa.read_lock(_sealed(body), "vm.lock")
    assert "lock-schema" == caught.value.code


def test_settings_that_do_not_match_the_digest_are_refused(lock: str) -> None:
    """With a new seal, the digest still shows a change."""
    body = tomllib.loads(lock)
    body["settings"][0]["value"] += "x"
    with pytest.raises(pa.LockError, match="do not match the digest"):
        pa.read_lock(_sealed(body), "vm.lock")


junk: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.dates(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
).filter(lambda value: value is not None)


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    return [path, *(found for key, inner in items for found in _paths(inner, (*path, key)))]


def _no_none(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(_no_none, value.values()))
    return all(map(_no_none, value)) if isinstance(value, list) else value is not None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much])
@given(data=st.data(), value=junk.filter(_no_none), remove=st.booleans())
def test_a_sealed_file_of_another_shape_is_refused(
    lock: str, data: st.DataObject, value: Any, remove: bool
) -> None:
    """With a right seal and any value replaced or removed, it is a LockError or a sound ABI."""
    body = tomllib.loads(lock)
    path = data.draw(st.sampled_from(_paths(body)[1:]))
    place = body
    for key in path[:-1]:
        place = place[key]
    if remove:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    body.pop("seal", None)
    try:
        text = tomli_w.dumps({**body, "seal": canonical_digest(_plain(body))})
    except (TypeError, ValueError):
        return
    try:
        abi = parse_lock(text, "vm.lock")
    except pa.LockError:
        return
    pa.arguments(abi)
    assert [] == pa.diff_abis(abi, abi)
    assert abi == parse_lock(pa.lock_text(abi, definitions=DEFINITIONS), "vm.lock")


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value if isinstance(value, (str, int, float, bool)) else str(value)


@given(st.binary() | st.text().map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_garbage_is_a_lock_error(content: bytes) -> None:
    """No bytes make reading fail in another way."""
    with pytest.raises(pa.LockError):
        pa.read_lock(content.decode("latin-1"), "vm.lock")


@pytest.mark.parametrize("depth", [100, 300, 500, 900, 5000])
def test_deep_nesting_is_a_lock_error(depth: int) -> None:
    """A file that is made to exhaust the stack is refused like any other."""
    with pytest.raises(pa.LockError):
        pa.read_lock(f"schema = {LOCK_SCHEMA}\nx = {'[' * depth}{']' * depth}\n", "vm.lock")


def test_bytes_that_are_not_utf_8_are_a_lock_error(tmp_path: Path) -> None:
    """Reading tells a damaged file from one that cannot be read at all."""
    (tmp_path / "vm.lock").write_bytes(b"\xff\xfe")
    with pytest.raises(pa.LockError) as caught:
        read_text(tmp_path / "vm.lock")
    assert "lock-syntax" == caught.value.code
    for missing in (tmp_path / "no.lock", tmp_path, f"{tmp_path}/a\0b"):
        with pytest.raises(pa.HostError) as failed:
            read_text(missing)
        assert "read-failed" == failed.value.code


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
