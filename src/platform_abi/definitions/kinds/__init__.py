"""The kinds of definition files: which there are, and where their files lie.

Each kind is a module of its own in this package, called as in ``PLACES``. It holds

- ``Document``, the class that one file is structured into, whose field names are the keys of the
  file with dashes written as underscores, and whose method ``faults`` yields what types cannot say;
- ``merged``, which makes one value of all the files that a catalogue asks for.

A new kind of file is a new module, its row here, and a method of the catalogue that asks for it.
"""

from __future__ import annotations

#: Kind to folder, how many levels below it the files lie, and how their names end. The first kind
#: that fits a file is the file's.
PLACES: dict[str, tuple[str, tuple[int, ...], str]] = {
    "examined": ("features", (1,), "/examined.toml"),
    "features": ("features", (1,), ".toml"),
    "capabilities": ("capabilities", (1,), ".toml"),
    "kernels": ("kernels", (1,), ".toml"),
    "devices": ("devices", (1,), ".toml"),
    # Platforms are foldered by lineage, or not, as the few of a site need not be.
    "platforms": ("platforms", (1, 2), ".toml"),
    "lineages": ("lineages", (1,), ".toml"),
    "masks": ("masks", (1,), ".toml"),
    "names": ("machines", (1,), ".toml"),
    "types": ("machines", (2,), "-types.toml"),
    "properties": ("machines", (2,), "-properties.toml"),
    "migration": ("machines", (2,), "-migration.toml"),
    "machines": ("machines", (2,), ".toml"),
    "streams": ("streams", (1,), ".toml"),
    "realize": ("realize", (1,), ".toml"),
    "guests": ("guests", (1,), ".toml"),
    "visibility": ("visibility", (1,), ".toml"),
    "messages": ("messages", (1,), ".toml"),
    "options": ("options", (1,), ".toml"),
    "codes": ("codes", (1,), ".toml"),
    "harmless": ("harmless", (1,), ".toml"),
    "libvirt": ("libvirt", (1,), ".toml"),
    "cpus": ("cpus", (1,), ".toml"),
    "domains": ("domains", (1,), ".toml"),
    "editions": ("editions", (1,), ".toml"),
}

#: Kinds whose files are told apart by their folder as well as by their name.
_FOLDERED = frozenset({"types", "properties", "migration", "machines"})


def kind_of(relative: str) -> tuple[str, tuple[str, ...]] | None:
    """Return the kind of the file called *relative* below a root, and what it is asked for by.

    That is its name without ending, behind its folder where files of many folders bear one name;
    None where *relative* is no name of a definition file.
    """
    folder, *inner, name = relative.split("/")
    for kind, (home, depths, ending) in PLACES.items():
        if folder == home and len(inner) + 1 in depths and f"/{name}".endswith(ending):
            stem = f"/{name}"[1 : -len(ending)]
            return kind, (*inner, stem) if kind in _FOLDERED else (stem,)
    return None
