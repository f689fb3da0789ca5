"""Bytes of a TOML file become a document, or an error that lists every fault with its place.

tomllib reads, cattrs structures, and checks that a type cannot express follow. Only ``load``
is for others; it never lets anything but DefinitionError out.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime, time
from functools import cache
from typing import Any, Literal, TypeVar, get_args, get_origin

import attrs
from cattrs import (
    AttributeValidationNote,
    BaseValidationError,
    Converter,
    ForbiddenExtraKeysError,
    IterableValidationNote,
    StructureHandlerNotFoundError,
)
from cattrs.gen import make_dict_structure_fn, override
from cattrs.strategies import configure_union_passthrough

from platform_abi.definitions.checks import SCHEMA, Document, Fault, Level, ListedValue, Path
from platform_abi.definitions.positions import nearest, positions
from platform_abi.errors import DefinitionError, printable, suggest

D = TypeVar("D", bound=Document)


def load(cls: type[D], data: bytes, name: str) -> D:
    """Return the document of class *cls* that *data* holds.

    *name* is what errors call the file. Raises DefinitionError with all faults at once.
    """
    text = _text(data, name)
    raw = _parse(text, name)
    if raw.get("schema") != SCHEMA:
        got = _found(raw["schema"]) if "schema" in raw else "nothing"
        _refuse(name, text, [(("schema",), f"expected schema = {SCHEMA}, found {got}")])
    try:
        document: D = _converter().structure(raw, cls)
    except (BaseValidationError, StructureHandlerNotFoundError) as error:
        _refuse(name, text, _faults(error, ()))
    faults = list(document.faults())
    if faults:
        _refuse(name, text, faults)
    return document


def _text(data: bytes, name: str) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
        raise DefinitionError(
            [f"{name}:{line}:{column}: not UTF-8: byte {data[error.start]:#04x}"],
            code="definition-syntax",
        ) from None


#: What may be a dotted key: words, quoted words, dots and blanks, as far as they go.
_DOTTED = re.compile(r"""(?:[A-Za-z0-9_. \t-]+|"[^"\n]*"|'[^'\n]*')+""")
_QUOTED = re.compile(r""""[^"\n]*"|'[^'\n]*'""")

#: A key of more parts than this is in no definition; what tomllib takes for one grows with the
#: square of their number.
_MOST_PARTS = 32


def _refuse_deep(text: str, name: str) -> None:
    """Refuse a dotted key that is too long before anybody parses it."""
    for number, line in enumerate(text.split("\n"), start=1):
        if line.count(".") > _MOST_PARTS and any(map(_is_deep, _DOTTED.findall(line))):
            fault = f"{name}:{number}:1: a key of more than {_MOST_PARTS} parts"
            raise DefinitionError([fault], code="definition-syntax")


def _is_deep(text: str) -> bool:
    parts = 0
    for part in _QUOTED.sub("quoted", text).split("."):
        parts = parts + 1 if len(part.split()) == 1 else 0
        if parts > _MOST_PARTS:
            return True
    return False


def _parse(text: str, name: str) -> dict[str, Any]:
    _refuse_deep(text, name)
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        place = re.search(r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)", message)
        line, column = (place.group(1), place.group(2)) if place and place.group(1) else ("", "")
        if not line:
            line, column = str(text.count("\n") + 1), str(len(text) - text.rfind("\n"))
        plain = message[: place.start()] if place else message
        fault = f"{name}:{line}:{column}: {plain[:1].lower()}{plain[1:]}"
    except (RecursionError, ValueError, OverflowError):
        # tomllib recurses into nested arrays and tables, and int() refuses very long numbers.
        fault = f"{name}:1:1: nested too deeply, or a number is too long"
    raise DefinitionError([fault], code="definition-syntax", help="the file must be valid TOML 1.0")


