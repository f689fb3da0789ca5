"""Where on the site something stands."""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

from hypothesis import given
from hypothesis import strategies as st

from platform_abi.reference.places import feature_place, pair_place, slug


@given(st.text(), st.text())
def test_two_names_never_share_a_place(one: str, other: str) -> None:
    """What is not plain is written in a way that no name has by itself."""
    assert (slug(one) == slug(other)) == (one == other)


@given(st.text(min_size=1))
def test_a_place_means_itself_in_a_path_and_in_a_url(name: str) -> None:
    """No separator, no folder above, nothing to be quoted, nothing that HTML or a URL reads."""
    found = slug(name)
    assert re.fullmatch(r"[\w.~-]+", found, re.ASCII)
    assert not found.startswith(".")
    assert found == quote(found, safe="")
    assert urlsplit(f"x/{found}.html").path == f"x/{found}.html"


def test_names_that_are_plain_stay_readable() -> None:
    """As nearly all are."""
    assert "linux-6.9" == slug("linux-6.9")
    assert "~3cb~3e" == slug("<b>")
    assert "~2e./x".replace("/", "~2f") == slug("../x")
    assert "features/virtio-net.html#virtio-net.rss" == feature_place(
        "virtio-net.rss", "virtio-net"
    )


def test_a_pair_is_not_a_build() -> None:
    """No two builds together are called as a third."""
    assert "builds/x86_64/a~to~b.html" == pair_place("x86_64", "a", "b")
    assert "~to~" not in slug("a~to~b")
