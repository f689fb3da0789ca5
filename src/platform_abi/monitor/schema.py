"""The commands that are answered here, as their QAPI schema declares them.

``platform.qapi`` and ``control.qapi`` are in QEMU's own language (docs/devel/qapi-code-gen.rst),
so that it can be read, and taken over, by those who know that. What is made of it here is what
QEMU's generator would make: entries of query-qmp-schema (``scripts/qapi/introspect.py``), and the
checks of arguments with the words of ``qapi/qobject-input-visitor.c``. Only what these files use of
the language is understood.

QEMU calls its types by numbers, so that nobody relies on their names; these keep their own, which
are none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any, Final

from platform_abi.model.value import frozen
from platform_abi.monitor.reader import Message, read_messages
from platform_abi.monitor.request import RefusedError
from platform_abi.monitor.strings import decoded

#: What each of QEMU's built-in types is in JSON, and how its errors call that.
_BUILTIN: Final = {
    "str": ("string", "string"),
    "bool": ("boolean", "boolean"),
    "int": ("int", "integer"),
    "any": ("value", "value"),
}
_PYTHON: Final = {"str": str, "bool": bool, "int": int, "any": object}

#: The type of the arguments of a command that has none, and of what one returns that returns none.
_NO_MEMBERS: Final = "PlatformNoMembers"


@frozen(kw_only=True)
class Schema:
    """What a QAPI schema declares: by name the members of structs and commands, and of enums.

    An optional member has a ``*`` before its name, the type of an array is a list of its elements'.
    """

    enums: Mapping[str, tuple[str, ...]]
    structs: Mapping[str, Mapping[str, Any]]
    #: Arguments, and what is returned; None where that is nothing.
    commands: Mapping[str, tuple[Mapping[str, Any], Any]]

    def entries(self) -> dict[str, dict[str, Any]]:
        """Return the entries of query-qmp-schema by name, with every type that they refer to."""
        entries: dict[str, dict[str, Any]] = {
            name: {
                "name": name,
                "meta-type": "command",
                "arg-type": _arguments_type(name) if arguments else _NO_MEMBERS,
                "ret-type": _NO_MEMBERS if returned is None else _type_name(returned),
            }
            for name, (arguments, returned) in self.commands.items()
        }
        objects = {
            _NO_MEMBERS: {},
            **{_arguments_type(name): a for name, (a, _) in self.commands.items() if a},
            **self.structs,
        }
        for name, members in objects.items():
            entries[name] = {
                "name": name,
                "meta-type": "object",
                "members": [_member(*member) for member in members.items()],
            }
        for name, values in self.enums.items():
            entries[name] = {
                "name": name,
                "meta-type": "enum",
                "values": list(values),
                "members": [{"name": value} for value in values],
            }
        used = [kind for members in objects.values() for kind in members.values()]
        returns = [returned for _, returned in self.commands.values() if returned is not None]
        for kind in [*used, *returns]:
            entries.update(_derived(kind))
        return entries

    def check_arguments(self, command: str, arguments: Mapping[str, Any]) -> None:
        """Raise RefusedError, in QEMU's words, where *arguments* are none of *command*'s."""
        declared = self.commands[command][0]
        for name, kind in declared.items():
            bare = name.removeprefix("*")
            if bare in arguments:
                self._check(bare, kind, arguments[bare])
            elif bare == name:
                raise RefusedError(f"Parameter '{name}' is missing")
        known = {name.removeprefix("*") for name in declared}
        for name in arguments:
            if name not in known:
                raise RefusedError(f"Parameter '{name}' is unexpected")

    def _check(self, name: str, kind: str, value: Any) -> None:
        allowed = self.enums.get(kind)
        base = kind if allowed is None else "str"
        # In Python True is an int.
        if not isinstance(value, _PYTHON[base]) or (base == "int" and isinstance(value, bool)):
            said = _BUILTIN[base][1]
            raise RefusedError(f"Invalid parameter type for '{name}', expected: {said}")
        if allowed is not None and value not in allowed:
            raise RefusedError(f"Parameter '{name}' does not accept value '{value}'")


def _arguments_type(command: str) -> str:
    """Return QAPI's own name for the type of a command's arguments."""
    return f"q_obj_{command}-arg"


def _type_name(kind: Any) -> str:
    return f"[{_type_name(kind[0])}]" if isinstance(kind, list) else str(kind)


def _member(name: str, kind: Any) -> dict[str, Any]:
    bare = name.removeprefix("*")
    described = {"name": bare, "type": _type_name(kind)}
    return described if bare == name else {**described, "default": None}


def _derived(kind: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the entries of arrays and built-in types that nobody declares."""
    if isinstance(kind, list):
        name, element = _type_name(kind), _type_name(kind[0])
        yield name, {"name": name, "meta-type": "array", "element-type": element}
        yield from _derived(kind[0])
    elif kind in _BUILTIN:
        yield kind, {"name": kind, "meta-type": "builtin", "json-type": _BUILTIN[kind][0]}


def load_schema(*names: str) -> Schema:
    """Return what the files *names* of this package declare together."""
    schemas = [read_schema(files(__package__).joinpath(name).read_bytes()) for name in names]
    return Schema(
        enums={name: e for schema in schemas for name, e in schema.enums.items()},
        structs={name: s for schema in schemas for name, s in schema.structs.items()},
        commands={name: c for schema in schemas for name, c in schema.commands.items()},
    )


def read_schema(text: bytes) -> Schema:
    """Return the schema that *text* declares; ValueError for what is no QAPI, or too much of it."""
    code = b"\n".join(line for line in text.splitlines() if not line.lstrip().startswith(b"#"))
    enums: dict[str, tuple[str, ...]] = {}
    structs: dict[str, Mapping[str, Any]] = {}
    commands: dict[str, tuple[Mapping[str, Any], Any]] = {}
    for message in read_messages(code):
        if not isinstance(message, Message):
            msg = message.desc
            raise ValueError(msg)  # noqa: TRY004 - it is the text that is wrong
        match decoded(message.text):
            case {"enum": str(name), "data": list(values)}:
                enums[name] = tuple(values)
            case {"struct": str(name), "base": str(base), "data": dict(members)}:
                structs[name] = {**structs[base], **members}
            case {"struct": str(name), "data": dict(members)}:
                structs[name] = members
            case {"command": str(name), **rest}:
                arguments: dict[str, Any] = rest.get("data", {})  # type: ignore[assignment]
                commands[name] = (arguments, rest.get("returns"))
            case {"pragma": _}:
                pass  # what QEMU's generator is to be strict about
            case other:
                msg = f"not understood: {other}"
                raise ValueError(msg)
    return Schema(enums=enums, structs=structs, commands=commands)
