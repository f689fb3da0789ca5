"""The verb ``platforms``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from platform_abi.cli.options import read_options
from platform_abi.definitions.catalogue import load_catalogue

if TYPE_CHECKING:
    import argparse


def run(arguments: argparse.Namespace) -> int:
    """List all platforms, show one of them, or say which of them a host supports."""
    catalogue = load_catalogue()
    if arguments.host is not None:
        from platform_abi.cli.supported import SupportedOptions, run_supported

        return run_supported(catalogue, read_options(SupportedOptions, arguments))
    from platform_abi.cli.listed import PlatformsOptions, run_listed

    return run_listed(catalogue, read_options(PlatformsOptions, arguments))
