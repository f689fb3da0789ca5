"""Which virtual machines platforms are judged for: the usual ones, but for what is said."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from platform_abi.cli.options import ScopeOptions
from platform_abi.cli.scope import scope_of
from platform_abi.compat.needs import Scope


@given(accel=st.none() | st.text(max_size=3), backend=st.lists(st.text(max_size=3)).map(tuple))
def test_what_is_not_said_of_a_scope_is_as_usual(
    accel: str | None, backend: tuple[str, ...]
) -> None:
    """An accelerator and backends stand in for the usual ones, each by itself."""
    usual = Scope(accelerator="hvf", backends=("user",), arch="aarch64")
    found = scope_of(ScopeOptions(accel=accel, backend=backend), usual)
    assert found.accelerator == ("hvf" if accel is None else accel)
    assert found.backends == (backend or ("user",))
    assert found.arch == "aarch64"
