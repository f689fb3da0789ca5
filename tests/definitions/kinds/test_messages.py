"""Files of messages: what is wrong with one is told with its place."""

from __future__ import annotations

import pytest

import platform_abi as pa
from platform_abi.definitions.kinds.messages import Document
from platform_abi.definitions.structure import load

GOOD = """\
schema = 1
[[message]]
code = "queue-count"
says = "the source has {source} queues, and here are {here}"
words = { more = "more" }
[[message.text]]
text = "net: {source:number} queues > {here:number}"
source = "hw/net.c"
[[message.text]]
text = "Net: {source:number} rings > {here:number}, {late:name}"
source = "hw/net.c"
when = { late = ["a*"] }
[[message.case]]
when = { source = ["1*"], device = ["net"], late = ["b"] }
within-ppm = 5
says = "{source} {more} {else}"
words = { else = "else" }
"""


def _faults(text: str) -> list[str]:
    with pytest.raises(pa.DefinitionError) as caught:
        load(Document, text.encode(), "x.toml")
    return list(caught.value.faults)


def test_a_sound_file_is_read() -> None:
    """What a case does not say is left open; its words add up."""
    (message,) = load(Document, GOOD.encode(), "x.toml").message

    assert ("queue-count", 2, True) == (message.code, len(message.text), message.explains)
    assert (None, None, 5) == (
        message.case[0].explains,
        message.case[0].helps,
        message.case[0].within_ppm,
    )


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('"queue-count"', '"Queue count"', "expected lower-case words with dashes"),
        ("net: {source:number}", "net: {source:octal}", "expected a field {name:kind}"),
        ("net: {source:number}", "net: {source}", "expected a field {name:kind}"),
        ("net: {source:number}", "{source:number}", "expected a word of 2 letters or more first"),
        ("net: {source:number}", "n {source:number}", "expected a word of 2 letters or more first"),
        ("queues > {here:number}", "{source:number}", "a field stands in it twice"),
        (" queues > {here:number}", "{here:number}", "expected words between two fields"),
        ("queues > {here", "queues  > {here", "expected single spaces"),
        ('source = "hw/net.c"\n[[message.text]]', 'source = " "\n[[message.text]]', "which file"),
        ('late = ["a*"]', 'later = ["a*"]', "the text has no such field"),
        ('device = ["net"]', 'devices = ["net"]', "no text of the message has such a field"),
        ("and here are {here}", "{late}", "not every text of the message has a field 'late'"),
        ("and here are {here}", "{}", "not every text of the message has a field ''"),
        ("{more} {else}", "{most}", "not every text of the message has a field 'most'"),
        ("> {here:number}, {late:name}", "> {late:name}", "need the fields source and here"),
    ],
)
def test_a_wrong_message_is_named_with_its_place(old: str, new: str, fault: str) -> None:
    """Each fault stands with file, line and key, and is the one that was made."""
    assert 1 == GOOD.count(old), old
    faults = _faults(GOOD.replace(old, new))

    assert any(fault in each for each in faults), faults
    assert all(each.startswith("x.toml:") for each in faults)


def test_a_message_without_a_text_is_none() -> None:
    """Nothing would find it."""
    assert (
        "expected at least one text"
        in _faults('schema = 1\n[[message]]\ncode = "a"\ntext = []\n')[0]
    )
