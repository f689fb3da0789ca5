"""Whatever bytes a definition file holds, only an error of this package comes of it."""

from __future__ import annotations

import shutil
import tomllib
from collections.abc import Callable
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import attrs
import pytest
import tomli_w
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.definitions.structure import load
from tests.definitions.site import (
    DEFINITIONS,
    DOCUMENTS,
    SMALL,
    catalogue,
    document_class,
    shipped,
    small,
)

#: Lines and values that stand where they should not.
_LINES = [
    "[[feature]]",
    "[platform]",
    "[features]",
    "]",
    "=",
    "schema = 1",
    'x = """',
    "\x00",
    "\ufeff",
    "'' = 1",
    "a.b.c.d = 1",
    'extends = "../../etc/passwd"',
    'extends = "/etc/passwd"',
    'name = "\\u0000"',
]
#: Stands for a number that TOML can spell and Python does not print.
_HUGE = "a huge number"
_ODD: list[Any] = [
    "",
    "auto",
    "\x00",
    "../x",
    "a" * 300,
    "٣",
    "9.9.9.9.9",
    0,
    -1,
    2**63,
    _HUGE,
    1.5,
    float("nan"),
    True,
    False,
    [],
    [[]],
    [{}],
    {},
    {"": {}},
    {"@": "Platform"},
    {"2026.1": "on"},
]


@cache
def _content(relative: str) -> bytes:
    if relative in SMALL:
        return SMALL[relative].encode()
    return (DEFINITIONS / relative).read_bytes()


