"""Which messages belong together: the lines of one failure, and whose state each speaks of."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterable, Iterator, Mapping, Sequence

from platform_abi.diagnosis.error_lines import Line
from platform_abi.model.message import Message
from platform_abi.model.value import frozen

_CAUSES = frozenset({"cause", "apart"})
_FAILURES = ("place", "end", "sign")

#: A failure has at most so many messages; and so many lines of QEMU's that nobody knows are kept.
_MOST = 10_000
_UNKNOWN = 3

#: A line that nobody knows is next to a failure if so many lines or fewer are between.
_NEAR = 3

#: How much a block says: that something failed, that it is over, in whose state, and why.
SIGN, END, PLACE, CAUSE = range(4)


@frozen(kw_only=True)
class Told:
    """What one failure says: each cause, or what stands for one that is not there.

    A pair is a message and the section of the stream that it speaks of.
    """

    strength: int
    lines: tuple[tuple[Line, str], ...]


def told(messages: Mapping[str, Message], lines: Iterable[Line]) -> Iterator[Told]:
    """Yield what each failure in *lines* says; *messages* are those of the table by code."""
    for block in _blocks(lines):
        causes = [at for at, line in enumerate(block) if line.role in _CAUSES]
        if any(messages[block[at].code].severity == "error" for at in causes):
            yield Told(strength=CAUSE, lines=_located(block, causes))
            continue
        if causes:  # warnings, which are never the answer
            yield Told(strength=PLACE, lines=_located(block, causes))
        for role, strength in zip(_FAILURES, (PLACE, END, SIGN), strict=True):
            failures = [line for line in block if line.role == role]
            if failures:
                chosen = failures[-1] if role == "place" else failures[0]
                own = [(chosen, chosen.fields.get("section", "") if role == "place" else "")]
                yield Told(strength=strength, lines=(*_unknown(block), *own))
                break


def _blocks(lines: Iterable[Line]) -> Iterator[list[Line]]:
    """Split the messages where a migration is over: the line that says so is a block's last."""
    block: list[Line] = []
    over = 0
    for line in lines:
        if line.role == "noise":
            continue
        if (over and line.number != over) or len(block) >= _MOST:
            yield block
            block, over = [], 0
        recent = block[-_UNKNOWN:]
        if line.role == "unknown" and [each.role for each in recent] == ["unknown"] * _UNKNOWN:
            del block[-_UNKNOWN]
        block.append(line)
        if line.role == "end":
            over = line.number
    yield block


def _unknown(block: Sequence[Line]) -> list[tuple[Line, str]]:
    """Return the lines of QEMU's next to a failure that nobody knows; they probably say why."""
    failed = [line.number for line in block if line.role in _FAILURES]
    near = [
        line
        for line in block
        if line.role == "unknown" and any(abs(line.number - at) <= _NEAR for at in failed)
    ]
    return [(line, "") for line in near[:_UNKNOWN]]


def _located(block: Sequence[Line], causes: Sequence[int]) -> tuple[tuple[Line, str], ...]:
    """Return each cause of a block with the section of the stream that it speaks of.

    QEMU names the section after the cause; a log whose newest line comes first has it before.
    """
    places = [at for at, line in enumerate(block) if line.role == "place"]
    backwards = bool(places) and places[0] < causes[0] and places[-1] < causes[-1]
    return tuple(
        (
            block[at],
            "" if block[at].role == "apart" else _section(block, at, places, backwards=backwards),
        )
        for at in causes
    )


def _section(block: Sequence[Line], cause: int, places: Sequence[int], *, backwards: bool) -> str:
    own = block[cause].fields.get("section")
    if own:
        return own
    split = bisect(places, cause)
    if backwards:
        run = _run((places[at] for at in range(split - 1, -1, -1)), cause, -1)
    else:
        run = _run((places[at] for at in range(split, len(places))), cause, 1)
    if not run:
        run = list(places[split - 1 : split] or places[split : split + 1])
    # Of several places that one cause has, the outermost has the address on the bus.
    names = [block[at].fields["section"] for at in run]
    return next((name for name in names if "/" in name), names[-1] if names else "")


def _run(places: Iterable[int], cause: int, step: int) -> list[int]:
    """Return the places next to *cause* with no other message between them, or the nearest one."""
    run: list[int] = []
    for at in places:
        if run and at != run[-1] + step:
            break
        run.append(at)
        if abs(at - cause) != len(run):
            break
    return run
