"""What the names of features and of properties are made of."""

from __future__ import annotations

from functools import lru_cache

#: What the names of hardware begin with of which a source says more than anybody can read.
UNREAD = "unread."


@lru_cache(maxsize=4096)
def feature_stem(feature_id: str) -> str:
    """Return the name of the file that defines a feature: ``virtio-net`` of ``virtio-net.rss``."""
    return feature_id.partition(".")[0]


def driver_and_property(text: str) -> tuple[str, str]:
    """Return the two parts of ``driver.property``, as QEMU's short ``-global`` splits it."""
    driver, _, name = text.partition(".")
    return driver, name
