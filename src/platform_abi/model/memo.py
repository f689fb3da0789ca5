"""What pure functions have worked out, kept with the value that it is about."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import wraps
from typing import Protocol, TypeVar, TypeVarTuple

#: What functions keep, by function and then by their other arguments.
Memo = dict[object, dict[Hashable, object]]


#: How many answers of one kind are kept where what is asked is a user's, before all are dropped.
MEMO_LIMIT = 512


class Remembering(Protocol):
    """A value that keeps what was worked out about it: a catalogue, or a plan made from one."""

    memo: Memo


About = TypeVar("About", bound=Remembering)
Key = TypeVarTuple("Key")
T = TypeVar("T")
R = TypeVar("R")


def remembered(
    limit: int | None = None,
) -> Callable[[Callable[[About, *Key], T]], Callable[[About, *Key], T]]:
    """Let a pure function of something, and of what hashes, remember its answers there.

    With *limit*, no more than so many: where there would be more, all are dropped.
    """

    def remembering(work_out: Callable[[About, *Key], T]) -> Callable[[About, *Key], T]:
        @wraps(work_out)
        def recalled(about: About, *key: *Key) -> T:
            try:
                # What is kept under a function is what that function answered.
                return about.memo[work_out][key]  # type: ignore[return-value]
            except KeyError:
                pass
            answer = work_out(about, *key)
            answers = about.memo.setdefault(work_out, {})
            if limit is not None and len(answers) >= limit:
                answers.clear()
            answers[key] = answer
            return answer

        return recalled

    return remembering


def remembered_of_same(limit: int) -> Callable[[Callable[[T], R]], Callable[[T], R]]:
    """Let a pure function of one frozen value remember what it made of that very object.

    It asks nobody whether two are equal, which of large values takes as long as most functions. No
    more than *limit* are remembered: where there would be more, all are dropped.
    """

    def remembering(work_out: Callable[[T], R]) -> Callable[[T], R]:
        # The object is held as well, so that no other can have its number.
        known: dict[int, tuple[T, R]] = {}

        @wraps(work_out)
        def recalled(value: T) -> R:
            found = known.get(id(value))
            if found is not None:
                return found[1]
            answer = work_out(value)
            if len(known) >= limit:
                known.clear()
            known[id(value)] = (value, answer)
            return answer

        return recalled

    return remembering


def forget(about: Remembering) -> None:
    """Drop all that functions remember of *about*."""
    for work_out in [key for key in about.memo if callable(key)]:
        del about.memo[work_out]
