"""Hypothesis strategies over the definitions that are shipped, or over any other catalogue.

What is drawn is real: a machine type that a QEMU build has, devices that are put into it with
properties of that build, platforms and hosts of kernels that there are. What fails shrinks to the
usual board without a device.

    from hypothesis import given
    from platform_abi.testing import shipped

    @given(shipped.command_lines(), shipped.platforms())
    def test_something(line, platform): ...
"""

from platform_abi.testing.shipped.command_lines import DrawnLine as DrawnLine
from platform_abi.testing.shipped.command_lines import command_lines as command_lines
from platform_abi.testing.shipped.devices import DrawnDevice as DrawnDevice
from platform_abi.testing.shipped.devices import devices as devices
from platform_abi.testing.shipped.devices import fitting as fitting
from platform_abi.testing.shipped.devices import values_of as values_of
from platform_abi.testing.shipped.hosts import host_pairs as host_pairs
from platform_abi.testing.shipped.hosts import hosts as hosts
from platform_abi.testing.shipped.locks import DrawnLock as DrawnLock
from platform_abi.testing.shipped.locks import lockfiles as lockfiles
from platform_abi.testing.shipped.locks import platforms as platforms
from platform_abi.testing.shipped.machines import DrawnMachine as DrawnMachine
from platform_abi.testing.shipped.machines import architectures as architectures
from platform_abi.testing.shipped.machines import machine_types as machine_types
