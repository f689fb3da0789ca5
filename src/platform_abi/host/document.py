"""A host report as JSON: written in one form, read back with every fault named.

Reports come from other hosts, other versions and, at worst, other people: nothing of a document
is believed before it was checked. ``report.schema.json`` beside this file says the same to others.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, get_args

from platform_abi.errors import ReportError, suggest
from platform_abi.model.host import WIDEST, Fact, HostReport, Source, State

T = TypeVar("T")

#: The one layout of reports that this version writes and reads.
REPORT_SCHEMA = 1
KIND = "host-report"

#: No host has this much to say; a larger document is a mistake or an attack. In bytes.
MAX_SIZE = 4 * 1024 * 1024
_MAX_ENTRIES = 20_000
_MAX_TEXT = 4096
_STATES: tuple[str, ...] = get_args(State)
_SOURCES: tuple[str, ...] = get_args(Source)

_HOST_KEYS = ("system", "release", "arch", "distribution", "distribution_version")
_KEYS = (
    *("name", "schema_version", "kind", "host", "facts"),
    *("numbers", "masks", "sets", "values", "config"),
)


def report_document(report: HostReport) -> dict[str, Any]:
    """Return *report* as plain data, the same for the same report, keys in order."""
    named = {"name": report.name} if report.name else {}
    return {
        **named,
        "schema_version": REPORT_SCHEMA,
        "kind": KIND,
        "host": {
            **{key: getattr(report, key) for key in _HOST_KEYS},
            "distribution_like": list(report.distribution_like),
        },
        "facts": {
            key: {"state": fact.state, "source": fact.source, "detail": fact.detail}
            for key, fact in sorted(report.facts.items())
        },
        "numbers": dict(sorted(report.numbers.items())),
        "masks": {key: f"{mask:#x}" for key, mask in sorted(report.masks.items())},
        "sets": {key: sorted(items) for key, items in sorted(report.sets.items())},
        "values": dict(sorted(report.values.items())),
        "config": dict(sorted(report.config.items())),
    }


def report_line(report: HostReport) -> str:
    """Return *report* as one line of NDJSON, its name first: what a fleet's file is made of."""
    from platform_abi.emit.plain import json_line

    return json_line(report_document(report), compact=True)


