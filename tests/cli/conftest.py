"""What every verb is tested under."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _collecting() -> Iterator[None]:
    """Take back what main() does for speed."""
    yield
    gc.enable()
