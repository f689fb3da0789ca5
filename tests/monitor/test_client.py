"""One client: descriptors that no command took are closed, and only once."""

from __future__ import annotations

import os

import pytest

from platform_abi.monitor.client import Client
from tests.monitor.ports import Port


def test_descriptors_that_nobody_took_are_closed_once() -> None:
    """Their numbers may be somebody else's a moment later."""
    client = Client(Port())
    reading, writing = os.pipe()
    client.descriptors = [reading, writing]
    client.drop_descriptors()
    for descriptor in (reading, writing):
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(descriptor)
    other = os.open(os.devnull, os.O_RDONLY)
    client.drop_descriptors()
    os.fstat(other)
    os.close(other)


def test_a_new_client_may_do_nothing_yet() -> None:
    """It has to negotiate first, and has no capability and nothing under way."""
    client = Client(Port())
    assert [False] * 4 == [client.negotiated, client.oob, client.gone, client.answering]
    assert (0, 0, 0) == (client.in_flight, client.out_of_band, client.size)
    assert not client.waiting
    assert client.urgent is None
