"""The host reports of a fleet, read from files and pipes.

A line of NDJSON for each host: a million lines of twenty kilobytes are twenty gigabytes, and only a
few hundred of them differ in more than the name. So a line is parsed when its like was not seen
before, and else only compared; what is kept is one report for each kind of host.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import select
import sys
from collections.abc import Collection, Sequence
from hashlib import sha256

from platform_abi.errors import HostError, PlatformAbiError, ReportError, UsageError
from platform_abi.files import STDIN, open_file
from platform_abi.host.document import MAX_SIZE, read_report, report_line
from platform_abi.model.host import Fact, FleetHost, HostReport
from platform_abi.model.value import evolve

#: How many hosts of one kind are called by name, where nobody asks for all.
NAMES_KEPT = 20

#: How much is read at once, and how much a pipe is made to hold so that its writer need not wait so
#: often: what Linux allows everybody (/proc/sys/fs/pipe-max-size).
_BLOCK = 1 << 20


def read_fleet(
    paths: Sequence[str],
    *,
    wanted: Collection[str] = (),
    most: int | None = NAMES_KEPT,
    faults: list[PlatformAbiError] | None = None,
) -> list[FleetHost]:
    """Return the hosts of *paths*, those with the same report together, in the order they come.

    A file holds one report in any layout, or one a line; ``-`` is standard input. Two reports under
    one name are two hosts. At *most* so many names are kept of one kind, and those *wanted*; None:
    all of them.

    Memory is bounded by the reports that differ, by one line, and by the names that are kept.

    Raises ReportError, which names file and line, for what is no report and for a file without any;
    HostError for what cannot be read; UsageError for standard input given twice. With *faults* the
    first two are added there, each of them, and all that can be read is returned.
    """
    if paths.count(STDIN) > 1:
        raise UsageError("'-' is standard input, and can be read once only", code="usage")
    fleet = _HostCounter(wanted, sys.maxsize if most is None else most, faults)
    for path in paths:
        try:
            _read_file(fleet, path)
        except (ReportError, HostError) as error:
            if faults is None:
                raise
            faults.append(error)
    return fleet.hosts()


def _read_file(fleet: _HostCounter, path: str) -> None:
    if "\0" in path:
        raise HostError(f"cannot read {path}: a NUL in a file's name", code="read-failed")
    try:
        with _open(path) as stream:
            fleet.read(_Source(stream, "stdin" if path == STDIN else path))
    except OSError as error:
        reason = error.strerror or error
        raise HostError(f"cannot read {path}: {reason}", code="read-failed") from error


def _open(path: str) -> io.FileIO:
    if path == STDIN:
        return io.FileIO(0, closefd=False)
    return io.FileIO(open_file(path))


# --- bytes ---------------------------------------------------------------------------------------


class _Source:
    """A stream, and what was read of it and is not yet used up: ``data[begin:end]``."""

    def __init__(self, stream: io.FileIO, name: str) -> None:
        self._stream = stream
        self.name = name
        with contextlib.suppress(ImportError, AttributeError, OSError):  # no pipe, or not Linux
            from fcntl import F_SETPIPE_SZ, fcntl

            fcntl(stream, F_SETPIPE_SZ, _BLOCK)
        self.data = bytearray(_BLOCK)
        self.begin = 0
        self.end = 0

    def more(self) -> bool:
        """Read on, and return whether there was anything; what *begin* has passed is forgotten."""
        if self.begin:
            rest = self.end - self.begin
            self.data[:rest] = self.data[self.begin : self.end]
            self.begin, self.end = 0, rest
        if self.end == len(self.data):
            self.data += bytes(_BLOCK)
        with memoryview(self.data) as view, view[self.end :] as free:
            got = self._stream.readinto(free)
            while got is None:  # whoever opened it wants nobody to wait
                select.select([self._stream], [], [])
                got = self._stream.readinto(free)
        self.end += got
        return got > 0

    def line_end(self, searched: int) -> int:
        """Return where the line at *begin* ends, or -1 if that was not yet read."""
        return self.data.find(b"\n", max(self.begin, searched), self.end)

    def whole(self) -> bytes | None:
        """Return all of the stream to its end, or None if that is too much for one report."""
        while self.end - self.begin <= MAX_SIZE:
            if not self.more():
                return bytes(self.data[self.begin : self.end])
        return None


# --- hosts ---------------------------------------------------------------------------------------

_HEAD = rb'(?:\xef\xbb\xbf)?[ \t\r]*\{[ \t\r]*"name"[ \t\r]*:[ \t\r]*"(%s)"[ \t\r]*(?=,)'

#: The name at the beginning of a line, which is as good as any other: nothing is written with \.
_PLAIN_NAME = re.compile(_HEAD % rb"[ !#-\[\]-~]{1,1024}")

#: Whatever is in quotes there; whether it is a name has to be seen.
_ANY_NAME = re.compile(_HEAD % rb'(?:[^"\\]|\\.){1,1024}')


class _Kind:
    """Hosts with the same report, while they are counted."""

    __slots__ = ("count", "names", "report")

    def __init__(self, report: HostReport) -> None:
        self.report = report
        self.count = 0
        self.names: list[str] = []


class _HostCounter:
    """What was read so far."""

    def __init__(
        self, wanted: Collection[str], most: int, faults: list[PlatformAbiError] | None
    ) -> None:
        self._most = most
        self._faults = faults
        self._wanted = frozenset(wanted)
        self._total = 0
        self._facts: dict[Fact, Fact] = {}
        self._kinds: dict[bytes, _Kind] = {}
        #: By the bytes of a line that follow its name. Two layouts of one report are one kind.
        self._known: dict[bytes, _Kind] = {}
        #: The line seen last of each length: comparing is six times as fast as hashing.
        self._last: dict[int, tuple[bytes, _Kind]] = {}

    def hosts(self) -> list[FleetHost]:
        return [
            FleetHost(report=kind.report, count=kind.count, names=tuple(kind.names))
            for kind in self._kinds.values()
        ]

    def read(self, source: _Source) -> None:
        """Count the hosts of one stream."""
        before = self._total
        document = _one_document(source)
        if document is not None:
            report = read_report(document, source.name)
            self._count(self._kind(report), report.name or source.name)
            return
        wrong = len(self._faults or ())
        self._lines(source)
        if before == self._total and wrong == len(self._faults or ()):
            raise ReportError(
                f"{source.name}: holds no report",
                code="report-syntax",
                help="'platform-abi host --json' writes one; it may have been cut off on its way",
            )

    def _lines(self, source: _Source) -> None:
        number = 1
        searched = 0
        while True:
            while (stop := source.line_end(searched)) >= 0:
                self._line(source, stop, number)
                source.begin = stop + 1
                number += 1
            pending = source.end - source.begin
            if pending > MAX_SIZE:
                raise _too_long(source, number)
            if not source.more():
                break
            searched = pending
        self._line(source, source.end, number)

    def _line(self, source: _Source, stop: int, number: int) -> None:
        """Count the host of the line that ends at *stop*."""
        data, begin = source.data, source.begin
        if stop - begin > MAX_SIZE:
            raise _too_long(source, number)
        name, start = _name(data, begin, stop)
        length = stop - start
        last = self._last.get(length)
        if last is None or not data.startswith(last[0], start):
            line = bytes(data[start:stop])
            kind = self._known.get(line)
            if kind is None:
                text = bytes(data[begin:stop])
                if not text.strip():
                    return
                try:
                    report = read_report(text, f"{source.name}:{number}")
                except ReportError as error:
                    if self._faults is None:
                        raise
                    self._faults.append(error)
                    return
                kind = self._kind(report)
                if name is None and report.name:
                    # The name stands elsewhere: no other line is like this one.
                    self._count(kind, report.name)
                    return
                self._known[line] = kind
            last = self._last[length] = (line, kind)
        self._count(last[1], name or f"{source.name}:{number}")

    def _count(self, kind: _Kind, name: str) -> None:
        kind.count += 1
        self._total += 1
        if len(kind.names) < self._most or name in self._wanted:
            kind.names.append(name)

    def _kind(self, report: HostReport) -> _Kind:
        """Return the kind that *report* is one of, whatever it is called and however written."""
        # Hosts have most facts in common; each is kept once.
        once = self._facts.setdefault
        facts = {sys.intern(name): once(fact, fact) for name, fact in report.facts.items()}
        nameless = evolve(report, name="", facts=facts)
        key = sha256(report_line(nameless).encode()).digest()
        return self._kinds.setdefault(key, _Kind(nameless))


def _name(data: bytearray, begin: int, stop: int) -> tuple[str | None, int]:
    """Return the name at the beginning of a line, and where that line goes on with a comma.

    Without one, None and *begin*: then the whole line counts. No line that begins with a comma is a
    report, so the two are never confused.
    """
    head = _PLAIN_NAME.match(data, begin, stop)
    if head is not None:
        return head[1].decode("ascii"), head.end()
    head = _ANY_NAME.match(data, begin, stop)
    if head is None:
        return None, begin
    try:
        name: str = json.loads(f'"{head[1].decode()}"')
        name.encode()
    except ValueError:
        return None, begin  # reading the whole line says what is wrong with it
    return name, head.end()


def _one_document(source: _Source) -> bytes | None:
    """Return all of a stream that is one report over many lines, or None where it has lines.

    The first line that says anything tells: it is JSON, or else all lines together are meant to be.
    """
    searched = 0
    while True:
        stop = source.line_end(searched)
        if stop >= 0 and (line := bytes(source.data[source.begin : stop]).strip()):
            break
        searched = stop + 1 if stop >= 0 else source.end - source.begin
        if stop < 0 and (source.end - source.begin > MAX_SIZE or not source.more()):
            return None  # one line, or none
    if _is_json(line):
        return None
    text = source.whole()
    if text is None or _is_json(text):
        return text
    # It is damaged, and what is meant to be one report is called so in the error.
    others = text.partition(line)[2].splitlines()
    objects = any(other.startswith(b"{") and _is_json(other) for other in others)
    return None if objects or line.endswith(b"}") else text


def _is_json(text: bytes) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _too_long(source: _Source, number: int) -> ReportError:
    return ReportError(
        f"{source.name}:{number}: larger than {MAX_SIZE} bytes, which no report is",
        code="report-syntax",
    )