def read_report(text: str | bytes, name: str) -> HostReport:
    """Return the report that *text* holds; *name* is what errors call the document.

    Raises ReportError: ``report-syntax`` for what is no JSON, ``report-schema`` for another
    schema, ``report-invalid`` for a document that is no report, with every fault.
    """
    if len(text) > MAX_SIZE:
        raise ReportError(
            f"{name}: larger than {MAX_SIZE} bytes, which no report is", code="report-syntax"
        )
    try:
        body = json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
    except RecursionError:
        raise ReportError(f"{name}: nested too deeply", code="report-syntax") from None
    except ValueError as error:
        raise ReportError(
            f"{name}: not a host report: {error}",
            code="report-syntax",
            help="'platform-abi host --json' writes one; it may have been cut off on its way",
        ) from None
    if not isinstance(body, dict) or body.get("kind") != KIND:
        raise ReportError(
            f'{name}: not a host report: expected an object with "kind": "{KIND}"',
            code="report-syntax",
            help="'platform-abi host --json' writes one",
        )
    version = body.get("schema_version")
    if version != REPORT_SCHEMA or type(version) is not int:
        raise ReportError(
            f"{name}: expected schema_version {REPORT_SCHEMA}, found {_short(version)}",
            code="report-schema",
            help="it was written by another version of platform-abi: probe again, or use that one",
        )
    return _ReportReader(name).report(body)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a key that stands twice: two readers could believe two different values."""
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        msg = f"key {_short(twice)} stands twice"
        raise ValueError(msg)
    return found


def _no_constant(word: str) -> float:
    msg = f"{word} is no JSON"
    raise ValueError(msg)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."  # noqa: PLR2004 - what fits a line


class _ReportReader:
    """Checks one document part by part and collects what is wrong with it."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._faults: list[str] = []

    def report(self, body: dict[str, Any]) -> HostReport:
        for key in body.keys() - set(_KEYS):
            self._wrong(key, f"unknown key{suggest(key, _KEYS)}")
        host = body.get("host")
        if not isinstance(host, dict):
            self._wrong("host", f"expected an object, found {_short(host)}")
            host = {}
        known = (*_HOST_KEYS, "distribution_like")
        for key in host.keys() - set(known):
            self._wrong(f"host.{key}", f"unknown key{suggest(key, known)}")
        texts = {key: self._text(f"host.{key}", host.get(key, "")) for key in _HOST_KEYS}
        found = HostReport(
            name=self._text("name", body.get("name", "")),
            **texts,
            distribution_like=self._texts(
                "host.distribution_like", host.get("distribution_like", [])
            ),
            facts=self._table(body, "facts", self._fact),
            numbers=self._table(body, "numbers", self._number),
            masks=self._table(body, "masks", self._mask),
            sets=self._table(body, "sets", self._members),
            values=self._table(body, "values", self._text),
            config=self._table(body, "config", self._text),
        )
        if self._faults:
            faults = sorted(self._faults)
            more = len(faults) - _SHOWN
            shown = [*faults[:_SHOWN], *([f"and {more} more faults"] if more > 0 else [])]
            first, *rest = (f"{self._name}: {fault}" for fault in shown)
            raise ReportError(first, code="report-invalid", details=rest)
        return found

    def _wrong(self, place: str, message: str) -> None:
        self._faults.append(f"{_short(place)[1:-1]}: {message}")

    def _table(
        self, body: Mapping[str, Any], key: str, read: Callable[[str, Any], T]
    ) -> dict[str, T]:
        table = body.get(key, {})
        if not isinstance(table, dict) or len(table) > _MAX_ENTRIES:
            self._wrong(key, f"expected an object of at most {_MAX_ENTRIES} entries")
            return {}
        return {
            self._text(key, name): read(f"{key}.{name}", value) for name, value in table.items()
        }

    def _fact(self, place: str, value: Any) -> Fact:
        if not isinstance(value, dict) or value.keys() - {"state", "source", "detail"}:
            self._wrong(place, 'expected {"state": .., "source": .., "detail": ..}')
            return Fact(state="unknown")
        state = value.get("state")
        source = value.get("source", "none")
        if state not in _STATES:
            self._wrong(f"{place}.state", _one_of(_STATES, state))
        if source not in _SOURCES:
            self._wrong(f"{place}.source", _one_of(_SOURCES, source))
        detail = self._text(f"{place}.detail", value.get("detail", ""))
        return Fact(state=state, source=source, detail=detail)  # type: ignore[arg-type]

    def _text(self, place: str, value: Any) -> str:
        if not isinstance(value, str) or len(value) > _MAX_TEXT:
            self._wrong(place, f"expected a text of at most {_MAX_TEXT} characters")
            return ""
        if not value.isascii() and not _encodes(value):
            self._wrong(place, "expected Unicode text, found half a surrogate pair")
            return ""
        return value

    def _number(self, place: str, value: Any) -> int:
        if type(value) is not int or not 0 <= value < WIDEST:
            self._wrong(place, f"expected a whole number below 2**64, found {_short(value)}")
            return 0
        return value

    def _mask(self, place: str, value: Any) -> int:
        digits = value[2:] if isinstance(value, str) and value.startswith("0x") else ""
        if not 0 < len(digits) <= 32 or not all(c in "0123456789abcdef" for c in digits):  # noqa: PLR2004 - 128 bits
            self._wrong(place, f'expected a mask such as "0x1f", found {_short(value)}')
            return 0
        return int(digits, 16)

    def _texts(self, place: str, value: Any) -> tuple[str, ...]:
        if not isinstance(value, list) or len(value) > _MAX_ENTRIES:
            self._wrong(place, f"expected an array of at most {_MAX_ENTRIES} texts")
            return ()
        return tuple(self._text(f"{place}[{index}]", item) for index, item in enumerate(value))

    def _members(self, place: str, value: Any) -> tuple[str, ...]:
        """Read a set: two that hold the same are equal, in whatever order it was written."""
        return tuple(sorted(set(self._texts(place, value))))


#: How many faults of one document are shown: a foreign one has thousands.
_SHOWN = 20


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _one_of(words: tuple[str, ...], found: object) -> str:
    near = suggest(found, words) if isinstance(found, str) else ""
    return f"expected one of {', '.join(words)}; found {_short(found)}{near}"
