"""The spelling of a platform choice."""

from __future__ import annotations

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.model.platform import PlatformReference
from platform_abi.resolver.choice import choose_edition, parse_platform

names = st.from_regex(re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,20}"), fullmatch=True)
editions = st.from_regex(re.compile(r"[0-9]{4}\.[0-9]{1,3}"), fullmatch=True)
words = st.text(string.ascii_lowercase + string.digits + ".-", min_size=1, max_size=8)
references = st.builds(
    PlatformReference,
    name=names,
    edition=st.none() | editions,
    overrides=st.dictionaries(words, words, max_size=3).map(lambda d: tuple(sorted(d.items()))),
)


@given(references)
def test_what_is_spelled_is_read_back(reference: PlatformReference) -> None:
    """Spelling a choice and parsing the spelling gives the choice."""
    assert reference == parse_platform(str(reference))


@given(st.text())
def test_any_text_is_a_choice_or_a_usage_error(text: str) -> None:
    """No text makes the parser fail in another way, and what it accepts it can spell."""
    try:
        reference = parse_platform(text)
    except pa.UsageError as error:
        code = error.code
        assert code in {"platform-syntax", "platform-override"}
    else:
        assert reference == parse_platform(str(reference))


def test_the_order_of_overrides_does_not_matter() -> None:
    """Overrides are a set: two orders are one choice with one canonical spelling."""
    first, second = parse_platform("a,x.p=on,x.q=off"), parse_platform("a,x.q=off,x.p=on")

    assert first == second
    assert "a,x.p=on,x.q=off" == str(second)


def test_the_same_override_twice_is_one_and_two_are_a_contradiction() -> None:
    """Saying a thing twice is no error; saying two things is."""
    assert (("x.p", "on"),) == parse_platform("a,x.p=on,x.p=on").overrides
    with pytest.raises(pa.UsageError) as caught:
        parse_platform("a,x.p=on,x.p=off")
    assert "platform-override" == caught.value.code


@pytest.mark.parametrize(
    "text",
    [
        "",
        " linux-6.9",
        "linux-6.9 ",
        "linux-6.9\n",
        "@2026.1",
        "linux-6.9@",
        "linux-6.9@26.1",
        "../linux-6.9",
        "a,",
        "a,b",
        "a,=on",
        "a,b=",
        "-a",
    ],
)
def test_what_is_no_choice_is_refused(text: str) -> None:
    """Names are words without spaces and slashes, overrides are feature=value."""
    with pytest.raises(pa.UsageError) as caught:
        parse_platform(text)
    assert "platform-syntax" == caught.value.code
    assert "linux-6.9" in caught.value.help


def test_a_bare_name_means_the_newest_edition(catalogue: pa.FileCatalogue) -> None:
    """Without an edition the newest released one counts; one that there is not is unknown."""
    assert catalogue.newest_edition() == choose_edition(catalogue, parse_platform("linux-6.9"))
    with pytest.raises(pa.UnknownNameError) as caught:
        choose_edition(catalogue, parse_platform("linux-6.9@2099.1"))
    assert "unknown-edition" == caught.value.code


def test_without_any_edition_nothing_can_be_chosen() -> None:
    """An empty catalogue says so instead of failing."""
    with pytest.raises(pa.UsageError) as caught:
        choose_edition(pa.FileCatalogue([]), parse_platform("linux-6.9"))
    assert "no-edition" == caught.value.code