def _refuse(name: str, text: str, faults: Iterable[Fault]) -> None:
    index = positions(text)
    lines = []
    for path, message in faults:
        line, column = nearest(index, path)
        fault = _shown(f"{spell(path)}: {message}")
        lines.append((line, column, f"{name}:{line}:{column}: {fault}"))
    raise DefinitionError([line for _, _, line in sorted(lines)], code="definition-invalid")


#: What a fault says of a value or a key is cut off here, in characters.
_LONGEST_FAULT = 1000


def _shown(text: str) -> str:
    """Return *text* on one line, cut where it is long, without what would steer a terminal."""
    return printable(text if len(text) <= _LONGEST_FAULT else text[:_LONGEST_FAULT] + "...")


def spell(path: Path) -> str:
    """Return *path* as a reader of the file would say it: ``feature[2].requires.tap``."""
    out = ""
    for part in path:
        if isinstance(part, int):
            out += f"[{part + 1}]"
        else:
            word = part if re.fullmatch(r"[A-Za-z0-9_-]+", part) else f'"{part}"'
            out += f".{word}" if out else word
    return out or "the file"


# --- cattrs ------------------------------------------------------------------------------------


@cache
def _converter() -> Any:
    converter = Converter(forbid_extra_keys=True, detailed_validation=True)
    # What TOML has of its own; everything else of it is checked by what follows.
    configure_union_passthrough(str | int | float | bool, converter)
    for kind in (str, bool, int):
        converter.register_structure_hook(kind, _exactly(kind))
    converter.register_structure_hook(date, _exactly(date))
    # Not register_structure_hook: the converter's own handling of unions would come before it.
    converter.register_structure_hook_func(lambda cls: cls == ListedValue, _listed_value(converter))
    converter.register_structure_hook_func(lambda cls: cls == _OfEdition, _of_edition)
    converter.register_structure_hook_func(lambda cls: cls == Level, _level(converter))
    converter.register_structure_hook_factory(_is_literal, _one_of)
    converter.register_structure_hook_factory(
        attrs.has,
        lambda cls: _table(
            make_dict_structure_fn(
                cls,
                converter,
                _cattrs_forbid_extra_keys=True,
                _cattrs_detailed_validation=True,
                **renamed(cls),
            )
        ),
    )
    converter.register_structure_hook_factory(_is_array, lambda cls: _array_of(converter, cls))
    converter.register_structure_hook_factory(_is_mapping, lambda cls: _mapping_of(converter, cls))
    return converter


def renamed(cls: type) -> Any:
    """Return what make_dict_structure_fn takes for attributes whose TOML key has dashes."""
    return {f.name: override(rename=key_of(f.name)) for f in attrs.fields(cls)}


def key_of(attribute: str) -> str:
    """Return the TOML key of an attribute: ``when_supported`` is written ``when-supported``."""
    return attribute.replace("_", "-")


def _exactly(kind: type) -> Callable[[Any, Any], Any]:
    """Return a hook that takes values of *kind* as they are: TOML has types, nothing is cast."""

    def hook(value: Any, _: Any) -> Any:
        if type(value) is not kind:
            msg = f"expected {_NAMES[kind]}, found {_found(value)}"
            raise ValueError(msg)
        if isinstance(value, int):
            _refuse_long(value)
        return value

    return hook


def _expect(kind: type, value: Any) -> None:
    """Raise ValueError unless *value* is of *kind*."""
    if not isinstance(value, kind):
        msg = f"expected {_NAMES[kind]}, found {_found(value)}"
        raise ValueError(msg)  # noqa: TRY004 - cattrs reports ValueError as a fault of the value


def _refuse_long(number: int) -> None:
    if number.bit_length() > 64:  # noqa: PLR2004 - the widest that an ioctl or a property takes
        msg = "expected an integer of at most 64 bits"
        raise ValueError(msg)


