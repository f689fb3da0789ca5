"""The page of a fleet, made of its store and put into a folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from platform_abi.folders import check_folder, write_folder
from platform_abi.inventory.store import Store

if TYPE_CHECKING:
    from platform_abi.definitions.catalogue import FileCatalogue


def write_fleet_page(
    catalogue: FileCatalogue, store: Store, folder: Path, *, allow_unknown: bool
) -> None:
    """Write the page of the fleet in *store* as *folder*, whole or not at all."""
    from platform_abi.page.data import Fleet, page_of
    from platform_abi.page.glance import glance_of
    from platform_abi.page.writing import KIND, page_files

    # What takes a minute is not begun for a folder that it cannot go to.
    check_folder(folder, KIND)
    fleet = Fleet(
        hosts=store.digests("host", store.names("host")),
        vms=store.digests("vm", store.names("vm")),
        reports=store.reports(),
        abis=store.abis(),
    )
    page = page_of(catalogue, fleet, allow_unknown=allow_unknown)
    glance = glance_of(catalogue, fleet, page, allow_unknown=allow_unknown)
    write_folder(folder, KIND, page_files(page, glance).items())
