"""Adds the pages to the documentation that say what the program itself says, and no more.

Verbs come from the parser, JSON documents from their schemas, codes and messages from the
definitions, the library from its stub; below ``data`` is what ``platform-abi site`` writes. MkDocs
calls this as a hook (mkdocs.yml) at each build, so that these pages are never older than what they
are about. It is started in the checkout: ``python -m mkdocs build``.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import platform_abi as pa
from platform_abi.reference.site import site_files
from tools.pages.codes import codes_page
from tools.pages.documents import documents_page, schemas
from tools.pages.hosts import tutorial_hosts
from tools.pages.kernels import kernels_page
from tools.pages.library import library_page
from tools.pages.verbs import verbs_page


def pages() -> dict[str, str]:
    """Return each generated page by its place below ``docs``, in Markdown."""
    return {
        "reference/verbs.md": verbs_page(),
        "reference/json.md": documents_page(),
        "reference/codes.md": codes_page(),
        "reference/library.md": library_page(),
        "reference/kernels.md": kernels_page(),
    }


def downloads() -> dict[str, str]:
    """Return what pages link to besides, by its place below ``docs``."""
    qapi = Path(pa.__file__).parent / "monitor" / "platform.qapi"
    return {
        **{f"reference/schemas/{path.name}": path.read_text("utf-8") for path in schemas()},
        **{f"tutorial/{name}": text for name, text in tutorial_hosts(pa.load_catalogue()).items()},
        "reference/platform.qapi": qapi.read_text("utf-8"),
        **{f"data/{place}": text for place, text in site_files(pa.load_catalogue())},
    }


def on_files(files: Any, config: Any) -> Any:
    """Add the pages to those of MkDocs, which calls a hook by this name."""
    file = import_module("mkdocs.structure.files").File
    for place, text in {**pages(), **downloads()}.items():
        files.append(file.generated(config, place, content=text))
    return files


def on_post_page(output: str, **_: Any) -> str:
    """Return a page whose search has a name for a screen reader: MkDocs calls this for each."""
    return output.replace('role="dialog"', 'role="dialog" aria-label="Search"')