def _table(structure: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Return a hook that gives *structure* only tables."""

    def hook(value: Any, cls: Any) -> Any:
        _expect(dict, value)
        return structure(value, cls)

    return hook


def _is_literal(cls: Any) -> bool:
    return get_origin(cls) is Literal


def _one_of(cls: Any) -> Callable[[Any, Any], Any]:
    words = get_args(cls)

    def hook(value: Any, _: Any) -> Any:
        if type(value) is str and value in words:
            return value
        got = f"'{value}'{suggest(value, words)}" if type(value) is str else _found(value)
        msg = f"expected one of {', '.join(words)}; found {got}"
        raise ValueError(msg)

    return hook


_NAMES: dict[type, str] = {
    str: "a string",
    bool: "true or false",
    int: "an integer",
    date: "a date",
    float: "a float",
    datetime: "a date and a time",
    time: "a time",
    list: "an array",
    dict: "a table",
}


def _found(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    name = _NAMES[type(value)]
    try:
        text = repr(value) if isinstance(value, (str, list, dict)) else str(value)
    except (RecursionError, ValueError):  # dotted keys nest without limit; long hexadecimal numbers
        return name
    return f"{name}, {text}" if len(text) <= 40 else name  # noqa: PLR2004 - what fits a line


def _listed_value(converter: Any) -> Callable[[Any, Any], Any]:
    def hook(value: Any, _: Any) -> Any:
        if isinstance(value, dict):
            return converter.structure(value, dict[str, _OfEdition])
        if value is True:
            msg = 'expected a value such as "on", or false to remove the feature; found true'
            raise ValueError(msg)
        if type(value) is int:
            _refuse_long(value)
        elif type(value) not in (bool, str):
            wanted = "a string, an integer, a table of editions or false"
            msg = f"expected {wanted}; found {_found(value)}"
            raise ValueError(msg)
        return value

    return hook


#: What one edition says of a feature.
_OfEdition = str | bool


def _of_edition(value: Any, _: Any) -> Any:
    if type(value) is not str and value is not False:
        msg = f"expected a string, or false; found {_found(value)}"
        raise ValueError(msg)
    return value


def _level(converter: Any) -> Callable[[Any, Any], Any]:
    def hook(value: Any, _: Any) -> Any:
        return converter.structure(value, dict[str, str] if isinstance(value, dict) else str)

    return hook


def _is_array(cls: Any) -> bool:
    return getattr(cls, "__origin__", None) in (tuple, frozenset)


def _array_of(converter: Any, cls: Any) -> Callable[[Any, Any], Any]:
    made, inner = cls.__origin__, cls.__args__[0]
    as_list = list[inner]  # type: ignore[valid-type]

    def hook(value: Any, _: Any) -> Any:
        _expect(list, value)
        return made(converter.structure(value, as_list))

    return hook


def _is_mapping(cls: Any) -> bool:
    return getattr(cls, "__origin__", None) is Mapping


def _mapping_of(converter: Any, cls: Any) -> Callable[[Any, Any], Any]:
    inner = cls.__args__[1]
    as_dict = dict[str, inner]  # type: ignore[valid-type]

    def hook(value: Any, _: Any) -> Any:
        _expect(dict, value)
        return converter.structure(value, as_dict)

    return hook


def _faults(error: BaseException, path: Path) -> Iterator[Fault]:
    """Yield every leaf of cattrs' tree of errors as a path and a sentence."""
    if isinstance(error, BaseValidationError):
        for inner in error.exceptions:
            yield from _faults(inner, (*path, *_step(inner)))
    elif isinstance(error, ForbiddenExtraKeysError):
        known = [key_of(f.name) for f in attrs.fields(error.cl)]
        for extra in sorted(error.extra_fields):
            near = suggest(extra, known) or f"; known: {', '.join(known)}"
            yield (*path, extra), f"unknown key{near}"
    elif isinstance(error, KeyError):
        yield path[:-1] if path else path, f"required key '{error.args[0]}' is missing"
    else:
        yield path, str(error)


def _step(error: BaseException) -> Path:
    for note in reversed(getattr(error, "__notes__", [])):
        if isinstance(note, AttributeValidationNote):
            return (key_of(note.name),)
        if isinstance(note, IterableValidationNote):
            return (note.index,)
    return ()
