"""Makes a QEMU command line the whole guest ABI, on every host.

    import platform_abi as pa

    catalogue = pa.load_catalogue()
    vm = pa.virtual_machine(catalogue.devices(), "pc-q35-9.1", devices=["virtio-net-pci,netdev=n0"],
                            netdevs=["tap,id=n0"])
    abi = pa.resolve(catalogue, vm, "linux-6.9")
    pa.arguments(abi)        # for exec
    abi.preconditions        # what a host must have
    abi.unpinned             # what is still left to the host

    host = pa.probe(catalogue.capabilities())
    pa.query_platforms(catalogue, host)   # what this host supports, and why not the rest
    pa.check(catalogue, abi, host)        # may it start here

Every public name is in ``__init__.pyi`` beside this file, by rank, and nowhere else. It is
imported when it is first used, so that importing this package costs little.
"""

from __future__ import annotations

from platform_abi._version import __version__ as __version__

#: Public name to the module that it is imported from, by rank; empty until one is asked for.
_HOMES: dict[str, str] = {}


def _homes() -> dict[str, str]:
    if not _HOMES:
        # What imports pathlib pays for it.
        with open(f"{__path__[0]}/__init__.pyi", encoding="utf-8") as stub:  # noqa: PTH123
            imports = [line.split() for line in stub if line.startswith("from ")]
        _HOMES.update({name: module for _, module, _, name, _, _ in imports})
    return _HOMES


def __getattr__(name: str) -> object:
    value: object
    if name == "__all__":
        value = __dir__()
    elif name in _homes():
        from importlib import import_module

        value = getattr(import_module(_homes()[name]), name)
    else:
        msg = f"module 'platform_abi' has no attribute '{name}'"
        raise AttributeError(msg)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(_homes())
