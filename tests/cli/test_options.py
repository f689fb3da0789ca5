"""Options as values: what is collected, and the bounds of a time."""

from __future__ import annotations

import argparse

import pytest
from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.cli.options import bounded_timeout, read_options
from platform_abi.cli.scope import ScopeOptions
from platform_abi.compat.needs import Scope


@given(seconds=st.none() | st.floats())
def test_a_time_is_more_than_nothing_and_no_more_than_ten_minutes(seconds: float | None) -> None:
    """Within that it is as it was said; infinity and what is no number are refused."""
    if seconds is None or 0 < seconds <= 600:
        assert bounded_timeout(seconds) == seconds
        return
    with pytest.raises(pa.UsageError) as caught:
        bounded_timeout(seconds)
    assert caught.value.code == "usage"


@given(accel=st.none() | st.text(max_size=3), backend=st.lists(st.text(max_size=3)))
def test_options_are_what_was_said(accel: str | None, backend: list[str]) -> None:
    """A value has the fields of its class and no others, and nobody can add to a list of it."""
    options = read_options(
        ScopeOptions, argparse.Namespace(accel=accel, backend=backend, other="x")
    )
    assert options == ScopeOptions(accel=accel, backend=tuple(backend))
    hash(options)


@given(accel=st.none() | st.text(max_size=3), backend=st.lists(st.text(max_size=3)).map(tuple))
def test_what_is_not_said_of_a_scope_is_as_usual(
    accel: str | None, backend: tuple[str, ...]
) -> None:
    """An accelerator and backends stand in for the usual ones, each by itself."""
    usual = Scope(accelerator="hvf", backends=("user",), arch="aarch64")
    found = ScopeOptions(accel=accel, backend=backend).scope(usual)
    assert found.accelerator == ("hvf" if accel is None else accel)
    assert found.backends == (backend or ("user",))
    assert found.arch == "aarch64"
