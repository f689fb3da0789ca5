"""What names a host: what ssh takes, and nothing that a shell or ssh itself would act upon."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import platform_abi as pa
from platform_abi.remote.destination import called, destination


@pytest.mark.parametrize(
    ("name", "given_to_ssh", "known_as"),
    [
        ("ssh:node7", "node7", "node7"),
        ("ssh:root@node7.example.org", "root@node7.example.org", "root@node7.example.org"),
        ("ssh:192.0.2.7", "192.0.2.7", "192.0.2.7"),
        ("ssh:2001:db8::7", "2001:db8::7", "2001:db8::7"),
        ("ssh:fe80::7%eth0", "fe80::7%eth0", "fe80::7%eth0"),
        ("ssh://node7", "ssh://node7", "node7"),
        ("ssh://root@node7:2222", "ssh://root@node7:2222", "root@node7:2222"),
        ("ssh://node7/", "ssh://node7/", "node7"),
        ("ssh://ssh:22", "ssh://ssh:22", "ssh:22"),
        ("ssh://[2001:db8::7]:22", "ssh://[2001:db8::7]:22", "[2001:db8::7]:22"),
    ],
)
def test_what_ssh_takes_is_taken(name: str, given_to_ssh: str, known_as: str) -> None:
    """As ssh(1) has it: a host, a user at a host, a URI with a port; and what a report calls it."""
    assert (given_to_ssh, known_as) == (destination(name), called(name))


@pytest.mark.parametrize(
    "name",
    [
        "ssh:", "ssh://", "node7", "ssh:-oProxyCommand=id", "ssh:root@-oProxyCommand=id",
        "ssh:a b", "ssh:a;id", "ssh:$(id)", "ssh:`id`", "ssh:a|id", "ssh:a\nid", "ssh:a'b",
        'ssh:a"b', "ssh:a\0", "ssh:node7:22", "ssh:user@node7:22", "ssh://node7:port", "ssh://-x",
        "ssh:a/b", "ssh:@node7", "ssh:user:secret@node7", "ssh://user:secret@node7", "ssh:nöde",
        "ssh:a\\b",
    ],
)  # fmt: skip
def test_what_names_no_host_is_an_error(name: str) -> None:
    """Options of ssh, words of a shell, and a port where ssh takes none: before anything is run."""
    with pytest.raises(pa.UsageError) as caught:
        destination(name)
    assert "bad-host" == caught.value.code
    assert "ssh://USER@HOST:PORT" in str(caught.value)


@given(st.text(max_size=20) | st.from_regex(r"-?[a-z@:/%\[\]$;'\"\\ -]{1,12}", fullmatch=True))
@example("-x")
@example("//-x")
def test_what_is_taken_means_nothing_to_a_shell(text: str) -> None:
    """Whatever it is: no white space, no quotes, nothing special, and no option of ssh."""
    try:
        found = destination(f"ssh:{text}")
    except pa.UsageError:
        return
    assert re.fullmatch(r"[A-Za-z0-9_.+@:/%\[\]-]+", found)
    assert not found.startswith("-")
    assert "@-" not in found
    assert "//-" not in found
