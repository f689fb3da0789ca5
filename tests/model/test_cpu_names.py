"""Which CPU models are refused: by accelerator, by architecture, and with all that they have."""

from __future__ import annotations

import pytest

from platform_abi.model.cpu_names import RefusedModels, is_one_of

_REFUSED = RefusedModels(
    models=("gen*", "host"),
    but=("gen1?",),
    accelerators=("tcg",),
    arch=("s390x",),
    unchanged=True,
    reason="it has too much",
    source="seen",
    help="use another",
)


@pytest.mark.parametrize(
    ("arch", "accelerator", "model", "changed", "refused"),
    [
        ("s390x", "tcg", "gen15a", False, True),
        ("s390x", "tcg", "host", False, True),
        ("s390x", "tcg", "gen15a", True, False),
        ("s390x", "tcg", "gen15", False, False),
        ("s390x", "kvm", "gen15a", False, False),
        ("ppc64", "tcg", "gen15a", False, False),
        ("s390x", "tcg", "GEN15A", False, False),
    ],
)
def test_all_of_it_has_to_fit(
    arch: str, accelerator: str, model: str, changed: bool, refused: bool
) -> None:
    """Architecture, accelerator, name, and that nothing of the CPU was changed."""
    assert _REFUSED.refuses(arch, accelerator, model, changed=changed) == refused


def test_a_pattern_is_for_whole_names() -> None:
    """As a shell reads it, and large letters are others."""
    assert is_one_of("0x004e1200", ["0x[0-9a-f]*"])
    assert not is_one_of("a0x004e1200", ["0x[0-9a-f]*"])
    assert not is_one_of("Host", ["host"])
