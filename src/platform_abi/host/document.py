"""A host report as JSON: written in one form, read back with every fault named.

Reports come from other hosts, other versions and, at worst, other people: nothing of a document
is believed before it was checked. ``report.schema.json`` beside this file says the same to others.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, get_args

from platform_abi.errors import ReportError
from platform_abi.host.checked import Checked, short
from platform_abi.model.host import Fact, HostReport, Source, State

if TYPE_CHECKING:
    from platform_abi.model.reported import ReportedQemu

#: The one layout of reports that this version writes and reads.
REPORT_SCHEMA = 1
KIND = "host-report"

#: No host has this much to say; a larger document is a mistake or an attack. In bytes.
MAX_SIZE = 4 * 1024 * 1024
_STATES: tuple[str, ...] = get_args(State)
_SOURCES: tuple[str, ...] = get_args(Source)

_HOST_KEYS = ("system", "release", "arch", "distribution", "distribution_version")
_KEYS = (
    *("name", "schema_version", "kind", "host", "facts"),
    *("numbers", "masks", "sets", "values", "config", "qemus"),
)


def report_document(report: HostReport, *, brief: bool = False) -> dict[str, Any]:
    """Return *report* as plain data, the same for the same report, keys in order.

    *brief* leaves out what those need only who do not know its QEMUs.
    """
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
        **_qemus(report, brief=brief),
    }


def _qemus(report: HostReport, *, brief: bool) -> dict[str, Any]:
    """Return the QEMUs of *report*; it is written as before where there are none."""
    if not report.qemus:
        return {}
    from platform_abi.host.qemu_document import qemu_document

    return {"qemus": [qemu_document(qemu, brief=brief) for qemu in report.qemus]}


def report_line(report: HostReport) -> str:
    """Return *report* as one line of NDJSON, its name first: what a fleet's file is made of.

    Its QEMUs are named in it, and what each makes of its machine types is not: whoever reads a
    million lines is not to read that a million times.
    """
    from platform_abi.emit.plain import json_line

    return json_line(report_document(report, brief=True), compact=True)


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
            f"{name}: expected schema_version {REPORT_SCHEMA}, found {short(version)}",
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
        msg = f"key {short(twice)} stands twice"
        raise ValueError(msg)
    return found


def _no_constant(word: str) -> float:
    msg = f"{word} is no JSON"
    raise ValueError(msg)


class _ReportReader(Checked):
    """Reads one report."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    def report(self, body: dict[str, Any]) -> HostReport:
        self.object("", body, _KEYS)
        host = self.object("host", body.get("host"), (*_HOST_KEYS, "distribution_like"))
        texts = {key: self.text(f"host.{key}", host.get(key, "")) for key in _HOST_KEYS}
        found = HostReport(
            name=self.text("name", body.get("name", "")),
            **texts,
            distribution_like=self.texts(
                "host.distribution_like", host.get("distribution_like", [])
            ),
            facts=self.table("facts", body.get("facts", {}), self._fact),
            numbers=self.table("numbers", body.get("numbers", {}), self.number),
            masks=self.table("masks", body.get("masks", {}), self.mask),
            sets=self.table("sets", body.get("sets", {}), self.members),
            values=self.table("values", body.get("values", {}), self.text),
            config=self.table("config", body.get("config", {}), self.text),
            qemus=self._qemus(body.get("qemus", [])),
        )
        if self.faults:
            faults = sorted(self.faults)
            more = len(faults) - _SHOWN
            shown = [*faults[:_SHOWN], *([f"and {more} more faults"] if more > 0 else [])]
            first, *rest = (f"{self._name}: {fault}" for fault in shown)
            raise ReportError(first, code="report-invalid", details=rest)
        return found

    def _qemus(self, value: Any) -> tuple[ReportedQemu, ...]:
        if value == []:
            return ()
        from platform_abi.host.qemu_document import read_qemus

        return read_qemus(self, "qemus", value)

    def _fact(self, place: str, value: Any) -> Fact:
        if not isinstance(value, dict) or value.keys() - {"state", "source", "detail"}:
            self.wrong(place, 'expected {"state": .., "source": .., "detail": ..}')
            return Fact(state="unknown")
        state = self.word(f"{place}.state", value.get("state"), _STATES)
        source = self.word(f"{place}.source", value.get("source", "none"), _SOURCES)
        detail = self.text(f"{place}.detail", value.get("detail", ""))
        return Fact(state=state, source=source, detail=detail)  # type: ignore[arg-type]


#: How many faults of one document are shown: a foreign one has thousands.
_SHOWN = 20
