"""The reports of a fleet: read once each, counted, whatever they are called and however written."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.fleet import stream
from platform_abi.fleet.stream import NAMES_KEPT, read_fleet
from platform_abi.host.document import MAX_SIZE, read_report, report_document, report_line
from platform_abi.model.host import Fact, FleetHost, HostReport
from platform_abi.testing import host_reports
from tests.compat.strategies import full_report, variants

ONE = HostReport(facts={"tun.uso": Fact(state="present", source="ioctl")}, system="linux")
TWO = HostReport(facts={"tun.uso": Fact(state="absent", source="ioctl")}, system="linux")


def _file(folder: Path, *content: bytes | str, name: str = "fleet.ndjson") -> str:
    path = folder / name
    path.write_bytes(b"".join(c if isinstance(c, bytes) else c.encode() for c in content))
    return str(path)


def _named(report: HostReport, name: str) -> str:
    return report_line(evolve(report, name=name))


def _found(hosts: list[FleetHost]) -> list[tuple[int, tuple[str, ...]]]:
    return [(host.count, host.names) for host in hosts]


def _kinds(hosts: list[FleetHost]) -> Counter[str]:
    return Counter({report_line(host.report): host.count for host in hosts})


# --- laws ----------------------------------------------------------------------------------------

#: Names as they come: plain, with quotes and backslashes, of other alphabets, of no name at all.
NAMES = st.sampled_from(
    ["", "a", "host-1.example.org", 'say "hi",', "back\\slash", "büro", "\U0001f600"]
)

#: A layout of a document on one line.
LAYOUTS = ("as we write it", "with spaces", "not in ASCII", "name last")


def _line(report: HostReport, layout: str, ending: str) -> bytes:
    document = report_document(report)
    if layout == "as we write it":
        text = report_line(report)
    elif layout == "name last":
        text = json.dumps(dict(reversed(document.items())))
    else:
        text = json.dumps(document, ensure_ascii=layout == "with spaces")
    return (text + ending).encode()


LINES = st.lists(
    st.tuples(
        host_reports(),
        NAMES,
        st.sampled_from(LAYOUTS),
        st.sampled_from(["\n", "\r\n", "\n \n", "\n\n"]),
    ),
    min_size=1,
    max_size=8,
)


@given(LINES, st.booleans(), st.integers(1, 300))
def test_every_line_is_one_host(
    tmp_path_factory: pytest.TempPathFactory,
    lines: list[tuple[HostReport, str, str, str]],
    cut: bool,
    block: int,
) -> None:
    """As many hosts as lines, of as many kinds as reports differ, whatever is read at a time."""
    data = b"".join(
        _line(evolve(report, name=name), layout, ending) for report, name, layout, ending in lines
    )
    path = _file(tmp_path_factory.mktemp("fleet"), data.rstrip() if cut else data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stream, "_BLOCK", block)
        hosts = read_fleet([path])

    expected = Counter(report_line(evolve(report, name="")) for report, *_ in lines)
    assert expected == _kinds(hosts)
    given_names = sorted(name for _, name, *_ in lines if name)
    found = [name for host in hosts for name in host.names if not name.startswith(path)]
    assert given_names == sorted(found)
    assert len(lines) == sum(len(host.names) for host in hosts)


@given(st.lists(host_reports(), min_size=1, max_size=6), st.integers())
def test_the_order_of_lines_changes_no_count(
    tmp_path_factory: pytest.TempPathFactory, reports: list[HostReport], seed: int
) -> None:
    """Shuffled, and spread over two files, a fleet is the same."""
    folder = tmp_path_factory.mktemp("fleet")
    lines = [report_line(report) + "\n" for report in reports] * 2
    whole = read_fleet([_file(folder, *lines)])
    random.Random(seed).shuffle(lines)
    half = [_file(folder, *part, name=str(i)) for i, part in enumerate((lines[::2], lines[1::2]))]

    assert _kinds(whole) == _kinds(read_fleet(half))


@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode), st.integers(0, 2))
def test_whatever_is_no_report_is_an_error_of_its_line(
    tmp_path_factory: pytest.TempPathFactory, junk: bytes, before: int
) -> None:
    """No content of a file raises anything but ReportError, and that names the place."""
    good = report_line(ONE).encode() + b"\n"
    path = _file(tmp_path_factory.mktemp("fleet"), good * before, junk)
    blank = not junk.strip()
    if blank and before:
        assert [(before, 1)] == [(h.count, len(h.names) - before + 1) for h in read_fleet([path])]
        return
    with pytest.raises(pa.ReportError) as caught:
        read_fleet([path])
    assert caught.value.message.startswith(f"{path}:")


# --- names ---------------------------------------------------------------------------------------


def test_what_is_alike_is_one_kind(tmp_path: Path) -> None:
    """Reports that differ in the name only are counted, in the order in which kinds come."""
    path = _file(tmp_path, *(f"{_named(r, n)}\n" for r, n in ((ONE, "a"), (TWO, "b"), (ONE, "c"))))

    assert [
        FleetHost(report=ONE, count=2, names=("a", "c")),
        FleetHost(report=TWO, names=("b",)),
    ] == (read_fleet([path]))


def test_two_reports_of_one_name_are_two_hosts(tmp_path: Path) -> None:
    """A name is what its owner calls a host, and no key."""
    path = _file(tmp_path, _named(ONE, "a"), "\n", _named(TWO, "a"), "\n", _named(ONE, "a"))

    assert [(2, ("a", "a")), (1, ("a",))] == _found(read_fleet([path]))


def test_few_names_are_kept_and_those_wanted(tmp_path: Path) -> None:
    """Memory does not grow with the names of a million hosts, unless somebody asks for all."""
    path = _file(tmp_path, *(f"{_named(ONE, f'h{i}')}\n" for i in range(50)))

    ((count, names),) = _found(read_fleet([path]))
    assert (50, tuple(f"h{i}" for i in range(NAMES_KEPT))) == (count, names)
    ((_, names),) = _found(read_fleet([path], wanted=["h3", "h40", "no-such"]))
    assert (*(f"h{i}" for i in range(NAMES_KEPT)), "h40") == names
    ((_, names),) = _found(read_fleet([path], most=None))
    assert tuple(f"h{i}" for i in range(50)) == names


def test_a_report_without_a_name_is_called_by_its_place(tmp_path: Path) -> None:
    """A file of one report by the file, a line by its number; the report itself has no name."""
    line = report_line(ONE)
    many = _file(tmp_path, "\n", line, "\n\n", line, "\n", _named(ONE, "a"))
    one = _file(tmp_path, json.dumps(report_document(TWO), indent=2), name="one.json")

    hosts = read_fleet([many, one])
    assert [(3, (f"{many}:2", f"{many}:4", "a")), (1, (one,))] == _found(hosts)
    assert {""} == {host.report.name for host in hosts}


# --- layouts -------------------------------------------------------------------------------------


@pytest.mark.parametrize("indent", [None, 0, 1, 4, "\t"])
@pytest.mark.parametrize("ending", ["", "\n", "\n\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_file_of_one_report_may_have_any_layout(
    tmp_path: Path, indent: int | str | None, ending: str, mark: bytes
) -> None:
    """On one line or on many, with a byte order mark, with or without a newline at the end."""
    text = json.dumps(report_document(evolve(ONE, name="a")), indent=indent)
    if ending == "\r\n":
        text = text.replace("\n", "\r\n")

    assert [FleetHost(report=ONE, names=("a",))] == read_fleet(
        [_file(tmp_path, mark, text, ending)]
    )


def test_a_byte_order_mark_is_no_difference(tmp_path: Path) -> None:
    """Where files that begin with one were put together, each of them is skipped."""
    part = b"\xef\xbb\xbf" + _named(ONE, "a").encode() + b"\r\n"
    path = _file(tmp_path, part, part, _named(ONE, "b"), "\n")

    assert [3] == [host.count for host in read_fleet([path])]


def test_real_reports_are_read_as_written(catalogue: pa.FileCatalogue, tmp_path: Path) -> None:
    """Every kind comes out as the very report that it was made of."""
    kinds = variants(full_report(catalogue), 20)
    chance = random.Random(1)
    drawn = [*kinds, *(chance.choice(kinds) for _ in range(200))]
    path = _file(tmp_path, *(f"{_named(r, f'h{i}')}\n" for i, r in enumerate(drawn)))

    assert Counter(map(report_line, drawn)) == _kinds(read_fleet([path]))
    assert kinds == [host.report for host in read_fleet([path])]


def test_many_kinds_of_one_length(tmp_path: Path) -> None:
    """Lines of the same length are told apart, however often they take turns."""
    kinds = [evolve(ONE, release=f"{number:04}") for number in range(40)]
    path = _file(tmp_path, *(f"{_named(kind, 'a')}\n" for _ in range(3) for kind in kinds))

    assert [3] * 40 == [host.count for host in read_fleet([path])]


# --- errors --------------------------------------------------------------------------------------

GOOD = report_line(ONE)
OTHER_SCHEMA = GOOD.replace('"schema_version":1', '"schema_version":2')


@pytest.mark.parametrize(
    ("lines", "place", "code", "said"),
    [
        ([GOOD, "{}", GOOD], ":2", "report-syntax", "not a host report"),
        ([GOOD, "", GOOD[:-20], GOOD], ":3", "report-syntax", "not a host report"),
        ([GOOD[:-20], GOOD], ":1", "report-syntax", "not a host report"),
        ([GOOD + GOOD], ":1", "report-syntax", "Extra data"),
        ([GOOD, GOOD, OTHER_SCHEMA], ":3", "report-schema", "expected schema_version 1, found 2"),
        ([OTHER_SCHEMA, GOOD], ":1", "report-schema", "schema_version"),
        ([GOOD, GOOD.replace("present", "perhaps")], ":2", "report-invalid", "perhaps"),
        ([GOOD, '{"name":"a",' + GOOD], ":2", "report-syntax", "not a host report"),
        ([GOOD, '{"name":"a","name":"b",' + GOOD[1:]], ":2", "report-syntax", "stands twice"),
        ([GOOD, '{"name":"\\ud800",' + GOOD[1:]], ":2", "report-invalid", "surrogate"),
        ([GOOD, '{"name":"\\x",' + GOOD[1:]], ":2", "report-syntax", "escape"),
        ([GOOD, '{"name":"a\tb",' + GOOD[1:]], ":2", "report-syntax", "control character"),
        ([GOOD, '{"name":"' + "x" * 5000 + '",' + GOOD[1:]], ":2", "report-invalid", "4096"),
        (["[" + GOOD + "]"], ":1", "report-syntax", "not a host report"),
        (["[" * 100_000], "", "report-syntax", "nested too deeply"),
        (["{", '"kind": "host-report",', '"schema_version": 1'], "", "report-syntax", "line 4"),
        (["{", '"kind": "host-report"', "}"], "", "report-schema", "schema_version"),
        ([""], "", "report-syntax", "holds no report"),
        (["", " ", "\r"], "", "report-syntax", "holds no report"),
    ],
)
def test_a_bad_line_is_named(
    tmp_path: Path, lines: list[str], place: str, code: str, said: str
) -> None:
    """The error has file and line, or only the file where it is one damaged report."""
    path = _file(tmp_path, "\n".join(lines), "\n")
    with pytest.raises(pa.ReportError, match=said) as caught:
        read_fleet([path])

    assert code == caught.value.code
    assert caught.value.message.startswith(f"{path}{place}:")


def test_a_known_line_under_a_bad_name_is_an_error(tmp_path: Path) -> None:
    """That the rest of a line was seen before makes no report of it."""
    rest = GOOD[1:]
    path = _file(tmp_path, f'{{"name":"a",{rest}\n', f'{{"name":"a{chr(1)}",{rest}\n')
    with pytest.raises(pa.ReportError) as caught:
        read_fleet([path])
    assert caught.value.message.startswith(f"{path}:2:")


@pytest.mark.parametrize("lines", [0, 3])
def test_a_line_without_end_is_an_error(tmp_path: Path, lines: int) -> None:
    """A line larger than any report is refused by its number, without waiting for its end."""
    good = _file(tmp_path, f"{GOOD}\n" * lines)
    with subprocess.Popen(["cat", good, "/dev/zero"], stdout=subprocess.PIPE) as endless:
        assert endless.stdout is not None
        path = f"/dev/fd/{endless.stdout.fileno()}"
        with pytest.raises(pa.ReportError, match=f"^{path}:{lines + 1}: larger than") as caught:
            read_fleet([path])
        endless.stdout.close()

    assert "report-syntax" == caught.value.code


def test_a_line_too_long_is_an_error_though_it_was_read(tmp_path: Path) -> None:
    """It does not matter whether its end was near enough to be seen."""
    path = _file(tmp_path, f"{GOOD}\n", f"{GOOD[:-1]}{' ' * MAX_SIZE}}}\n")
    with pytest.raises(pa.ReportError, match=":2: larger than"):
        read_fleet([path])


def test_a_bad_first_line_of_many_is_named(tmp_path: Path) -> None:
    """What is larger than any report is no damaged one, but lines, of which the first is."""
    path = _file(tmp_path, "{\n", f"{GOOD}\n" * (MAX_SIZE // len(GOOD) + 1))
    with pytest.raises(pa.ReportError, match=f"^{path}:1: not a host report"):
        read_fleet([path])


def test_what_cannot_be_read_is_an_error_of_the_environment(tmp_path: Path) -> None:
    """No such file, a folder, a name that no file can have."""
    for path in (str(tmp_path / "none"), str(tmp_path), "a\0b"):
        with pytest.raises(pa.HostError) as caught:
            read_fleet([path])
        assert "read-failed" == caught.value.code
    with pytest.raises(pa.UsageError, match="once only"):
        read_fleet(["-", "-"])


# --- pipes ---------------------------------------------------------------------------------------

_READ = """
import sys
from platform_abi.fleet.stream import read_fleet
print([(host.count, host.names) for host in read_fleet(sys.argv[1:])])
"""


def test_standard_input_and_pipes() -> None:
    """``-`` is standard input, in pieces of any size; a pipe that a shell opened is read too."""
    ours, theirs = os.pipe()
    lines = [f"{_named(ONE, 'a')}\n", f"{_named(TWO, 'b')}\n", f"{_named(ONE, 'c')}\n"]
    with subprocess.Popen(
        [sys.executable, "-c", _READ, "-", f"/dev/fd/{ours}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
        pass_fds=[ours],
    ) as reader:
        os.close(ours)
        assert reader.stdin is not None
        assert reader.stdout is not None
        for byte in "".join(lines).encode():
            reader.stdin.write(bytes([byte]))
        reader.stdin.close()
        with os.fdopen(theirs, "wb") as writer:
            writer.write("".join(lines).encode())
        found = reader.stdout.read().decode()

    assert "[(4, ('a', 'c', 'a', 'c')), (2, ('b', 'b'))]\n" == found
    assert 0 == reader.returncode


def test_a_named_pipe_is_refused(tmp_path: Path) -> None:
    """What has a name is a regular file: a pipe that nobody writes to would be waited for."""
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(pa.HostError, match="it is a pipe, not a regular file"):
        list(pa.read_fleet([str(tmp_path / "fifo")]))


def test_a_pipe_that_nobody_waits_for() -> None:
    """Standard input that was opened non-blocking is waited for all the same."""
    ours, theirs = os.pipe()
    os.set_blocking(ours, False)
    with subprocess.Popen(
        [sys.executable, "-c", _READ, "-"], stdin=ours, stdout=subprocess.PIPE
    ) as reader:
        os.close(ours)
        line = f"{_named(ONE, 'a')}\n".encode()
        os.write(theirs, line[:10])
        with pytest.raises(subprocess.TimeoutExpired):
            reader.wait(0.5)
        os.write(theirs, line[10:])
        os.close(theirs)
        assert reader.stdout is not None
        assert b"[(1, ('a',))]\n" == reader.stdout.read()


def test_what_is_kept_grows_with_kinds_and_not_with_lines(catalogue: pa.FileCatalogue) -> None:
    """Twenty thousand reports are three hundred megabytes; keeping ten of them takes few."""
    kinds = [report_line(r)[1:] for r in variants(full_report(catalogue), 10)]
    code = (
        "import resource, sys\n"
        "from platform_abi.fleet.stream import read_fleet\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "hosts = read_fleet(sys.argv[1:])\n"
        "after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "print(sum(h.count for h in hosts), len(hosts), after - before)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as reader:
        assert reader.stdin is not None
        with reader.stdin as writer:
            for number in range(20_000):
                writer.write(f'{{"name":"h{number}",{kinds[number % 10]}\n')
        assert reader.stdout is not None
        count, different, kilobytes = map(int, reader.stdout.read().split())

    assert (20_000, 10) == (count, different)
    assert kilobytes < 32 * 1024


def test_a_report_alone_reads_the_same(tmp_path: Path) -> None:
    """One file of one report gives what ``read_report`` gives, but for the name."""
    text = json.dumps(report_document(evolve(ONE, name="a")), indent=2)
    ((host,)) = read_fleet([_file(tmp_path, text)])

    assert read_report(text, "it") == evolve(host.report, name="a")
