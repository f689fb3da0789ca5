"""The verb ``platforms``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from platform_abi.cli.opened import load_catalogue

if TYPE_CHECKING:
    from platform_abi.cli.options import PlatformsOptions


def run(options: PlatformsOptions) -> int:
    """List all platforms, show one of them, or say which of them a host supports."""
    catalogue = load_catalogue()
    if options.host is not None:
        from platform_abi.cli.supported import run_supported

        return run_supported(catalogue, options, options.host)
    from platform_abi.cli.listed import run_listed

    return run_listed(catalogue, options)
