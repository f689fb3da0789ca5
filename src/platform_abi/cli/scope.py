"""Which virtual machines platforms are judged for, by what the options say of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from platform_abi.model.value import evolve

if TYPE_CHECKING:
    from platform_abi.cli.options import ScopeOptions
    from platform_abi.compat.needs import Scope


def scope_of(options: ScopeOptions, usual: Scope) -> Scope:
    """Return *usual* with what the options say instead."""
    if options.accel is not None:
        usual = evolve(usual, accelerator=options.accel)
    return evolve(usual, backends=options.backend) if options.backend else usual
