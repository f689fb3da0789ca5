"""What a user must know of a guest ABI and no argument says, on stderr."""

from __future__ import annotations

from platform_abi.cli.render import note
from platform_abi.model.abi import GuestAbi


def remark_migration(abi: GuestAbi) -> None:
    """Say why a guest of *abi* cannot be migrated as it is, or why nobody knows."""
    for entry in abi.unpinned:
        if entry.migration != "safe":
            note("not migratable", f"{entry.what} is left to the host; pin it: {entry.pin}")
    for obstacle in abi.obstacles:
        head = "not migratable" if obstacle.certain else "not known to be migratable"
        note(head, f"{obstacle.what}: {obstacle.reason}; {obstacle.help}")
