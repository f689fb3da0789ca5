"""A folder of definitions that a test writes, next to the packaged ones or alone."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import platform_abi as pa
from platform_abi.definitions.files import DefinitionFiles, File
from platform_abi.definitions.kinds import PLACES, kind_of

DEFINITIONS = Path(__file__).parent.parent.parent / "definitions"


def document_of(kind: str) -> Any:
    """Return the class that a definition file of *kind* is an instance of."""
    return import_module(f"platform_abi.definitions.kinds.{kind}").Document


#: Every class that a definition file is loaded as.
DOCUMENTS = tuple(document_of(kind) for kind in PLACES)

FAMILY = """
[[family]]
name = "net"
driver = "net-device"
proxies = ["net-pci"]
backend-property = "netdev"
assumed-backends = ["tap"]
"""

DEVICES = f"""
schema = 1
accelerators = ["kvm"]
{FAMILY}
[[backend]]
name = "tap"
netdev = ["tap"]
"""

FEATURES = """
schema = 1
[[feature]]
id = "net.uso"
title = "Segmentation offload"
edition = "2026.1"
when-supported = "on"
properties = ["net-device.uso"]
[feature.requires]
tap = ["tun.uso"]

[[feature]]
id = "net.queues"
title = "Queues"
edition = "2026.1"
type = "int"
fallback = "1"
when-supported = "2"
properties = ["net-device.queues"]
[feature.requires]
tap = ["tun.queues"]
"""

CAPABILITIES = """
schema = 1
[[capability]]
id = "tun.uso"
title = "UDP segmentation"
subsystem = "tun"
since = "6.2"

[[capability]]
id = "tun.queues"
title = "Queues"
subsystem = "tun"
since = "never"
"""

MACHINES = """
schema = 1
[build]
name = "qemu-10.0.0"
version = "10.0.0"
arch = "x86_64"
[[machine]]
name = "pc-q35-10.0"
family = "pc-q35"
generation = "10.0"
aliases = ["q35"]
cpu = "qemu64-x86_64-cpu"
compat = [["net-device", "old", "off"]]
[[machine]]
name = "pc-q35-9.0"
family = "pc-q35"
generation = "9.0"
inherits = "pc-q35-10.0"
compat = [["net-device", "old", "on", "optional"]]
"""

TYPES = """
schema = 1
[type.net-device]
properties = ["uso", "queues", "old"]
[type.net-pci]
properties = ["netdev"]
"""

#: A whole small catalogue: relative names to texts.
SMALL = {
    "devices/net.toml": DEVICES,
    "features/net.toml": FEATURES,
    "capabilities/tun.toml": CAPABILITIES,
    "platforms/test/test-1.toml": """
schema = 1
[platform]
name = "test-1"
lineage = "test"
[features]
"net.queues" = 4
""",
    "platforms/test/test-2.toml": """
schema = 1
[platform]
name = "test-2"
lineage = "test"
extends = "test-1"
[platform.levels]
tun = "6.2"
""",
    "lineages/test.toml": """
schema = 1
[[lineage]]
name = "test"
title = "A line of tests"
clones = ["tested"]
kernels = ["-test$"]
""",
    "masks/site.toml": """
schema = 1
[[mask]]
platform = "test-2"
feature = "net.uso"
reason = "a driver of ours"
date = 2026-01-02
""",
    "machines/qemu-10.0.0/x86_64.toml": MACHINES,
    "machines/qemu-10.0.0/x86_64-types.toml": TYPES,
    "editions/2026.1.toml": 'schema = 1\nedition = "2026.1"\n',
    "guests/x86_64.toml": """
schema = 1
arch = "x86_64"
[[board]]
family = "pc-q35"
bus = "pcie.0"
[[device]]
driver = "net-pci"
""",
    "streams/x86_64.toml": """
schema = 1
[drivers]
pc-q35 = ["net-pci"]
[[pair]]
source = "qemu-10.0.0"
destination = "qemu-10.0.0"
machines = ["pc-q35-10.0"]
[[pair.stopped]]
driver = "net-pci"
machines = ["pc-q35-10.0"]
reason = "its state is another"
""",
    "realize/net.toml": """
