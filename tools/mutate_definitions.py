"""Change shipped definitions, one value at a time, and report which changes no fast test notices.

    python tools/mutate_definitions.py [--sample N] [--seed N] [--laws]

Every change is made to a copy of the checkout, and the tests that such a file could fail are run
there, the quickest first, until one does. With ``--laws`` recorded digests do not count, neither of
files nor of editions: what is left is what laws, examples and golden files hold by themselves.
Prints the changes that survive, then by field how many were noticed, and exits with 1 where 5 % of
the sample or more survive; with ``--laws`` the share is a figure, and no goal.
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

#: Tests that any file could fail, and those that a file of one folder could; the quickest first.
#: Laws over generated definitions are not among them, as no shipped file can fail one.
_DIGESTS = "tests/definitions/test_digests.py"
_ALL = (
    "tests/definitions/test_shipped.py",
    "tests/definitions/test_named.py",
    "tests/host/test_numbers.py",
)
_GOLDEN = "tests/golden"
_RESOLVED = (
    _GOLDEN,
    "tests/resolver/test_offered.py",
    "tests/resolver/test_resolve.py",
    "tests/resolver/test_full.py",
    "tests/compat/test_captures.py",
)
_TESTS = {
    "capabilities": (
        "tests/host/test_cpuid.py",
        "tests/host/test_questions.py",
        "tests/host/test_order.py",
        "tests/compat/test_captures.py",
        _GOLDEN,
    ),
    "cpus": ("tests/definitions/kinds/test_cpus.py", "tests/host/test_cpuid.py", *_RESOLVED),
    "devices": (*_RESOLVED, "tests/diagnosis", "tests/guest", "tests/launch/test_passthrough.py"),
    "features": (*_RESOLVED, "tests/resolver/test_memory.py", "tests/diagnosis"),
    "guests": ("tests/guest",),
    "harmless": ("tests/verifier",),
    "libvirt": ("tests/emit/test_domain_xml.py",),
    "machines": (*_RESOLVED, "tests/resolver/test_machine_table.py", "tests/verifier"),
    "messages": ("tests/definitions/kinds", "tests/diagnosis", "tests/cli/test_explain_error.py"),
    "options": ("tests/launch/test_passthrough.py", "tests/launch/test_command_line.py"),
    "platforms": (*_RESOLVED, "tests/compat/test_supported.py"),
    "realize": ("tests/resolver/test_full.py", "tests/verifier"),
    "visibility": ("tests/resolver/test_machine_table.py", "tests/cli/test_diff_machine.py"),
}

#: What takes long, and what it asks of a file others ask as well.
_SLOW = "not seed-2 and not megabytes and not pieces_meet and not four_times"

#: With ``--laws`` these say nothing, as they notice any change of a value.
_NO_LAWS = (
    f"--deselect={_DIGESTS}",
    "--deselect=tests/definitions/test_shipped.py::test_a_released_platform_means_what_it_meant",
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

    def __init__(self, folder: Path, *, laws: bool) -> None:
        """Copy to *folder*; with *laws* recorded digests do not count."""
        ignored = shutil.ignore_patterns(".git", ".venv", "__pycache__", "dist")
        shutil.copytree(_ROOT, folder, ignore=ignored)
        self.folder = folder
        self._laws = laws
        self._sound: set[str] = set()

    def noticed(self, file: Path, changed: str) -> str | None:
        """Return the first test that fails with *changed* in *file*, or None."""
        kind = file.relative_to(self.folder / "definitions").parts[0]
        if kind not in self._sound:
            failed = self._failed(kind)
            if failed is not None:
                sys.exit(f"{failed} fails before anything was changed")
            self._sound.add(kind)
        before = file.read_text()
        file.write_text(changed)
        try:
            return self._failed(kind)
        finally:
            file.write_text(before)

    def _failed(self, kind: str) -> str | None:
        """Return the first test that fails, of those that a file of this *kind* could fail."""
        # Few examples: a law that is broken by what a file says is broken in most of them.
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "--tb=no"]
        command += ["-k", _SLOW, "--hypothesis-profile=brief"]
        command += _NO_LAWS if self._laws else [_DIGESTS]
        done = subprocess.run(
            [*command, *_ALL, *_TESTS[kind]],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(self.folder / "src"), "PYTHONHASHSEED": "0"},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode == 0:
            return None
        for line in done.stdout.splitlines():
            if line.startswith(("FAILED ", "ERROR ")):
                return line.split()[1].removeprefix("tests/")
        sys.exit(done.stdout + done.stderr)


def _field(what: str) -> str:
    """Return which field of which kind of file a change is of: its keys without their numbers."""
    file, name = what.split(": ")[:2]
    keys = [key for key in name.split(".") if not key.isdigit()]
    return f"{file.partition('/')[0]} {'.'.join(keys)}"


def main() -> int:
    """Mutate, test and report."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--sample", type=int, default=100)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--laws", action="store_true")
    given = options.parse_args()
    survivors = []
    fields: dict[str, list[bool]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        checkout = Checkout(Path(scratch, "checkout"), laws=given.laws)
        for number in range(given.sample):
            # A change of its own for each number: one can be looked at again by itself.
            chance = random.Random(f"{given.seed} {number}")
            what, file, changed = mutated(checkout.folder / "definitions", chance)
            by = checkout.noticed(file, changed)
            print(f"{number:4} {what}\n     {by or 'SURVIVES'}", flush=True)
            fields.setdefault(_field(what), []).append(by is not None)
            if by is None:
                survivors.append(what)
    for field, seen in sorted(fields.items()):
        print(f"{sum(seen)} of {len(seen)}  {field}")
    share = 100 * len(survivors) / given.sample
    goal = "" if given.laws else f" (less than {_MOST} % wanted)"
    print(f"{len(survivors)} of {given.sample} survive: {share:.1f} %{goal}")
    return int(share >= _MOST and not given.laws)


if __name__ == "__main__":
    sys.exit(main())
