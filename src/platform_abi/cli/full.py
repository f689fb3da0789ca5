"""Every property of every device, for people: what ``resolve --full`` prints."""

from __future__ import annotations

import io
from contextlib import redirect_stdout

from platform_abi.cli.render import note, say, table
from platform_abi.definitions.catalogue import FileCatalogue
from platform_abi.model.abi import GuestAbi
from platform_abi.model.device import NETDEV
from platform_abi.resolver.full import full_properties


def full_text(catalogue: FileCatalogue, abi: GuestAbi, vcpus: int | None) -> str:
    """Return a table for each device: property, value, what realizing makes of it, its layer.

    What is not in it is said on stderr.
    """
    note("note", "the CPU and the devices of the board are not listed", "dim")
    out = io.StringIO()
    with redirect_stdout(out):
        for label, device in full_properties(catalogue, abi, vcpus=vcpus).items():
            say(f"{label}  {device.driver}")
            rows = [
                [
                    name,
                    found.value or "",
                    "" if found.rule is None else found.realized or f"({found.left_to})",
                    found.layer,
                    found.source,
                ]
                for name, found in sorted(device.properties.items())
            ]
            rows += [
                [f"{NETDEV}.{name}", found.value or "", "", found.layer, found.source]
                for name, found in sorted(device.netdev.items())
            ]
            table(["PROPERTY", "VALUE", "REALIZED", "LAYER", "SOURCE"], rows)
            say()
    return out.getvalue()
