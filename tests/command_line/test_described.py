"""Settings in words, from a schema made for the purpose."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, model_validator

from codo.command_line.described import REQUIRED, Described, Group, described, groups, typed


class Inner(BaseModel):
    size: tuple[float, float] | None = Field((0.5, 1 / 3), description="a size")
    on: bool = Field(False, description="a switch")


class Short(BaseModel):
    folder: str = Field(description="a folder")

    @model_validator(mode="before")
    @classmethod
    def _text(cls, value: Any) -> Any:
        return {"folder": value} if isinstance(value, str) else value


class Outer(BaseModel):
    name: str = Field(description="a name")
    kind: Literal["auto", "a|b"] | Annotated[float, "note"] | None = Field(None, ge=0, lt=1, description="a kind")
    names: dict[str, int] = Field({}, description="names of the user")
    group: Inner = Inner()
    maybe: Short | None = Field(None, description="a folder")


def test_every_setting_in_words() -> None:
    assert list(described(Outer)) == [
        Described("name", "str", "", REQUIRED, "a name", (), False),
        Described(
            "kind", "auto | a|b | float | null", "at least 0, below 1", "null", "a kind", ("auto", "a|b", "null"), False
        ),
        Described("names", "dict[str, int]", "", "{}", "names of the user", (), True),
        Described("group.size", "tuple[float, float] | null", "", "[0.5, 0.3333]", "a size", (), False),
        Described("group.on", "bool", "", "false", "a switch", ("true", "false"), False),
        Described("maybe.folder", "str", "", REQUIRED, "a folder", (), False),
    ]


def test_groups_say_whether_one_value_is_enough() -> None:
    assert list(groups(Outer)) == [Group("group", "", False, False), Group("maybe", "a folder", True, True)]


def test_a_setting_without_description_is_an_error() -> None:
    class Silent(BaseModel):
        name: str

    with pytest.raises(ValueError, match=r"outer\.name has no description"):
        list(described(Silent, "outer."))


@pytest.mark.parametrize(
    ("value", "text"), [(None, "null"), (True, "true"), (1e-4, "0.0001"), ("", "''"), ((1, 2), "[1, 2]")]
)
def test_values_as_they_are_typed(value: object, text: str) -> None:
    assert typed(value) == text
