"""Lineages: under which names their platforms go, and which kernels are theirs."""

from __future__ import annotations

from platform_abi.model.lineage import Lineage, lineage_of

ACME = Lineage(name="acme", clones=("copy",), distributions=("kin",), kernels=(r"-acme$",))


def test_a_clone_lends_its_name_and_a_relative_does_not() -> None:
    """Where the name of a platform has the lineage in it."""
    assert ["linux-copy-2.1"] == list(ACME.other_names("linux-acme-2.1"))
    assert [] == list(ACME.other_names("linux-other-2.1"))


def test_a_distribution_is_of_the_lineage_that_names_it() -> None:
    """And otherwise of one that is called like it."""
    for word in ("acme", "copy", "kin"):
        assert ACME == lineage_of([ACME], word)
    assert Lineage(name="odd") == lineage_of([ACME], "odd")


def test_a_kernel_is_told_by_its_name() -> None:
    """A lineage without patterns tells none."""
    assert ACME.built("6.1.2-acme")
    assert not ACME.built("6.1.2-acme2")
    assert not Lineage(name="odd").built("6.1.2-odd")
