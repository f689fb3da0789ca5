"""Numbers of the kernel's, from the headers that this machine has."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

_HEADERS = (
    *("blkzoned", "capability", "if_tun", "kvm", "kvm_para", "vfio", "vhost", "virtio_9p"),
    *("virtio_balloon", "virtio_blk", "virtio_config", "virtio_console", "virtio_crypto"),
    *("virtio_fs", "virtio_gpu", "virtio_ids", "virtio_iommu", "virtio_mem", "virtio_net"),
    *("virtio_pmem", "virtio_ring", "virtio_scsi", "virtio_snd", "virtio_vsock"),
)

#: Structures of other architectures, of which a request's number has the size.
_SIZES = {"kvm_ppc_cpu_char": 32}


def linux_numbers(names: Iterable[str], folder: Path) -> dict[str, int]:
    """Return what each macro of *names* is, those of them that the headers have.

    A program is made in *folder* that prints them. Skips the test where there is no compiler or
    there are no headers.
    """
    if shutil.which("cc") is None:
        pytest.skip("no C compiler (cc) on PATH")
    if not Path("/usr/include/linux/kvm.h").exists():
        pytest.skip("no headers of Linux in /usr/include")
    program = folder / "numbers"
    lines = [f"#if __has_include(<linux/{h}.h>)\n#include <linux/{h}.h>\n#endif" for h in _HEADERS]
    lines += [f"struct {name} {{ char all[{size}]; }};" for name, size in _SIZES.items()]
    lines += ["#include <stdio.h>", "int main(void) {"]
    for name in sorted(names):
        lines.append(f'#ifdef {name}\nprintf("{name} %lld\\n", (long long)({name}));\n#endif')
    source = "\n".join([*lines, "}"])
    subprocess.run(["cc", "-x", "c", "-o", program, "-"], input=source, text=True, check=True)
    printed = subprocess.run([program], capture_output=True, text=True, check=True).stdout
    return {name: int(value) for name, value in map(str.split, printed.splitlines())}
