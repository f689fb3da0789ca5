"""Hypothesis strategies, for this project's laws and for others' definitions.

Needs Hypothesis (``pip install platform-abi[testing]``); nothing else here imports this package.

    from hypothesis import given
    from platform_abi.testing import scenarios

    @given(scenarios())
    def test_something(scenario): ...
"""

from platform_abi.testing.hosts import CAPABILITIES as CAPABILITIES
from platform_abi.testing.hosts import facts as facts
from platform_abi.testing.hosts import host_reports as host_reports
from platform_abi.testing.memory import BUILD as BUILD
from platform_abi.testing.memory import EDITIONS as EDITIONS
from platform_abi.testing.memory import MemoryCatalogue as MemoryCatalogue
from platform_abi.testing.scenario import BACKENDS as BACKENDS
from platform_abi.testing.scenario import GENERATIONS as GENERATIONS
from platform_abi.testing.scenario import NAMES as NAMES
from platform_abi.testing.scenario import Scenario as Scenario
from platform_abi.testing.scenario import driver_properties as driver_properties
from platform_abi.testing.scenario import features as features
from platform_abi.testing.scenario import machines as machines
from platform_abi.testing.scenario import needs as needs
from platform_abi.testing.scenario import platforms as platforms
from platform_abi.testing.scenario import scenarios as scenarios
from platform_abi.testing.scenario import virtual_machines as virtual_machines
