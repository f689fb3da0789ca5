"""A lockfile that was damaged, edited or made up is refused, with its place."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.emit.lock_reading import parse_lock, read_text
from platform_abi.emit.lockfile import LOCK_SCHEMA
from platform_abi.model.digest import canonical_digest
from tests.emit.conftest import DEFINITIONS


def _sealed(body: dict[str, Any]) -> str:
    """Return *body* as a lockfile whose seal is right, whatever it says."""
    body.pop("seal", None)
    return tomli_w.dumps({**body, "seal": canonical_digest(body)})


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
