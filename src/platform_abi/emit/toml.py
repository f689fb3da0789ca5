"""TOML that a terminal shows as it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tomli_w


def toml_text(document: Mapping[str, Any]) -> str:
    """Return *document*, plain data, as TOML, with TOML's escapes for what no printer shows.

    TOML asks for that of control characters only. All such characters stand in quoted strings, as
    bare keys are ASCII. Half a surrogate pair has no escape and stays: no file can hold it.
    """
    text = tomli_w.dumps(document)
    if text.replace("\n", "").isprintable():
        return text
    return "".join(char if char == "\n" or char.isprintable() else _escape(char) for char in text)


def _escape(char: str) -> str:
    code = ord(char)
    if _SURROGATES[0] <= code <= _SURROGATES[1]:
        return char
    return f"\\u{code:04x}" if code <= _BASIC_PLANE else f"\\U{code:08x}"


_SURROGATES = (0xD800, 0xDFFF)
_BASIC_PLANE = 0xFFFF
