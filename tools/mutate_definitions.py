"""Change shipped definitions, one value at a time, and report which changes no fast test notices.

    python tools/mutate_definitions.py [--sample N] [--seed N] [--laws]

Every change is made to a copy of the checkout, and the tests are run there, the quickest first,
until one fails. With ``--laws`` the recorded digests do not count: what is left is what laws,
examples and golden files hold by themselves. Prints the changes that survive, and exits with 1
where they are 5 % of the sample or more.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import tomli_w

_ROOT = Path(__file__).parents[1]

#: Tests that could notice, the quickest first.
_DIGESTS = "tests/definitions/test_digests.py"
_STAGES = (
    (_DIGESTS,),
    ("tests/definitions/test_shipped.py",),
    ("tests/golden", "tests/resolver/test_offered.py", "tests/compat", "tests/diagnosis"),
    ("tests/definitions", "tests/resolver", "tests/guest", "tests/host"),
)

#: Of more survivors than this, in percent, the sample is refused.
_MOST = 5

#: A value in a file: the keys and indices that lead to it.
Path_ = tuple[str | int, ...]


def _values(at: Any, path: Path_ = ()) -> Iterator[Path_]:
    """Yield where every value below *at* is that is no table and no array."""
    pairs = at.items() if isinstance(at, dict) else enumerate(at) if isinstance(at, list) else ()
    if not isinstance(at, (dict, list)):
        yield path
    for key, inner in pairs:
        yield from _values(inner, (*path, key))


def _changed(value: Any, chance: random.Random) -> Any:
    """Return another value of the same type: what a slip of the finger makes of it."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + chance.choice((-1, 1))
    if isinstance(value, date):
        return value + timedelta(days=1)
    if isinstance(value, str) and value in {"on", "off"}:
        return "off" if value == "on" else "on"
    text = str(value)
    if not text:
        return "x"
    at = chance.randrange(len(text))
    digit = text[at].isdigit()
    other = chance.choice([c for c in ("0123456789" if digit else "aeioxz") if c != text[at]])
    return text[:at] + other + text[at + 1 :]


def mutated(root: Path, chance: random.Random) -> tuple[str, Path, str]:
    """Choose one value of one file below *root*; return what is changed, the file, its new text.

    Every folder is as likely as every other, then every file, then every value.
    """
    folder = chance.choice(sorted(p for p in root.iterdir() if p.is_dir() and p.name != "editions"))
    file = chance.choice(sorted(folder.rglob("*.toml")))
    content = tomllib.loads(file.read_text())
    path = chance.choice([place for place in _values(content) if place != ("schema",)])
    holder: Any = content
    for step in path[:-1]:
        holder = holder[step]
    before = holder[path[-1]]
    holder[path[-1]] = _changed(before, chance)
    name = ".".join(str(step + 1) if isinstance(step, int) else step for step in path)
    return (
        f"{file.relative_to(root)}: {name}: {before!r} -> {holder[path[-1]]!r}",
        file,
        tomli_w.dumps(content),
    )


class Checkout:
    """A copy of this checkout whose definitions are changed and tested."""

    def __init__(self, folder: Path, stages: tuple[tuple[str, ...], ...]) -> None:
        """Copy to *folder*; *stages* are the tests to run, the quickest first."""
        ignored = shutil.ignore_patterns(".git", ".venv", "__pycache__", "dist")
        shutil.copytree(_ROOT, folder, ignore=ignored)
        self.folder = folder
        self._stages = stages
        self._sound: set[tuple[str, ...]] = set()

    def noticed(self, file: Path, changed: str) -> str | None:
        """Return the first test file or folder that fails with *changed* in *file*, or None."""
        before = file.read_text()
        for stage in self._stages:
            if stage not in self._sound:
                if self._fails(stage):
                    sys.exit(f"{stage[0]} fails before anything was changed")
                self._sound.add(stage)
            file.write_text(changed)
            try:
                if self._fails(stage):
                    return stage[0]
            finally:
                file.write_text(before)
        return None

    def _fails(self, stage: tuple[str, ...]) -> bool:
        environment = {**os.environ, "PYTHONPATH": str(self.folder / "src"), "PYTHONHASHSEED": "0"}
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *stage]
        done = subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, check=False
        )
        if done.returncode not in (0, 1):
            sys.exit(done.stdout.decode() + done.stderr.decode())
        return done.returncode == 1


def main() -> int:
    """Mutate, test and report."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--sample", type=int, default=100)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--laws", action="store_true")
    given = options.parse_args()
    stages = _STAGES[1:] if given.laws else _STAGES
    survivors = []
    with tempfile.TemporaryDirectory() as scratch:
        checkout = Checkout(Path(scratch, "checkout"), stages)
        for number in range(given.sample):
            # A change of its own for each number: one can be looked at again by itself.
            chance = random.Random(f"{given.seed} {number}")
            what, file, changed = mutated(checkout.folder / "definitions", chance)
            by = checkout.noticed(file, changed)
            print(f"{number:4} {by or 'SURVIVES':40} {what}", flush=True)
            if by is None:
                survivors.append(what)
    share = 100 * len(survivors) / given.sample
    print(f"{len(survivors)} of {given.sample} survive: {share:.1f} % (less than {_MOST} % wanted)")
    return int(share >= _MOST)


if __name__ == "__main__":
    sys.exit(main())
