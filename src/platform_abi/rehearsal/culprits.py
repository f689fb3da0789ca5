"""Which of many devices a failure takes: as few starts as that can be told by. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


def culprit(
    items: Sequence[T], fails: Callable[[Sequence[T]], bool], likely: Sequence[T] = ()
) -> list[T] | None:
    """Return a smallest part of *items* with which it *fails*: without any one of them it does not.

    *fails* is asked about parts in the order of *items*. It is held to fail with all of them, and
    with everything that has a part with which it fails. Items that are *likely* are tried alone
    first, the others by halving: for a part of k of n items it is asked k * (log2 n + 2) times at
    the most, and of the part that is returned last, so that it has failed with that alone. Return
    the empty list where it fails with none of them, None where what it says contradicts itself: it
    failed, and does not do so again.
    """
    if fails([]):
        return []
    for item in likely:
        if fails([item]):
            return [item]
    found: list[T] = []
    end = len(items)
    while end:
        # With the first `low` items and what was found it passes, with the first `high` not.
        low, high = 0, end
        while high - low > 1:
            middle = (low + high) // 2
            if fails([*items[:middle], *found]):
                high = middle
            else:
                low = middle
        end = high - 1
        found.insert(0, items[end])
        if fails(found):
            return found
    return None


def culprits(
    items: Sequence[T],
    fails: Callable[[Sequence[T]], bool],
    without: Callable[[Sequence[T], Sequence[T]], Sequence[T]],
    likely: Callable[[Sequence[T]], Sequence[T]] = lambda _items: (),
) -> tuple[list[list[T]], bool]:
    """Return every part of *items* that it fails by, one after the other, and whether that is all.

    *without* returns what is left of items once those of a part are gone, and what needs them.
    *likely* says what of the items it is asked about is most likely to be to blame. It is not all
    where it failed once and then did not.
    """
    every: list[list[T]] = []
    while fails(items):
        part = culprit(items, fails, likely(items))
        if part is None:
            return every, False
        every.append(part)
        if not part:
            break
        items = without(items, part)
    return every, True
