"""What the modules in a probe's script stand on: what Python lacked in 3.6, and values.

It is the beginning of that script (see ``script``), and what imports the rest of it. So it is run
by whatever Python a host has, as it stands: its annotations too are such that 3.6 can evaluate.
"""

import array
import ast
import functools
import importlib.machinery
import os
import socket
import sys
import types
import typing
from collections.abc import Callable
from typing import Any


class _Field:
    """A field with a default that is made anew for each value: platform_abi.model.value.field."""

    def __init__(self, factory: Callable) -> None:  # type: ignore[type-arg]
        self.factory = factory


def _evolve(value: Any, **changes: Any) -> Any:
    """Return a copy of a value with some fields otherwise: platform_abi.model.value.evolve."""
    fields = {name: getattr(value, name) for name in value.__fields__}
    return type(value)(**{**fields, **changes})


def _field_names(cls: Any) -> Any:
    """Return the fields of a class of values: platform_abi.model.value.field_names."""
    return getattr(cls, "__fields__", ())


def _frozen(*, kw_only: bool) -> Any:
    """Make a class a value of the fields that it declares: platform_abi.model.value.frozen."""

    def make(cls: Any) -> Any:
        fields = tuple(cls.__annotations__)
        defaults = {name: cls.__dict__[name] for name in fields if name in cls.__dict__}

        def init(self: Any, **said: Any) -> None:
            for name in fields:
                if name in said:
                    value = said.pop(name)
                elif name in defaults:
                    value = defaults[name]
                    value = value.factory() if isinstance(value, _Field) else value
                else:
                    raise TypeError("%s takes %s" % (cls.__name__, name))
                self.__dict__[name] = value
            if said:
                raise TypeError("%s has no %s" % (cls.__name__, ", ".join(said)))

        def content(self: Any) -> Any:
            return tuple(getattr(self, name) for name in fields)

        def equal(self: Any, other: Any) -> bool:
            return type(self) is type(other) and content(self) == content(other)

        cls.__init__ = init
        cls.__fields__ = fields
        cls.__eq__ = equal
        return cls

    return make


class _Literal:
    """typing.Literal, of Python 3.8."""

    def __init__(self, *words: str) -> None:
        self.__args__ = words

    def __getitem__(self, words: Any) -> Any:
        return _Literal(*words)


def _send_fds(sock: Any, buffers: Any, fds: Any) -> Any:
    """socket.send_fds, of Python 3.9."""
    rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds).tobytes())
    return sock.sendmsg(buffers, [rights])


def _recv_fds(sock: Any, size: int, most: int) -> Any:
    """socket.recv_fds, of Python 3.9."""
    found = array.array("i")
    data, ancillary, flags, address = sock.recvmsg(size, socket.CMSG_LEN(most * found.itemsize))
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            found.frombytes(content[: len(content) - len(content) % found.itemsize])
    return data, list(found), flags, address


def _exit_code(status: int) -> int:
    """os.waitstatus_to_exitcode, of Python 3.9."""
    return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def _later(module: Any, **names: Any) -> None:
    """Give *module* each of *names* that it does not have yet."""
    for name, value in names.items():
        if not hasattr(module, name):
            setattr(module, name, value)


def _module(name: str, **names: Any) -> None:
    sys.modules[name] = types.ModuleType(name)
    _later(sys.modules[name], **names)


class _Unevaluated(ast.NodeTransformer):
    """Takes from a module what Python 3.6 would evaluate of its annotations, and cannot."""

    def visit_ImportFrom(self, node: Any) -> Any:
        return None if node.module == "__future__" else node

    def visit_arg(self, node: Any) -> Any:
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: Any) -> Any:
        node.returns = None
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: Any) -> Any:
        node.annotation = ast.copy_location(ast.parse("object", mode="eval").body, node.annotation)
        return self.generic_visit(node)


class _Sources:
    """Imports the modules that this script carries."""

    def __init__(self, sources: dict) -> None:  # type: ignore[type-arg]
        self.sources = sources

    def find_spec(self: Any, name: str, path: Any = None, target: Any = None) -> Any:
        package = any(other.startswith(name + ".") for other in self.sources)
        if not package and name not in self.sources:
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=package)

    def create_module(self, spec: Any) -> None:
        """Let Python make it."""

    def exec_module(self, module: Any) -> None:
        name = module.__name__
        tree = ast.parse(self.sources.get(name, ""), name)
        if sys.version_info < (3, 7):
            tree = ast.fix_missing_locations(_Unevaluated().visit(tree))
        exec(compile(tree, name, "exec"), module.__dict__)


def run(sources: dict, main: str, order: str) -> None:  # type: ignore[type-arg]
    """Call ``main`` of module *main* with *order*; *sources* are all modules of the package."""
    if sys.version_info < (3, 6):
        sys.exit("this needs Python 3.6 or newer, and is run by %s" % sys.version.split()[0])
    _later(functools, cache=functools.lru_cache(maxsize=None))
    _later(os, waitstatus_to_exitcode=_exit_code, register_at_fork=lambda **_: None)
    _later(socket, send_fds=_send_fds, recv_fds=_recv_fds)
    _later(typing, Literal=_Literal(), Final=None, get_args=lambda literal: literal.__args__)
    sys.meta_path.insert(0, _Sources(sources))
    importlib.import_module("platform_abi.model")
    _module(
        "platform_abi.model.value",
        frozen=_frozen,
        field=_Field,
        evolve=_evolve,
        field_names=_field_names,
        FrozenDict=dict,
    )
    sys.exit(importlib.import_module(main).main(order))
