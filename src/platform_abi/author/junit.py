"""An audit as JUnit's XML, which the CI systems of fleets read.

What they agree on is written, and no more: a document is valid by the schema of Apache Ant's JUnit
task and by that of Jenkins' xunit plugin (junit-10.xsd). ``xml.etree`` escapes and nests, which is
all that a library of test reports would do beyond naming elements.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree as ET

from platform_abi.author.audited import Audited
from platform_abi.author.difference import AuditVerdict, Difference, subject
from platform_abi.errors import printable
from platform_abi.model.value import frozen

#: The suite with what was not compared, of whichever machine type.
NOT_COMPARED = "not compared"

#: What differs of a machine type as a whole has no device; this is what its case is called.
_WHOLE = "machine type"
_NO_DEVICE = "-"

#: Devices of a machine type are looked at all at once: no case has a time of its own.
_UNTIMED = "0"


@frozen(kw_only=True)
class Occasion:
    """When, in UTC and to the second, and on which host an audit was made."""

    timestamp: str
    hostname: str


def junit_text(audited: Audited, verdict: AuditVerdict, occasion: Occasion) -> str:
    """Return the XML document: a suite for every machine type, a case for each of its drivers.

    A case fails where anything of its driver is otherwise than expected, wherever it was looked
    at; all of it is in the text. What was not compared is a skipped case of a suite of its own.
    That suite has a case in error where nobody can say whether the promises are kept.
    """
    root = ET.Element("testsuites")
    suites = [*_machine_suites(verdict), (NOT_COMPARED, list(_not_compared(verdict)))]
    for number, (name, cases) in enumerate(suites):
        suite = ET.SubElement(root, "testsuite", _attributes(name, number, cases, occasion))
        known = ET.SubElement(suite, "properties")
        for key, value in _about(audited, verdict).items():
            ET.SubElement(known, "property", {"name": key, "value": printable(value)})
        for case in cases:
            _add_case(suite, name, case)
        # Ant's schema has both in any suite.
        ET.SubElement(suite, "system-out")
        ET.SubElement(suite, "system-err")
    ET.indent(root)
    document: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return document.decode() + "\n"


@frozen(kw_only=True)
class _Case:
    """One case; *kind* is the element of a result that is no success, *message* its first line."""

    name: str
    kind: str = ""
    message: str = ""
    type: str = ""
    text: str = ""


def _about(audited: Audited, verdict: AuditVerdict) -> dict[str, str]:
    build = audited.build
    return {
        "binary": audited.binary,
        "version": build.version,
        "package": build.package,
        "arch": build.arch,
        "expected": verdict.expected,
    }


def _machine_suites(verdict: AuditVerdict) -> Iterator[tuple[str, list[_Case]]]:
    by_machine: dict[str, dict[str, list[Difference]]] = {
        machine: {name: [] for name in verdict.compared.get(machine, ())}
        for machine in verdict.machines
    }
    for each in verdict.differences:
        name = _WHOLE if each.device == _NO_DEVICE else subject(each.device)
        by_machine.setdefault(each.machine, {}).setdefault(name, []).append(each)
    for machine, names in by_machine.items():
        yield machine, [_compared(name, names[name]) for name in sorted(names)]


def _compared(name: str, differences: list[Difference]) -> _Case:
    if not differences:
        return _Case(name=name)
    lines = [_line(each) for each in differences]
    more = f" and {len(lines) - 1} more" if len(lines) > 1 else ""
    return _Case(
        name=name,
        kind="failure",
        message=f"{lines[0]}{more}",
        type="promise-not-kept",
        text="\n".join(lines),
    )


def _line(each: Difference) -> str:
    sides = ("none" if side is None else side for side in (each.expected, each.found))
    pin = f"; what pins it: {each.pin}" if each.pin else ""
    return printable("{}: {}: expected {}, found {}".format(each.device, each.what, *sides) + pin)


def _not_compared(verdict: AuditVerdict) -> Iterator[_Case]:
    if verdict.kept is None:
        counts = f"properties of {verdict.properties}, guest views of {verdict.views}"
        yield _Case(
            name="promises",
            kind="error",
            message=f"nobody knows whether they are kept: {counts} machine types compared",
            type="not-known",
        )
    for what, why in sorted(verdict.unseen.items()):
        yield _Case(name=what, kind="skipped", message=printable(why))


def _attributes(name: str, number: int, cases: list[_Case], occasion: Occasion) -> dict[str, str]:
    kinds = [case.kind for case in cases]
    return {
        "name": printable(name),
        "package": "audit-qemu",
        "id": str(number),
        "timestamp": occasion.timestamp,
        "hostname": printable(occasion.hostname),
        "tests": str(len(cases)),
        "failures": str(kinds.count("failure")),
        "errors": str(kinds.count("error")),
        "skipped": str(kinds.count("skipped")),
        "time": _UNTIMED,
    }


def _add_case(suite: ET.Element, machine: str, case: _Case) -> None:
    names = {"name": printable(case.name), "classname": printable(machine), "time": _UNTIMED}
    element = ET.SubElement(suite, "testcase", names)
    if case.kind:
        said = {"message": case.message} | ({"type": case.type} if case.type else {})
        ET.SubElement(element, case.kind, said).text = case.text or None
