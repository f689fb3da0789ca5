"""Hypothesis strategies over the definitions that are shipped, or over any other catalogue.

What is drawn is real: a machine type that a QEMU build has, devices that are put into it with
properties of that build, platforms and hosts of kernels that there are. What fails shrinks to the
usual board without a device.

    from hypothesis import given
    from platform_abi.testing import shipped

    @given(shipped.command_lines(), shipped.platforms())
    def test_something(line, platform): ...
"""

from platform_abi.testing.shipped.device import DrawnDevice as DrawnDevice
from platform_abi.testing.shipped.device import devices as devices
from platform_abi.testing.shipped.device import fitting as fitting
from platform_abi.testing.shipped.device import values_of as values_of
from platform_abi.testing.shipped.host import host_pairs as host_pairs
from platform_abi.testing.shipped.host import hosts as hosts
from platform_abi.testing.shipped.line import DrawnLine as DrawnLine
from platform_abi.testing.shipped.line import command_lines as command_lines
from platform_abi.testing.shipped.lock import DrawnLock as DrawnLock
from platform_abi.testing.shipped.lock import lockfiles as lockfiles
from platform_abi.testing.shipped.lock import platforms as platforms
from platform_abi.testing.shipped.machine import DrawnMachine as DrawnMachine
from platform_abi.testing.shipped.machine import architectures as architectures
from platform_abi.testing.shipped.machine import machine_types as machine_types
