"""The build hook of the wheel: compiles the packaged definitions, for beside their sources.

Called by hatchling; an editable install gets none, so that a checkout always parses its own files.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CompileDefinitions(BuildHookInterface):
    """Adds the compiled definitions to a wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, unless *version* says that the install is editable."""
        if version == "editable":
            return
        root = Path(self.root)
        sys.path.insert(0, str(root / "src"))
        try:
            from platform_abi.definitions.compiled import SUFFIX
            from platform_abi.definitions.compiling import compile_definitions
        finally:
            sys.path.pop(0)
        # Goes when this hook does, and so after the wheel has been written.
        self._folder = tempfile.TemporaryDirectory()
        compiled = Path(self._folder.name, "definitions")
        compiled.write_bytes(compile_definitions(root / "definitions"))
        build_data["force_include"][str(compiled)] = f"platform_abi/definitions_data{SUFFIX}"
