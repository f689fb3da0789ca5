"""What a type has of its own, and what it gets from its parent."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from platform_abi.author.inheritance import own_properties, whole_properties
from platform_abi.author.observation import DeviceType
from platform_abi.model.driver import DriverProperty

NAMES = ("a", "b", "c", "d")
BOOL = DriverProperty(type="bool", default="on")


def known() -> st.SearchStrategy[DriverProperty]:
    """Return properties that differ in type, in default, or in having one."""
    return st.builds(
        DriverProperty,
        type=st.sampled_from(["bool", "str"]),
        default=st.sampled_from([None, "on", "off"]),
    )


@st.composite
def hierarchies(draw: st.DrawFn) -> list[DeviceType]:
    """Draw types of which each instance has whatever an instance of its parent has."""
    types = [DeviceType(name="device", parent="object", abstract=True)]
    names: dict[str, frozenset[str]] = {"device": frozenset()}
    for index in range(draw(st.integers(1, 6))):
        parent = draw(st.sampled_from(types)).name
        own = names[parent] | draw(st.frozensets(st.sampled_from(NAMES)))
        abstract = draw(st.booleans())
        properties = {name: draw(known()) for name in sorted(own)}
        types.append(
            DeviceType(
                name=f"t{index}",
                parent=parent,
                abstract=abstract,
                properties=None if abstract else properties,
            )
        )
        names[f"t{index}"] = own
    return types


@given(hierarchies())
def test_laying_own_properties_flat_gives_what_was_listed(types: list[DeviceType]) -> None:
    """From the oldest parent down, what each type has of its own adds up to the whole."""
    parents = {each.name: each.parent for each in types}
    own = own_properties(types, whole_properties(types))
    for each in types:
        line = [each.name]
        while parents.get(line[-1]) in parents:
            line.append(parents[line[-1]])
        flat = {name: row for step in reversed(line) for name, row in own[step].items()}
        if each.properties is not None:
            assert flat == each.properties


@given(hierarchies())
def test_nothing_is_said_twice(types: list[DeviceType]) -> None:
    """What a type has of its own, its parent has not, or has otherwise."""
    whole = whole_properties(types)
    for name, own in own_properties(types, whole).items():
        parent = next(each.parent for each in types if each.name == name)
        assert not own.items() & whole.get(parent, {}).items()


@given(hierarchies(), st.randoms())
def test_the_order_of_types_is_of_no_matter(types: list[DeviceType], random: object) -> None:
    """Whatever order they come in, each has the same."""
    shuffled = [*types]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert whole_properties(types) == whole_properties(shuffled)


def test_an_abstract_type_has_what_most_below_it_agree_on() -> None:
    """So that the exception is written, not the rule."""
    other = DriverProperty(type="bool", default="off")
    types = [
        DeviceType(name="base", parent="device", abstract=True),
        DeviceType(name="x", parent="base", properties={"a": BOOL}),
        DeviceType(name="y", parent="base", properties={"a": BOOL, "b": BOOL}),
        DeviceType(name="z", parent="base", properties={"a": other}),
    ]
    own = own_properties(types, whole_properties(types))
    assert own == {"base": {"a": BOOL}, "x": {}, "y": {"b": BOOL}, "z": {"a": other}}


def test_a_type_that_could_not_be_listed_has_its_parents_properties() -> None:
    """It adds nothing that anybody knows of."""
    types = [
        DeviceType(name="base", parent="device", properties={"a": BOOL}),
        DeviceType(name="crashes", parent="base"),
    ]
    assert own_properties(types, whole_properties(types))["crashes"] == {}
