"""Command lines to read: a corpus of realistic ones, and strategies for others."""

from __future__ import annotations

import shlex
from pathlib import Path

from hypothesis import strategies as st

_TEXT = (Path(__file__).parent / "corpus.txt").read_text(encoding="utf-8")

#: The words of each command line, without the program.
CORPUS = [
    shlex.split(line) for line in _TEXT.splitlines() if line.strip() and not line.startswith("#")
]

#: What may follow an option that takes an argument, even if it looks like another one.
ARGUMENT = st.text(min_size=1, max_size=12)

_PLAIN = ["-S", "--nographic", "-nodefaults", "-no-shutdown", "-snapshot", "--daemonize", "-usb"]
_WITH = ["-m", "-smp", "--name", "-uuid", "-serial", "-append", "-chardev", "-object", "-boot"]


def options() -> st.SearchStrategy[list[str]]:
    """Return options that say nothing of a guest ABI, each with its argument."""
    return st.one_of(
        st.sampled_from(_PLAIN).map(lambda word: [word]),
        st.tuples(st.sampled_from(_WITH), ARGUMENT).map(list),
        st.sampled_from([["disk.img"], ["a b.qcow2"]]),
    )
