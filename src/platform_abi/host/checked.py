"""What of a JSON document is believed: each part is checked, and all that is wrong is collected."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from platform_abi.errors import suggest
from platform_abi.model.host import WIDEST

T = TypeVar("T")

_MAX_ENTRIES = 20_000
_MAX_TEXT = 4096


class Checked:
    """Checks one document part by part; *faults* is what is wrong with it."""

    def __init__(self) -> None:
        self.faults: list[str] = []

    def wrong(self, place: str, message: str) -> None:
        """Note what is wrong at *place*."""
        self.faults.append(f"{short(place)[1:-1]}: {message}")

    def object(self, place: str, value: Any, known: tuple[str, ...]) -> Mapping[str, Any]:
        """Return *value* as an object without keys that are not *known*."""
        if not isinstance(value, dict):
            self.wrong(place, f"expected an object, found {short(value)}")
            return {}
        for key in value.keys() - set(known):
            self.wrong(f"{place}.{key}" if place else key, f"unknown key{suggest(key, known)}")
        return value

    def table(self, place: str, value: Any, read: Callable[[str, Any], T]) -> dict[str, T]:
        """Return an object of any keys, with what *read* makes of each value."""
        if not isinstance(value, dict) or len(value) > _MAX_ENTRIES:
            self.wrong(place, f"expected an object of at most {_MAX_ENTRIES} entries")
            return {}
        return {
            self.text(place, name): read(f"{place}.{name}", inner) for name, inner in value.items()
        }

    def array(self, place: str, value: Any, read: Callable[[str, Any], T]) -> tuple[T, ...]:
        """Return an array, with what *read* makes of each value."""
        if not isinstance(value, list) or len(value) > _MAX_ENTRIES:
            self.wrong(place, f"expected an array of at most {_MAX_ENTRIES} entries")
            return ()
        return tuple(read(f"{place}[{index}]", item) for index, item in enumerate(value))

    def text(self, place: str, value: Any, most: int = _MAX_TEXT) -> str:
        """Return a text of at most so many characters."""
        if not isinstance(value, str) or len(value) > most:
            self.wrong(place, f"expected a text of at most {most} characters")
            return ""
        if not value.isascii() and not _encodes(value):
            self.wrong(place, "expected Unicode text, found half a surrogate pair")
            return ""
        return value

    def texts(self, place: str, value: Any) -> tuple[str, ...]:
        """Return an array of texts."""
        return self.array(place, value, self.text)

    def members(self, place: str, value: Any) -> tuple[str, ...]:
        """Return a set: two that hold the same are equal, in whatever order it was written."""
        return tuple(sorted(set(self.texts(place, value))))

    def truth(self, place: str, value: Any) -> bool:
        """Return true or false."""
        if type(value) is not bool:
            self.wrong(place, f"expected true or false, found {short(value)}")
        return value is True

    def number(self, place: str, value: Any) -> int:
        """Return a whole number of 64 bits."""
        if type(value) is not int or not 0 <= value < WIDEST:
            self.wrong(place, f"expected a whole number below 2**64, found {short(value)}")
            return 0
        return value

    def mask(self, place: str, value: Any) -> int:
        """Return a register that is written in hexadecimal."""
        digits = value[2:] if isinstance(value, str) and value.startswith("0x") else ""
        if not 0 < len(digits) <= 32 or not all(c in "0123456789abcdef" for c in digits):  # noqa: PLR2004 - 128 bits
            self.wrong(place, f'expected a mask such as "0x1f", found {short(value)}')
            return 0
        return int(digits, 16)

    def word(self, place: str, value: Any, words: tuple[str, ...]) -> str:
        """Return one of *words*."""
        if value not in words:
            near = suggest(value, words) if isinstance(value, str) else ""
            self.wrong(place, f"expected one of {', '.join(words)}; found {short(value)}{near}")
        return str(value)


def short(value: object) -> str:
    """Return *value* as far as it fits into a line."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."  # noqa: PLR2004 - what fits a line


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
