"""The options that say which virtual machines platforms are judged for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from platform_abi.model.value import frozen

if TYPE_CHECKING:
    from platform_abi.compat.needs import Scope


@frozen(kw_only=True)
class ScopeOptions:
    """An accelerator and backends, where not those of the usual virtual machines are meant."""

    accel: str | None = None
    backend: tuple[str, ...] = ()

    def scope(self, usual: Scope) -> Scope:
        """Return *usual* with what the options say instead."""
        if self.accel is not None:
            usual = evolve(usual, accelerator=self.accel)
        return evolve(usual, backends=self.backend) if self.backend else usual
