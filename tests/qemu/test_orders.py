"""What is ordered arrives."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from platform_abi.qemu.orders import END, order, read_order

#: What an argument can be: any bytes but NUL, of which those that are no text are surrogates.
_TEXTS = st.binary(max_size=20).map(
    lambda data: data.replace(b"\0", b"=").decode("utf-8", "surrogateescape")
)
_NAMES = _TEXTS.filter(lambda text: bool(text) and "=" not in text)


@given(st.lists(_TEXTS), st.lists(_TEXTS), st.dictionaries(_NAMES, _TEXTS))
def test_an_order_is_read_as_it_was_given(
    folders: list[str], command: list[str], environment: dict[str, str]
) -> None:
    """Word for word, empty ones too, and its end is where it ends and nowhere before."""
    text = order(folders, command, environment)
    assert (folders, command, environment) == read_order(text)
    assert text.index(END) + len(END) == len(text)
