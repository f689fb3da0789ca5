"""``messages/*.toml``: what QEMU and libvirt print when something fails, and what it means."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import pairwise

from platform_abi.definitions.checks import Fault, Path
from platform_abi.definitions.files import File
from platform_abi.definitions.reading import Reader, merge
from platform_abi.model.message import Message, MessageCase, MessageTable, MessageText, pieces
from platform_abi.model.value import field, frozen

#: A shorter word would be looked for too often.
_SHORTEST = 2

#: What the diagnosis adds to a message's own fields.
_ADDED = frozenset({"section", "device", "missing"})


@frozen(kw_only=True)
class Document:
    """What such a file contains."""

    schema: int
    message: tuple[Message, ...] = ()
    sentence: Mapping[str, str] = field(factory=dict)
    log: Mapping[str, str] = field(factory=dict)

    def faults(self) -> Iterator[Fault]:
        """Yield what is wrong beyond types."""
        for index, message in enumerate(self.message):
            for path, fault in _message_faults(message):
                yield ("message", index, *path), fault


def _message_faults(message: Message) -> Iterator[Fault]:
    if not re.fullmatch(r"[a-z]+(-[a-z0-9]+)*", message.code):
        yield ("code",), f"expected lower-case words with dashes, found '{message.code}'"
    if not message.text:
        yield ("text",), "expected at least one text"
    fields = []
    for index, text in enumerate(message.text):
        try:
            fields.append({piece.text for piece in pieces(text.text) if piece.kind})
        except ValueError as error:
            yield ("text", index, "text"), str(error)
            return
        for path, fault in _text_faults(text):
            yield ("text", index, *path), fault
    yield from _meaning_faults(message, fields)


def _meaning_faults(message: Message, fields: Sequence[set[str]]) -> Iterator[Fault]:
    """Yield what is wrong with what *message* means, whose texts have these *fields*."""
    everywhere = set.intersection(*fields) if fields else set()
    said = everywhere | message.words.keys()
    yield from _sentence_faults((), message, said)
    for index, case in enumerate(message.case):
        path = ("case", index)
        for name in case.when.keys() - set().union(*fields) - _ADDED:
            yield (*path, "when", name), "no text of the message has such a field"
        if case.within_ppm and not {"source", "here"} <= everywhere:
            yield (*path, "within-ppm"), "the message's texts need the fields source and here"
        yield from _sentence_faults(path, case, said | case.words.keys() | case.when.keys())


def _text_faults(text: MessageText) -> Iterator[Fault]:
    """Yield what is wrong with a message's text, whose fields are fields."""
    parts = list(pieces(text.text))
    names = [part.text for part in parts if part.kind]
    if not parts or parts[0].kind or len(parts[0].text.split(" ")[0]) < _SHORTEST:
        message = (
            f"expected a word of {_SHORTEST} letters or more first, which logs are searched for"
        )
        yield ("text",), message
    if len(names) != len(set(names)):
        yield ("text",), "a field stands in it twice"
    if any(first.kind and second.kind for first, second in pairwise(parts)):
        yield ("text",), "expected words between two fields"
    if "  " in text.text or text.text != text.text.strip():
        yield ("text",), "expected single spaces, between words"
    if not text.source.strip():
        yield ("source",), "a text must say which file prints it"
    for name in sorted(text.when.keys() - set(names)):
        yield ("when", name), "the text has no such field"


def _sentence_faults(
    path: Path, said: Message | MessageCase, known: AbstractSet[str]
) -> Iterator[Fault]:
    """Yield the fields that sentences ask for and a message may not have."""
    for key, texts in (("says", (said.says or "",)), ("helps", said.helps or ())):
        for text in texts:
            for name in re.findall(r"{(\w*)}", text):
                if name not in known | {"section"}:
                    yield (*path, key), f"not every text of the message has a field '{name}'"


def merged(reader: Reader) -> MessageTable:
    """Return every message of all files, in the order of the files; copies count once."""
    messages: dict[str, tuple[Message, File]] = {}
    sentences: dict[str, tuple[str, File]] = {}
    logs: dict[str, tuple[str, File]] = {}
    for document, file in reader.every(Document, "messages"):
        for message in document.message:
            merge(messages, f"message {message.code}", message.code, message, file)
        for name, text in document.sentence.items():
            merge(sentences, f"sentence {name}", name, text, file)
        for name, text in document.log.items():
            merge(logs, f"log {name}", name, text, file)
    return MessageTable(
        messages=tuple(message for message, _ in messages.values()),
        sentences={name: text for name, (text, _) in sentences.items()},
        logs={name: text for name, (text, _) in logs.items()},
    )
