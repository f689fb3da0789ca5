"""The block of code that a process lives for: started at its beginning, ended with it."""

from __future__ import annotations

import contextlib

# typing costs as much as the rest; type checkers know this name by itself.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Self


class Block:
    """Something that is started, waited for, and ended when a block of code is, however that ends.

    Who has something else to do meanwhile calls ``start`` alone, and leaves the block to
    ``__exit__``.
    """

    #: Who starts something hands over here what ends it.
    _cleanup: contextlib.ExitStack

    def __enter__(self) -> Self:
        self.start()
        try:
            self._await_start()
        except BaseException:
            self._cleanup.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._cleanup.close()

    def start(self) -> None:
        """Start it without waiting for anything."""
        raise NotImplementedError

    def _await_start(self) -> None:
        """Return when it has started; raises HostError where it does not."""
        raise NotImplementedError
