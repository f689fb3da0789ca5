"""An audit as JUnit's XML: what CI systems are told, and that nothing is lost on the way."""

from __future__ import annotations

from collections import Counter
from xml.etree import ElementTree as ET

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from platform_abi.author.audited import Audited
from platform_abi.author.difference import AuditVerdict, Difference, subject
from platform_abi.author.junit import NOT_COMPARED, Occasion, junit_text
from platform_abi.author.observation import BuildDefinition
from platform_abi.errors import printable
from platform_abi.model.machine import QemuBuild

OCCASION = Occasion(timestamp="2026-02-03T04:05:06", hostname="ci-7")
BUILD = QemuBuild(name="audited", version="10.0.2", arch="x86_64", package="Debian")
AUDITED = Audited(binary="/usr/bin/qemu", seen=BuildDefinition(build=BUILD, machines=(), types=()))

#: What QEMU and definitions may say: any text, what XML has no place for as well.
WORDS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
MACHINES = st.sampled_from(["pc-q35-9.1", "virt-10.0", "none"])
LABELS = st.sampled_from(
    ["virtio-net-pci", "virtio-net-pci behind port", "board 1f.0", "-cpu EPYC", "-"]
)
DIFFERENCES = st.builds(
    Difference,
    machine=MACHINES,
    device=LABELS,
    what=WORDS,
    expected=st.none() | WORDS,
    found=st.none() | WORDS,
    pin=st.just("") | WORDS,
)
VERDICTS = st.builds(
    AuditVerdict,
    expected=st.just("qemu-10.0.2"),
    found=st.just("/usr/bin/qemu"),
    machines=st.lists(MACHINES, unique=True).map(tuple),
    properties=st.integers(0, 2),
    views=st.integers(0, 2),
    compared=st.dictionaries(
        MACHINES, st.lists(st.sampled_from(["e1000", "virtio-net-pci"]), unique=True).map(tuple)
    ),
    differences=st.lists(DIFFERENCES, max_size=8).map(tuple),
    unseen=st.dictionaries(WORDS, WORDS, max_size=4),
)

#: By element: the attributes that it has to have, those that it may have, and its children in their
#: order, with those that there may be several of marked. Of either schema the narrower word.
SHAPE: dict[str, tuple[set[str], set[str], list[str]]] = {
    "testsuites": (set(), set(), ["testsuite*"]),
    "testsuite": (
        {"name", "package", "id", "timestamp", "hostname", "tests", "failures", "errors", "time"},
        {"skipped"},
        ["properties", "testcase*", "system-out", "system-err"],
    ),
    "properties": (set(), set(), ["property*"]),
    "property": ({"name", "value"}, set(), []),
    "testcase": ({"name", "classname", "time"}, set(), ["failure*", "error*", "skipped*"]),
    "failure": ({"type"}, {"message"}, []),
    "error": ({"type"}, {"message"}, []),
    "skipped": (set(), {"message"}, []),
    "system-out": (set(), set(), []),
    "system-err": (set(), set(), []),
}


def _suites(verdict: AuditVerdict) -> list[ET.Element]:
    return list(ET.fromstring(junit_text(AUDITED, verdict, OCCASION)))


def _said(suites: list[ET.Element], kind: str) -> dict[tuple[str, str], ET.Element]:
    """Return the results of a *kind* by the class and name of their cases."""
    return {
        (case.get("classname", ""), case.get("name", "")): result
        for suite in suites
        for case in suite.iter("testcase")
        for result in case.iter(kind)
    }


@given(VERDICTS)
def test_every_element_is_one_that_both_schemas_have(verdict: AuditVerdict) -> None:
    """Ant's and that of Jenkins' plugin: names, attributes, and the order of children."""
    root = ET.fromstring(junit_text(AUDITED, verdict, OCCASION))
    for element in root.iter():
        needed, allowed, order = SHAPE[element.tag]
        assert needed <= set(element.keys()) <= needed | allowed
        names = [child.tag for child in element]
        places = [next(i for i, o in enumerate(order) if o.rstrip("*") == n) for n in names]
        assert places == sorted(places)
        assert all(names.count(o) == 1 for o in order if not o.endswith("*"))
        if element.tag == "testcase":
            assert len(names) <= 1
    assert [suite.get("id") for suite in root] == [str(n) for n in range(len(root))]


@given(VERDICTS)
def test_nothing_that_differs_or_was_not_compared_is_lost(verdict: AuditVerdict) -> None:
    """Each difference is a line of a failure, each thing that was passed over a skipped case."""
    suites = _suites(verdict)
    failures = _said(suites, "failure")
    lines = Counter(line for each in failures.values() for line in (each.text or "").split("\n"))
    assert lines.total() == len(verdict.differences)
    for each in verdict.differences:
        name = "machine type" if each.device == "-" else subject(each.device)
        text = failures[each.machine, name].text or ""
        for word in filter(None, (each.what, each.expected, each.found, each.pin)):
            assert printable(word) in text
    skipped = _said(suites, "skipped")
    assert {(case[1], each.get("message")) for case, each in skipped.items()} == {
        (printable(what), printable(why)) for what, why in verdict.unseen.items()
    }


@given(VERDICTS)
def test_a_suite_counts_its_cases(verdict: AuditVerdict) -> None:
    """All of them, and those of each kind; no case stands twice."""
    for suite in _suites(verdict):
        cases = list(suite.iter("testcase"))
        assert suite.get("tests") == str(len(cases))
        for kind, count in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
            assert suite.get(count) == str(len(list(suite.iter(kind))))
        if suite.get("name") != NOT_COMPARED:
            names = [case.get("name") for case in cases]
            assert len(set(names)) == len(names)


@given(VERDICTS)
def test_a_reader_of_the_document_knows_the_verdict(verdict: AuditVerdict) -> None:
    """Failures where it is no, an error where nobody knows, neither where it is yes."""
    suites = _suites(verdict)
    failures, errors = (bool(_said(suites, kind)) for kind in ("failure", "error"))
    assert (failures, errors) == (verdict.kept is False, verdict.kept is None)


def test_a_driver_of_every_machine_type_is_a_case() -> None:
    """Whether it is looked at in one place or in several, and also where nothing differs."""
    verdict = AuditVerdict(
        expected="qemu-10.0.2",
        found="qemu",
        machines=("pc-q35-9.1", "pc-q35-9.2"),
        properties=2,
        views=2,
        compared=dict.fromkeys(("pc-q35-9.1", "pc-q35-9.2"), ("e1000", "virtio-net-pci")),
        differences=(
            Difference(
                machine="pc-q35-9.1",
                device="virtio-net-pci behind port",
                what="queue 0 size",
                expected="256",
                found="1024",
                pin="-global virtio-net-pci.rx_queue_size=256",
            ),
        ),
    )
    suites = _suites(verdict)
    assert [suite.get("name") for suite in suites] == [*verdict.machines, NOT_COMPARED]
    assert [suite.get("tests") for suite in suites] == ["2", "2", "0"]
    ((place, failure),) = _said(suites, "failure").items()
    assert place == ("pc-q35-9.1", "virtio-net-pci")
    assert failure.get("message") == failure.text
    assert failure.text == (
        "virtio-net-pci behind port: queue 0 size: expected 256, found 1024; "
        "what pins it: -global virtio-net-pci.rx_queue_size=256"
    )
    assert "<failure" not in junit_text(AUDITED, evolve(verdict, differences=()), OCCASION)
