"""The build hook of the wheel: compiled definitions beside their sources, completions and manuals.

Called by hatchling; an editable install gets none, so that a checkout always parses its own files.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CompileDefinitions(BuildHookInterface):
    """Adds the compiled definitions to a wheel, and what shells and man(1) look for."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Make them, unless *version* says that the install is editable."""
        if version == "editable":
            return
        root = Path(self.root)
        sys.path[:0] = [str(root / "src"), str(root / "tools")]
        try:
            from shell_files import shell_files

            from platform_abi.definitions.compiled import SUFFIX
            from platform_abi.definitions.compiling import compile_definitions
        finally:
            del sys.path[:2]
        # Goes when this hook does, and so after the wheel has been written.
        self._folder = tempfile.TemporaryDirectory()
        compiled = Path(self._folder.name, "definitions")
        compiled.write_bytes(compile_definitions(root / "definitions"))
        build_data["force_include"][str(compiled)] = f"platform_abi/definitions_data{SUFFIX}"
        for place, text in shell_files().items():
            file = Path(self._folder.name, place)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
            build_data["shared_data"][str(file)] = place
