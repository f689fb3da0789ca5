"""QEMU's command line as it reads it itself: options, each with the word that is its argument."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from platform_abi.model.value import frozen

if TYPE_CHECKING:
    from platform_abi.model.option_table import OptionTable

#: The option that QEMU does not have.
PLATFORM = "platform"


@frozen(kw_only=True)
class Option:
    """One option, or a word that is none: a disk image, which has the *name* of nothing.

    *name* is what the option is called where it has several names. *at* is the place of its word,
    *value* its argument: the word after it, or what an abbreviation stands for.
    """

    name: str
    value: str | None
    at: int
    #: How many words it takes: 1, or 2 with an argument.
    length: int = 1


@frozen(kw_only=True)
class CommandLine:
    """The words of a command line without the program, and what they are."""

    words: tuple[str, ...]
    options: tuple[Option, ...]

    def values(self, name: str) -> list[str]:
        """Return the arguments of every option called *name*, in their order."""
        return [o.value for o in self.options if o.name == name and o.value is not None]

    def has(self, *names: str) -> bool:
        """Return whether any option is called one of *names*."""
        return any(option.name in names for option in self.options)


def read_command_line(table: OptionTable, words: Sequence[str]) -> CommandLine:
    """Return what *words*, a command line without the program, mean to QEMU.

    Options begin with one dash or two and are never abbreviated by themselves (system/vl.c,
    lookup_opt). One that no QEMU of *table* has is taken to have an argument where a word follows
    that could be one: it is left as it is, for QEMU to judge.
    """
    return CommandLine(words=tuple(words), options=tuple(_options(table, words)))


def _options(table: OptionTable, words: Sequence[str]) -> Iterator[Option]:
    at = 0
    while at < len(words):
        word = words[at]
        name = word.removeprefix("-").removeprefix("-") if word.startswith("-") else ""
        following = words[at + 1] if at + 1 < len(words) else None
        if not name:
            option = Option(name="", value=word, at=at)
        elif name in table.plain:
            canonical, *stands_for = table.alias.get(name, (name,))
            option = Option(name=canonical, value=",".join(stands_for) or None, at=at)
        elif following is None or not _is_argument(table, name, following):
            option = Option(name=name, value=None, at=at)
        else:
            canonical = table.alias.get(name, (name,))[0]
            option = Option(name=canonical, value=following, at=at, length=2)
        yield option
        at += option.length


def _is_argument(table: OptionTable, name: str, following: str) -> bool:
    return name in table.argument or name == PLATFORM or not following.startswith("-")


def without(line: CommandLine, name: str) -> CommandLine:
    """Return *line* without the options called *name*, everything else in its order."""
    words: list[str] = []
    options: list[Option] = []
    for option in line.options:
        if option.name != name:
            options.append(
                Option(name=option.name, value=option.value, at=len(words), length=option.length)
            )
            words += line.words[option.at : option.at + option.length]
    return CommandLine(words=tuple(words), options=tuple(options))


def drivers_named(table: OptionTable, line: CommandLine) -> list[str]:
    """Return the drivers of all ``-device`` of *line*, as they are written."""
    pairs = (table.pairs("device", value) for value in line.values("device"))
    return [value for each in pairs for key, value in each if key == "driver"]
