"""The verb ``explain``."""

from __future__ import annotations

from typing import Any, Final

from platform_abi.cli.opened import load_catalogue
from platform_abi.cli.options import ExplainOptions
from platform_abi.cli.render import Painted, print_json, say
from platform_abi.cli.vm import described, describes, platform_of
from platform_abi.definitions.catalogue import FileCatalogue
from platform_abi.emit.plain import Shapes, document
from platform_abi.errors import of_device
from platform_abi.model.value import evolve
from platform_abi.resolver.explain import Explanation, Step, explain


def run(options: ExplainOptions) -> int:
    """Print every layer's word on a property, the one that counts last; or what an id means."""
    catalogue = load_catalogue()
    if not describes(options) and options.platform is None:
        from platform_abi.cli.identified import run_identified

        return run_identified(catalogue, options.property, as_json=options.json)
    vm, named = described(catalogue, options)
    found = explain(catalogue, options.property, vm, platform_of(options, named))
    steps = tuple(evolve(step, source=_place(catalogue, step)) for step in found.steps)
    found = evolve(found, steps=steps)
    if options.json:
        print_json(document(found, SHAPES))
    else:
        _print(found)
    return 0


def _place(catalogue: FileCatalogue, step: Step) -> str:
    """Return where a step's value is written: file and line, or the argument."""
    if not step.source.endswith(".toml"):
        return step.source
    key = step.key
    if key[:1] == ("feature",):
        key = _feature_key(_parsed(catalogue, step.source), str(key[1]))
    elif key[:1] == ("machine",):
        key = _compat_key(_parsed(catalogue, step.source), str(key[1]), list(key[2:]))
    line, _ = catalogue.position(step.source, key)
    return f"{step.source}:{line}" if key else step.source


def _parsed(catalogue: FileCatalogue, source: str) -> dict[str, Any]:
    import tomllib

    path = catalogue.locate(source)
    if path is None:
        return {}
    with open(path, "rb") as stream:  # noqa: PTH123 - the catalogue knows files as strings
        return tomllib.load(stream)


def _feature_key(document: dict[str, Any], feature: str) -> tuple[str | int, ...]:
    ids = [entry["id"] for entry in document.get("feature", [])]
    return ("feature", ids.index(feature), "id") if feature in ids else ()


def _compat_key(document: dict[str, Any], machine: str, entry: list[Any]) -> tuple[str | int, ...]:
    """Return where a compat property stands: with the machine type, or with what it inherits."""
    machines = {found["name"]: (i, found) for i, found in enumerate(document.get("machine", []))}
    while machine in machines:
        index, found = machines.pop(machine)
        rows = [row[:3] for row in found.get("compat", [])]
        if entry in rows:
            return ("machine", index, "compat", len(rows) - 1 - rows[::-1].index(entry))
        machine = found.get("inherits", "")
    return ()


SHAPES: Final[Shapes] = {
    Explanation: (
        *("driver", "property", "machine", "build", "platform", "feature:feature.id"),
        *("layers:steps", "silent"),
    ),
    Step: ("layer", "value", "device", "source", "note"),
}


def _print(found: Explanation) -> None:
    feature = found.feature
    say(Painted(f"{found.driver}.{found.property}", "bold"))
    say(f"  {found.machine} of {found.build}, platform {found.platform}")
    if feature is not None:
        say(f"  feature {feature.id}: {feature.title}")
        for backend, needs in sorted(feature.requires.items()):
            needed = ", ".join(needs) if needs else "nothing of the host"
            say(f"    behind {backend}: needs {needed}")
        if feature.note:
            say("    ", feature.note)
    for number, step in enumerate(found.steps, start=1):
        of = of_device(step.device)
        said = f"{step.layer:8} {step.value}{of}  ({step.source})"
        note = f"  {step.note}" if step.note else ""
        last = number == len(found.steps)
        say("  ", Painted(said, "green") if last else said, note)
    if not found.steps:
        say("  no layer sets it: QEMU's built-in default holds, on every host")
    if found.silent:
        say(f"  {found.silent}")