def _flipped(draw: st.DrawFn, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(draw(st.integers(1, 4))):
        changed[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(changed)


def _cut(draw: st.DrawFn, data: bytes) -> bytes:
    start = draw(st.integers(0, len(data)))
    return data[:start] + data[draw(st.integers(start, len(data))) :]


def _inserted(draw: st.DrawFn, data: bytes) -> bytes:
    lines = data.split(b"\n")
    line = draw(st.sampled_from(_LINES).map(str.encode) | st.sampled_from(lines))
    lines.insert(draw(st.integers(0, len(lines))), line)
    return b"\n".join(lines)


def _swapped(draw: st.DrawFn, data: bytes) -> bytes:
    """Put an odd value, or one from elsewhere in the file, in the place of one of its values."""
    raw = tomllib.loads(data.decode())
    places = list(_places(raw))
    holder, key = draw(st.sampled_from(places))
    other, where = draw(st.sampled_from(places))
    holder[key] = deepcopy(draw(st.sampled_from([*_ODD, other[where]])))
    return _dumped(raw)


def _dumped(document: dict[str, Any]) -> bytes:
    return tomli_w.dumps(document).replace(f'"{_HUGE}"', f"0x{'f' * 9000}").encode()


def _places(value: Any) -> Any:
    keys = list(value) if isinstance(value, dict) else range(len(value))
    for key in keys:
        yield value, key
        if isinstance(value[key], (dict, list)):
            yield from _places(value[key])


@st.composite
def _mutated(draw: st.DrawFn, relative: str) -> bytes:
    mutate: Callable[[st.DrawFn, bytes], bytes] = draw(
        st.sampled_from([_flipped, _cut, _inserted, _swapped])
    )
    return mutate(draw, _content(relative))


def _only_definition_errors(cls: Any, data: bytes) -> None:
    try:
        load(cls, data, "x.toml")
    except pa.DefinitionError as error:
        faults = error.faults
    else:
        return
    assert faults
    assert all(fault.startswith("x.toml:") for fault in faults)


@pytest.mark.parametrize("cls", DOCUMENTS)
@given(
    st.binary(max_size=200) | st.text(max_size=60).map(lambda text: text.encode("utf-8", "replace"))
)
def test_any_bytes_load_or_are_a_definition_error(cls: Any, data: bytes) -> None:
    """Random bytes never raise anything else, with or without a schema."""
    _only_definition_errors(cls, data)
    _only_definition_errors(cls, b"schema = 1\n" + data)


_TOML = st.recursive(
    st.sampled_from(_ODD) | st.booleans() | st.integers() | st.text(max_size=4) | st.dates(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)


@st.composite
def _almost(draw: st.DrawFn, cls: Any) -> dict[str, Any]:
    """Draw a document that has keys of *cls* with values of any type."""
    names = [field.name.replace("_", "-") for field in attrs.fields(cls)]
    return {"schema": 1, **draw(st.dictionaries(st.sampled_from(names[1:]), _TOML, max_size=3))}


@pytest.mark.parametrize("cls", DOCUMENTS)
@given(data=st.data())
def test_any_values_under_the_right_keys_load_or_are_a_definition_error(
    cls: Any, data: st.DataObject
) -> None:
    """Known keys with values of any type never raise anything else."""
    _only_definition_errors(cls, _dumped(data.draw(_almost(cls))))


@given(st.sampled_from([*shipped(), *SMALL]).flatmap(lambda r: st.tuples(st.just(r), _mutated(r))))
@settings(max_examples=600)
def test_a_damaged_file_loads_or_is_a_definition_error(drawn: tuple[str, bytes]) -> None:
    """Flipped bytes, cuts, foreign lines and swapped values never raise anything else."""
    relative, data = drawn
    _only_definition_errors(document_class(relative), data)


@given(st.sampled_from(sorted(SMALL)), st.sampled_from(DOCUMENTS))
def test_a_file_of_one_kind_is_a_definition_error_as_another(relative: str, cls: Any) -> None:
    """A file in the wrong folder is an error, never a document with nothing in it."""
    own = document_class(relative)
    if cls is own:
        assert load(cls, _content(relative), "x.toml")
    elif relative != "features/net.toml":
        with pytest.raises(pa.DefinitionError):
            load(cls, _content(relative), "x.toml")


def _use_everything(found: pa.FileCatalogue) -> int:
    """Ask a catalogue all there is to ask; return how many questions it refused."""
    refused = 0

    def ask(question: Callable[..., Any], *arguments: Any) -> Any:
        nonlocal refused
        try:
            return question(*arguments)
        except pa.PlatformAbiError:
            refused += 1
            return None

    for question in (found.devices, found.capabilities, found.masks, found.examined):
        ask(question)
    for edition in ask(found.editions) or ():
        ask(found.edition, edition)
    features = [f for stem in found.feature_stems() for f in ask(found.features, stem) or ()]
    platforms = [(name, ask(found.platform, name)) for name in found.platform_names()]
    for name, platform in platforms:
        for feature in features if platform else ():
            ask(found.listing, platform, feature)
        ask(pa.platform_digest, found, name, "2026.1")
    builds = [(b, arch) for arch in ("x86_64", "x86_64-types") for b in found.builds(arch)]
    for build, arch in builds:
        ask(found.types, build, arch)
        for machine in getattr(ask(found.build, build, arch), "machines", ()):
            ask(found.machine, build, machine, arch)
    nic = pa.Device(driver="net-pci", id="n", backend="tap")
    vm = pa.VirtualMachine(machine="pc-q35-9.0", devices=(nic,))
    for name in ("test-1", "test-2"):
        ask(lambda name: pa.abi_document(pa.resolve(found, vm, name)), name)
    return refused


@given(drawn=st.sampled_from(sorted(SMALL)).flatmap(lambda r: st.tuples(st.just(r), _mutated(r))))
@settings(
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_a_catalogue_with_a_damaged_file_raises_only_errors_of_this_package(
    drawn: tuple[str, bytes], tmp_path: Path
) -> None:
    """Every answer, a resolution included, is a value or a PlatformAbiError."""
    relative, data = drawn
    shutil.rmtree(tmp_path / "root", ignore_errors=True)
    root = small(tmp_path / "root")
    (root / relative).write_bytes(data)
    _use_everything(catalogue(root))


@pytest.mark.parametrize("relative", SMALL)
def test_a_catalogue_with_any_one_odd_value_raises_only_errors_of_this_package(
    relative: str, tmp_path: Path
) -> None:
    """Each value of each file in turn is empty, undecided, of another type, or nested."""
    small(tmp_path)
    odds: list[Any] = ["", "auto", -1, True, [], [[]], {"a": "b"}]
    count = len(list(_places(tomllib.loads(SMALL[relative]))))
    for index in range(count):
        for odd in odds:
            raw = tomllib.loads(SMALL[relative])
            holder, key = list(_places(raw))[index]
            holder[key] = odd
            (tmp_path / relative).write_bytes(_dumped(raw))
            _use_everything(catalogue(tmp_path))


@given(
    drawn=st.sampled_from(
        ["features/virtio-net.toml", "capabilities/tun.toml", "platforms/linux/linux-6.2.toml"]
    ).flatmap(lambda r: st.tuples(st.just(r), _mutated(r)))
)
@settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_the_shipped_catalogue_with_a_damaged_file_raises_only_errors_of_this_package(
    drawn: tuple[str, bytes], tmp_path: Path
) -> None:
    """The same of the real definitions, for a NIC on a platform that uses the damaged file."""
    relative, data = drawn
    root = tmp_path / "definitions"
    if not root.exists():
        shutil.copytree(DEFINITIONS, root)
    intact = (root / relative).read_bytes()
    (root / relative).write_bytes(data)
    try:
        nic = pa.Device(driver="virtio-net-pci", id="n", backend="tap")
        vm = pa.VirtualMachine(machine="pc-q35-9.1", devices=(nic,))
        pa.resolve(catalogue(root), vm, "linux-6.9")
        pa.platform_digest(catalogue(root), "linux-6.2", "2026.1")
    except pa.PlatformAbiError:
        pass
    finally:
        (root / relative).write_bytes(intact)


def test_an_intact_catalogue_refuses_no_question(tmp_path: Path) -> None:
    """The questions of the fuzz test are sound where no file is damaged."""
    found = catalogue(small(tmp_path))
    assert _use_everything(found) == 0
    assert found.builds("x86_64-types") == ()  # a file of types is not an architecture
