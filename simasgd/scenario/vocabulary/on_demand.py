"""Sections whose validators are built when they are first needed: when a scenario has the section, or names its kind.

pydantic itself builds the validators of all sections that a field may hold together with that of the scenario. A scenario
has few of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final, final, get_args

from pydantic import BaseModel, Field
from pydantic_core import CoreSchema, PydanticKnownError, core_schema

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler

_NAMED: Final = {"discriminator": "'kind'"}


@final
class WhenGiven:
    """Validates a section with a validator of its own. Its mistakes and its JSON schema are the same as without it.

    `strict` holds in the section's own settings only, and not as an argument of `model_validate`.
    """

    def __get_pydantic_core_schema__(self, section: type[BaseModel], handler: GetCoreSchemaHandler) -> CoreSchema:
        return _by_function(section.model_validate)

    def __get_pydantic_json_schema__(self, schema: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        from pydantic import TypeAdapter

        section = TypeAdapter[Any](_find_function(schema).__self__)
        return handler(core_schema.union_schema([section.core_schema]))  # so that it gets a definition of its own


@final
class ByKind:
    """Chooses the section of a union by its `kind`, and validates it with a validator of its own.

    It accepts what pydantic accepts with `Field(discriminator="kind")`, and has the same JSON schema. Mistakes
    are the same, but their locations have no kind. `strict` is as with `WhenGiven`.
    """

    def __get_pydantic_core_schema__(self, union: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return _by_function(_Choice(union).validate)

    def __get_pydantic_json_schema__(self, schema: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        from pydantic import TypeAdapter

        union = _find_function(schema).__self__.union
        tagged: Any = Annotated[union, Field(discriminator="kind")]
        return handler(TypeAdapter[Any](tagged).core_schema)


@final
class _Choice:
    """The sections of a union, by their kinds."""

    def __init__(self, union: Any) -> None:
        self.union = union
        self._sections: Mapping[str, type[BaseModel]] = {one.model_fields["kind"].default: one for one in get_args(union)}

    def validate(self, value: Any) -> BaseModel:
        """Return the section that a value stands for. Raises what a validator may."""
        if isinstance(value, BaseModel):
            return self._choose(getattr(value, "kind", None)).model_validate(value)
        if not isinstance(value, dict):
            raise PydanticKnownError("model_attributes_type")
        if "kind" not in value:
            raise PydanticKnownError("union_tag_not_found", {**_NAMED})
        return self._choose(value["kind"]).model_validate(value)

    def _choose(self, kind: Any) -> type[BaseModel]:
        if isinstance(kind, str) and kind in self._sections:
            return self._sections[kind]
        expected = ", ".join(map(repr, self._sections))
        raise PydanticKnownError("union_tag_invalid", {**_NAMED, "tag": str(kind), "expected_tags": expected})


def _by_function(validate: Callable[[Any], BaseModel]) -> CoreSchema:
    """Return the schema of a validator. A section is dumped as its class says, whatever the options."""
    return core_schema.no_info_plain_validator_function(validate)


def _find_function(schema: Any) -> Any:
    """Return the function of `_by_function` in a field's schema, around which other validators may have been put."""
    while "schema" in schema:
        schema = schema["schema"]
    return schema["function"]["function"]
