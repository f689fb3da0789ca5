"""Says which kernels and QEMUs Debian has that nothing here knows, and what is to be done for each.

    python -m tools.upstream_news /var/lib/apt/lists/*_Packages*
    apt-cache madison linux-source-7.4 qemu-system-x86 | python -m tools.upstream_news -

It reads lists that apt has already, or what apt-cache prints; nothing is fetched. It exits with 1
where there is something to be looked at, so that a job that runs once a week can say so.
"""

from __future__ import annotations

import argparse
import gzip
import lzma
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from platform_abi.definitions.catalogue import FileCatalogue
from platform_abi.errors import PlatformAbiError
from platform_abi.model.platform import version_key
from tools.pages.kernels import records

DEFINITIONS: Final = Path(__file__).resolve().parent.parent / "definitions"

#: A stanza of an apt list, and a line of what ``apt-cache madison`` prints.
_STANZA = re.compile(r"^Package: (\S+)$(?:\n.+)*?\nVersion: (\S+)$", re.MULTILINE)
_MADISON = re.compile(r"^ *(\S+) \| *(\S+) \|", re.MULTILINE)

#: The packages that a kernel's source and a QEMU are in.
_KERNEL = re.compile(r"linux-source-(\d+\.\d+)")
_QEMU: Final = "qemu-system-x86"
_ARCH: Final = "x86_64"

#: The upstream release that a version of Debian's begins with; a candidate of one is none yet.
_UPSTREAM = re.compile(r"(?:\d+:)?(\d+(?:\.\d+)+)(?!~rc)")


def packages(texts: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield each package of *texts* with its upstream release."""
    for content in texts:
        for name, version in (*_STANZA.findall(content), *_MADISON.findall(content)):
            upstream = _UPSTREAM.match(version)
            if upstream:
                yield name, upstream[1]


def news(catalogue: FileCatalogue, texts: Iterable[str]) -> Iterator[str]:
    """Yield what there is to be looked at in *texts*: first kernels, then QEMUs."""
    kernels: dict[str, str] = {}
    qemus: dict[str, str] = {}
    for name, release in packages(texts):
        kernel = _KERNEL.fullmatch(name)
        if kernel or name == _QEMU:
            line = kernel[1] if kernel else ".".join(release.split(".")[:2])
            newest = kernels if kernel else qemus
            newest[line] = max(newest.get(line, release), release, key=version_key)
    yield from _kernels(catalogue, kernels)
    yield from _qemus(catalogue, qemus)


def _kernels(catalogue: FileCatalogue, newest: dict[str, str]) -> Iterator[str]:
    known = {
        catalogue.platform(name).version
        for name in catalogue.platform_names()
        if catalogue.platform(name).lineage == catalogue.kernel_sources().upstream
    }
    recorded = {
        ".".join(each["release"].split(".")[:2]): (name, each["release"])
        for name, each in records().items()
        if not each["vendor"]
    }
    for line, release in sorted(newest.items(), key=lambda pair: version_key(pair[0])):
        if line not in known:
            yield (
                f"Linux {line} ({release}) has no platform: see 'platform-abi kernel' on "
                f'linux-source-{line}, write since = "{line}" of what it brings, begin '
                f"platforms/linux/linux-{line}.toml, then tools/upstream_platforms.py --write and "
                "tools/kernel_record.py"
            )
        elif line not in recorded:
            yield f"Linux {line} ({release}) is not recorded: tools/kernel_record.py linux-{line}"
        elif version_key(recorded[line][1]) < version_key(release):
            name, before = recorded[line]
            yield f"Linux {line} is {release}, recorded is {before}: tools/kernel_record.py {name}"


def _qemus(catalogue: FileCatalogue, newest: dict[str, str]) -> Iterator[str]:
    known: dict[str, str] = {}
    for name in catalogue.builds(_ARCH):
        build = re.fullmatch(r"qemu-(\d+(?:\.\d+)+)", name)
        if build:
            line = ".".join(build[1].split(".")[:2])
            known[line] = max(known.get(line, build[1]), build[1], key=version_key)
    for line, release in sorted(newest.items(), key=lambda pair: version_key(pair[0])):
        if line not in known:
            yield (
                f"QEMU {line} ({release}) is no build: platform-abi import-qemu for each "
                "architecture, audit-qemu --view, tools/x86_cpus.py, "
                "tools/unmigratable_devices.py, tools/stream_matrix.py, and what of its "
                "properties follows the host"
            )
        elif version_key(known[line]) < version_key(release):
            yield f"QEMU {line} is {release}, the build is {known[line]}: platform-abi audit-qemu"


def read(name: str) -> str:
    """Return the text of an apt list, which may be compressed; ``-`` is standard input."""
    data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    if data.startswith(b"\x1f\x8b"):
        data = gzip.decompress(data)
    elif data.startswith(b"\xfd7zXZ"):
        data = lzma.decompress(data)
    return data.decode("utf-8", "replace")


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what is new; return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("lists", nargs="+", help="apt's lists, or - for what apt-cache prints")
    options = parser.parse_args(arguments)
    try:
        found = [*news(FileCatalogue(roots=[DEFINITIONS]), map(read, options.lists))]
    except (OSError, lzma.LZMAError, PlatformAbiError) as error:
        print(error, file=sys.stderr)
        return 2
    print("\n".join(found) or "nothing is new")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
