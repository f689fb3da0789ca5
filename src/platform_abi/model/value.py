"""What all values have in common."""

from __future__ import annotations

import attrs


class Value:
    """The base of the model's attrs classes: it gives them a repr.

    attrs generates one for each class when the class is made, at every start of every small verb;
    this one works itself out when somebody looks.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        fields = attrs.fields(type(self))  # type: ignore[arg-type]
        body = ", ".join(f"{f.name}={getattr(self, f.name)!r}" for f in fields)
        return f"{type(self).__name__}({body})"
