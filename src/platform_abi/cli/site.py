"""The verb ``site``: the definitions as pages, for whoever has no program at hand."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from platform_abi.cli.opened import load_catalogue
from platform_abi.cli.options import SiteOptions
from platform_abi.cli.render import print_json, say
from platform_abi.emit.plain import Shapes, document
from platform_abi.folders import write_folder
from platform_abi.model.value import frozen
from platform_abi.reference.site import site_files


@frozen(kw_only=True)
class Site:
    """A site that was written: its folder, how many files it has, and their size in bytes."""

    folder: str
    files: int
    size: int


SHAPES: Final[Shapes] = {}


def run(options: SiteOptions) -> int:
    """Write the site into the folder that is named."""
    sizes = write_folder(Path(options.output), "site", site_files(load_catalogue()))
    done = Site(folder=options.output, files=len(sizes), size=sum(sizes.values()))
    if options.json:
        print_json(document(done, SHAPES))
    else:
        say(f"{done.folder}: {done.files} files, {done.size / 1e6:.1f} MB")
    return 0
