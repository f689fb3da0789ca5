"""Which capabilities a kernel's source has, each with the line that says so."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Final, Literal

from platform_abi.author.kernel_tree import KernelConfiguration, KernelTree, uncommented
from platform_abi.model.capability import Capability
from platform_abi.model.kernel_source import KernelSources, SourcePlace
from platform_abi.model.value import frozen

State = Literal["present", "absent", "unknown"]

PRESENT: Final = "present"
ABSENT: Final = "absent"
UNKNOWN: Final = "unknown"


@frozen(kw_only=True)
class SourceSeen:
    """What a kernel's source, and its configuration, say of one capability.

    *witness* is the line of the implementation, or why there is none. *lacking* are the options
    of the configuration that are off, *unread* those that nobody was told.
    """

    capability: str
    state: State
    witness: str
    lacking: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()


class KernelWitness:
    """One tree, asked for capabilities; files lose their comments once."""

    def __init__(
        self,
        tree: KernelTree,
        sources: KernelSources,
        configuration: KernelConfiguration | None = None,
    ) -> None:
        """Take what was read; without a *configuration* no option is known to be on or off."""
        self._tree = tree
        self._sources = sources
        self._configuration = configuration
        self._code: dict[str, str] = {}

    def all(self, capabilities: Iterable[Capability]) -> tuple[SourceSeen, ...]:
        """Return what the tree says of those of *capabilities* that a source can tell."""
        return tuple(self.of(each) for each in capabilities if self._sources.places(each))

    def of(self, capability: Capability) -> SourceSeen:
        """Return what the tree says of *capability*: present where every symbol of it is."""
        state, witness = self._in_source(self._sources.places(capability))
        lacking, unread = self._options(capability)
        if lacking and state != ABSENT:
            state, witness = ABSENT, f"{', '.join(f'CONFIG_{each}' for each in lacking)} is off"
        return SourceSeen(
            capability=capability.id,
            state=state,
            witness=witness,
            lacking=lacking,
            unread=unread,
        )

    def _in_source(self, places: tuple[SourcePlace, ...]) -> tuple[State, str]:
        seen = [self._symbol(place) for place in places]
        for wanted in (ABSENT, UNKNOWN):
            for state, witness in seen:
                if state == wanted:
                    return state, witness
        return seen[0] if seen else (UNKNOWN, "nothing of the source says it")

    def _symbol(self, place: SourcePlace) -> tuple[State, str]:
        looked = [*self._matching((*place.rule.files, *place.rule.also))]
        for path in looked:
            at = self._line(path, place)
            if at:
                return PRESENT, f"{path}:{at}"
        # One that is not where it always was may have moved, and what is in it with it.
        moved = [each for each in place.rule.files if not any(self._matching((each,)))]
        if not moved:
            several = f" and {len(looked) - 1} more" if len(looked) > 1 else ""
            return ABSENT, f"{place.symbol} is not in {looked[0]}{several}"
        constants = place.rule.constants
        headers = [*self._matching(constants)]
        for path in headers:
            if re.search(rf"\b{re.escape(place.symbol)}\b", self._text(path)):
                return UNKNOWN, f"{path} defines {place.symbol}; {moved[0]} is not here"
        # Some are KVM's own, which a package of headers leaves out: then nobody can tell. Those
        # for user space stay where they are: one that is not there is of a later kernel.
        gone = [each for each in constants if each not in headers]
        if constants and all(_USER in each and _beside(each, self._tree.texts) for each in gone):
            return ABSENT, f"{place.symbol} is not in {constants[0]}"
        return UNKNOWN, f"{moved[0]} is not here"

    def _line(self, path: str, place: SourcePlace) -> int:
        text = self._text(path)
        if place.needle not in text:
            return 0
        fits = re.search(place.pattern, text, re.MULTILINE)
        if fits is None:
            return 0
        # Where the expression begins earlier, in what a list is of, the symbol's own line counts.
        at = text.find(place.needle, fits.start(), fits.end()) if place.needle else fits.start()
        return text.count("\n", 0, max(at, fits.start())) + 1

    def _text(self, path: str) -> str:
        if path not in self._code:
            self._code[path] = uncommented(self._tree.texts[path])
        return self._code[path]

    def _matching(self, patterns: Iterable[str]) -> Iterator[str]:
        for pattern in patterns:
            if "*" not in pattern:
                if pattern in self._tree.texts:
                    yield pattern
                continue
            folder = pattern.rpartition("/")[0]
            for path in self._tree.texts:
                if path.rpartition("/")[0] == folder and fnmatchcase(path, pattern):
                    yield path

    def _options(self, capability: Capability) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return which options it needs are off, and which nobody knows.

        An option that neither the tree declares nor the configuration names did not exist yet:
        then nothing depended on it.
        """
        lacking, unread = [], []
        named = self._configuration.options if self._configuration is not None else {}
        for option in capability.config:
            if self._declared and option not in self._declared and option not in named:
                continue
            if self._configuration is None or not self._is_of(self._configuration, capability):
                unread.append(option)
            elif self._configuration.options.get(option, "n") == "n":
                lacking.append(option)
        return tuple(lacking), tuple(unread)

    def _is_of(self, configuration: KernelConfiguration, capability: Capability) -> bool:
        """Return whether *configuration* is of an architecture that has *capability*."""
        known = self._sources.architectures.get(configuration.arch)
        return not (known and capability.arch) or bool({*known} & {*capability.arch})

    @cached_property
    def _declared(self) -> frozenset[str]:
        return frozenset(
            option
            for path in self._sources.kconfig
            for option in _CONFIG.findall(self._tree.texts.get(path, ""))
        )


#: What the paths of headers have that user space is promised.
_USER: Final = "/uapi/"


def _beside(path: str, paths: Iterable[str]) -> bool:
    """Return whether another file is in the folder of *path*."""
    folder = path.rpartition("/")[0]
    return any(each.rpartition("/")[0] == folder for each in paths)


#: Where a file of Kconfig's declares an option.
_CONFIG = re.compile(r"^(?:menu)?config (\w+)$", re.MULTILINE)