schema = 1
[[initial]]
drivers = ["device"]
properties = ["bootindex"]
value = "-1"
reason = "not in the boot order"
source = "system/bootdevice.c"
""",
    "options/qemu.toml": """
schema = 1
argument = ["device", "drive", "machine"]
plain = ["S"]
accelerator = "kvm"
[[device]]
option = "drive"
driver = "net-pci"
when = { if = "virtio" }
""",
    "cpus/x86_64.toml": """
schema = 1
arch = "x86_64"
[register."kvm.cpuid.00000001.00.ecx"]
0 = ["pni", "sse3"]
[model.test64]
flags = ["pni"]
""",
    "messages/net.toml": """
schema = 1
[sentence]
same = "make both the same"
[log]
qemu = "read QEMU's log"
[[message]]
code = "queue-count"
says = "the source has {source} queues"
helps = ["@same"]
[[message.text]]
text = "net: {source:number} queues"
source = "hw/net.c"
""",
    "harmless/net.toml": """
schema = 1
texts = ["id"]
[options]
smp = ["cpus"]
[instead]
vnc = "-display none"
""",
    "kernels/net.toml": """
schema = 1
kconfig = ["drivers/net/Kconfig"]
[architectures]
x86 = ["x86_64"]
[[names]]
id = "tun.uso"
symbols = ["TUN_F_USO4"]
[[rule]]
subsystems = ["tun"]
symbols = ["TUN_F_*"]
files = ["drivers/net/tun.c"]
code = '\\b{symbol}\\b'
constants = ["include/uapi/linux/if_tun.h"]
""",
    "codes/net.toml": """
schema = 1
[means]
net-missing = "there is no net"
""",
    "domains/net.toml": """
schema = 1
unseen = ["name"]
[types]
kvm = "kvm"
[[option]]
option = "smp"
key = "cpus"
path = "vcpu"
[[device]]
element = "interface"
driver = "net-pci"
properties = { mac = "mac/@address" }
""",
    "libvirt/net.toml": """
schema = 1
oldest = "9.0"
[[native]]
properties = ["net-device.csum"]
element = "interface"
path = "driver/host"
attribute = "csum"
values = { on = "on" }
source = "qemu_command.c"
[new.clock]
attributes = { offset = "utc" }
""",
    "visibility/net.toml": """
schema = 1
[[rule]]
seen = "migration"
properties = ["migrate-*"]
reason = "what goes into the stream"
[[board]]
families = ["pc-q35"]
drivers = ["pc-board"]
""",
}


def write(root: Path, relative: str, content: str | bytes) -> Path:
    """Write one definition file below *root*."""
    path = root / relative
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def small(root: Path, **changed: str) -> Path:
    """Write the small catalogue below *root*."""
    for relative, text in {**SMALL, **changed}.items():
        write(root, relative, text)
    return root


def catalogue(*roots: Path) -> pa.FileCatalogue:
    """Return a fresh catalogue of *roots*."""
    return pa.FileCatalogue(roots)


def platform_text(name: str, extends: str = "", features: str = "", head: str = "") -> str:
    """Return a platform file; *head* goes below ``[platform]``, *features* below its own table."""
    parent = f'extends = "{extends}"\n' if extends else ""
    return (
        f'schema = 1\n[platform]\nname = "{name}"\nlineage = "test"\n{parent}{head}\n'
        f"[features]\n{features}\n"
    )


def document_class(relative: str) -> Any:
    """Return the class that the definition file *relative* is an instance of."""
    meant = kind_of(relative)
    assert meant is not None, relative
    return document_of(meant[0])


def shipped() -> list[str]:
    """Return every definition file of this repository, relative to ``definitions/``."""
    return sorted(path.relative_to(DEFINITIONS).as_posix() for path in DEFINITIONS.rglob("*.toml"))


@contextmanager
def reads() -> Iterator[list[str]]:
    """Collect the names of the definition files that are read, relative to their root."""
    seen: list[str] = []
    original = DefinitionFiles.read

    def observed(files: DefinitionFiles, file: File) -> bytes:
        seen.append(file[1])
        return original(files, file)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DefinitionFiles, "read", observed)
        yield seen


def copy_of_definitions(root: Path) -> Path:
    """Copy the packaged definitions below *root*."""
    return Path(shutil.copytree(DEFINITIONS, root / "definitions"))
