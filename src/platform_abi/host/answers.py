"""What the probing child said becomes a report; what makes no sense is passed over."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, get_args

from platform_abi.model.host import SOURCES, WIDEST, Fact, HostReport, Source, State
from platform_abi.model.value import evolve

if TYPE_CHECKING:
    from platform_abi.host.order import Order

_STATES: Mapping[str, State] = {word: word for word in get_args(State)}
_SOURCES: Mapping[str, Source] = {word: word for word in SOURCES}

#: What follows the first word of a line: see ``reply`` and ``child``.
_SHAPES: Mapping[str, list[type]] = {
    "fact": [str, str, str, str],
    "ended": [int, str],
    "number": [str, int],
    "mask": [str, int],
    "set": [str, list],
    "value": [str, str],
    "config": [str, str],
    "host": [str, str],
}

#: No text of the child's is longer; reports are kept for every host.
_MAX_TEXT = 200


class Answers:
    """Collects lines of the child, whatever they are."""

    def __init__(self, asked: Order) -> None:
        self._asked = asked
        self._group = {
            capability.id: number
            for number, group in enumerate(asked.groups.values())
            for capability in group
        }
        self._facts: dict[str, Fact] = {}
        self._ended: dict[int, str] = {}
        self._numbers: dict[str, int] = {}
        self._masks: dict[str, int] = {}
        self._sets: dict[str, set[str]] = {}
        self._words: dict[str, dict[str, str]] = {"value": {}, "config": {}, "host": {}}

    def take(self, line: bytes) -> None:
        """Keep what *line* says, if it is a whole line that says something."""
        if not line.endswith(b"\n"):
            return
        try:
            words = json.loads(line)
            # Half a surrogate pair is text to JSON, and to nobody else.
            json.dumps(words, ensure_ascii=False).encode()
        except (ValueError, RecursionError):
            return
        self._keep(words)

    def _keep(self, words: Any) -> None:
        rest: list[Any]
        kind, *rest = words if isinstance(words, list) and words else [None]
        if not isinstance(kind, str) or [type(word) for word in rest] != _SHAPES.get(kind):
            return
        if kind == "fact":
            name, state, source, detail = rest
            if name in self._group and state in _STATES and source in _SOURCES:
                self._facts[name] = Fact(
                    state=_STATES[state], source=_SOURCES[source], detail=detail[:_MAX_TEXT]
                )
            return
        key, said = rest
        if kind == "ended":
            self._ended[key] = said[:_MAX_TEXT]
        elif kind in {"number", "mask"}:
            if 0 <= said < WIDEST:
                kept = self._numbers if kind == "number" else self._masks
                kept[key[:_MAX_TEXT]] = said
        elif kind == "set":
            found = self._sets.setdefault(key[:_MAX_TEXT], set())
            found.update(member[:_MAX_TEXT] for member in said if isinstance(member, str))
        else:
            self._words[kind][key[:_MAX_TEXT]] = said[:_MAX_TEXT]

    def facts(self, reason: str) -> dict[str, Fact]:
        """Return a fact for everything asked; *reason* is why what nobody answered is unknown."""
        facts = {
            name: Fact(state="unknown", detail=detail)
            for name, detail in self._asked.unasked.items()
        }
        for name, number in self._group.items():
            why = self._ended.get(number, reason)
            facts[name] = self._facts.get(name) or Fact(state="unknown", detail=why)
        return dict(sorted(facts.items()))

    def report(self, base: HostReport, facts: Mapping[str, Fact]) -> HostReport:
        """Return *base* with *facts* and all else that was said."""
        host = self._words["host"]
        return evolve(
            base,
            facts=facts,
            distribution=host.get("distribution", ""),
            distribution_version=host.get("distribution_version", ""),
            distribution_like=tuple(host.get("distribution_like", "").split()),
            numbers=dict(sorted(self._numbers.items())),
            masks=dict(sorted(self._masks.items())),
            sets={key: tuple(sorted(members)) for key, members in sorted(self._sets.items())},
            values=dict(sorted(self._words["value"].items())),
            config=dict(sorted(self._words["config"].items())),
        )
