"""What a host says of itself: its distribution, how its kernel was built, sizes, the CPU's vendor.

Nothing that tells one host from another of its kind: no name, no address, no serial number.
"""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Sequence

from platform_abi.host.reply import read, say

_MAX_CONFIG = 4 * 1024 * 1024

_BPF_SWITCH = "/proc/sys/kernel/unprivileged_bpf_disabled"
_THP_SIZE = "/sys/kernel/mm/transparent_hugepage/hpage_pmd_size"


def answer(options: Sequence[str]) -> None:
    """Say what the host says of itself, and of *options* how its kernel was built."""
    _say_distribution()
    say("number", "page-size", os.sysconf("SC_PAGE_SIZE"))
    thp = _text(_THP_SIZE)
    if thp.isdecimal():
        say("number", "thp-size", int(thp))
    bpf = _text(_BPF_SWITCH)
    if bpf.isdecimal():
        say("value", "unprivileged-bpf-disabled", bpf)
    # The first processor is enough: reading on may wake up every other.
    processor = _text("/proc/cpuinfo", 4096)
    vendor = re.search(r"^vendor_id\s*: (\S+)$", processor, re.MULTILINE)
    if vendor:
        say("value", "cpu.vendor", vendor[1])
    model = [
        re.search(rf"^{key}\s*: (\d+)$", processor, re.MULTILINE)
        for key in ("cpu family", "model", "stepping")
    ]
    if all(model):
        say("value", "cpu.model", ".".join(number[1] for number in model if number))
    here = os.uname()
    if here.machine.startswith("ppc"):
        from platform_abi.host.power import say_processor

        say_processor()
    text = _configuration(here.release)
    if text:
        for option, value in _set(text, options):
            say("config", option, value)


def _say_distribution() -> None:
    """Say ID, VERSION_ID and ID_LIKE of os-release(5)."""
    text = _text("/etc/os-release") or _text("/usr/lib/os-release")
    found = dict(re.findall(r"^([A-Z_]+)=[\"']?([^\"'\n]*)[\"']?$", text, re.MULTILINE))
    say("host", "distribution", found.get("ID", "linux" if text else ""))
    say("host", "distribution_version", found.get("VERSION_ID", ""))
    say("host", "distribution_like", found.get("ID_LIKE", ""))


def _configuration(release: str) -> str:
    """Return the running kernel's configuration, or nothing where nobody tells it."""
    try:
        with open("/proc/config.gz", "rb", buffering=0) as file:  # noqa: PTH123 - see reply.read
            # 16: it has the header of gzip.
            return zlib.decompress(file.readall(), 16 + zlib.MAX_WBITS).decode("utf-8", "replace")
    except (OSError, zlib.error):
        pass
    for path in (
        f"/boot/config-{release}",
        f"/lib/modules/{release}/config",
        f"/usr/lib/modules/{release}/config",
    ):
        text = _text(path, _MAX_CONFIG)
        if text:
            return text
    return ""


def _set(text: str, options: Sequence[str]) -> list[tuple[str, str]]:
    """Return what a configuration says of *options*.

    An option that it does not mention may not exist in this kernel: before CONFIG_KVM_SMM (6.2) or
    CONFIG_KVM_HYPERV (6.8) was a choice, what they stand for was always built in.
    """
    # A configuration has ten thousand lines, of which a few are wanted.
    lines = f"\n{text}\n"
    said = ((option, _value(lines, option)) for option in options)
    return [(option, value) for option, value in said if value is not None]


def _value(lines: str, option: str) -> str | None:
    """Return what *lines* say of *option*, None for nothing. Such a line begins and ends there."""
    if f"\n# CONFIG_{option} is not set\n" in lines:
        return "n"
    begin = f"\nCONFIG_{option}="
    at = lines.rfind(begin)
    while at >= 0:
        start = at + len(begin)
        value = lines[start : lines.index("\n", start)]
        value = value[value.startswith('"') :]
        value = value[: len(value) - value.endswith('"')]
        if '"' not in value:
            return value
        at = lines.rfind(begin, 0, at)
    return None


def _text(path: str, size: int = 65536) -> str:
    try:
        return read(path, size)
    except OSError:
        return ""
