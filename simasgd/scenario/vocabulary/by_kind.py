"""The choice among sections by their `kind`: no validator is built of a section that the scenario does not name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, final, get_args

from pydantic import BaseModel, Field, GetCoreSchemaHandler, GetJsonSchemaHandler, SerializationInfo, TypeAdapter
from pydantic_core import PydanticKnownError, core_schema

_NAMED: Final = {"discriminator": "'kind'"}


@final
class _Choice:
    """Validates a value as the section of a union that has the value's kind."""

    def __init__(self, union: Any) -> None:
        self.union = union
        self._sections: Mapping[str, type[BaseModel]] = {one.model_fields["kind"].default: one for one in get_args(union)}

    def validate(self, value: Any) -> BaseModel:
        """Return the section. Raises what a validator may."""
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


@final
class ByKind:
    """Chooses the section of a union by its `kind`.

    It accepts what pydantic accepts with `Field(discriminator="kind")`, and has the same mistakes and the same JSON schema.
    But pydantic builds one validator for all kinds, of which a scenario names one. Here each kind has its own, built at its
    first use.
    """

    def __get_pydantic_core_schema__(self, union: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        dumped = core_schema.plain_serializer_function_ser_schema(_dump, info_arg=True)
        return core_schema.no_info_plain_validator_function(_Choice(union).validate, serialization=dumped)

    def __get_pydantic_json_schema__(self, schema: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        while "schema" in schema:  # what other validators of the field have been put around
            schema = schema["schema"]
        union = schema["function"]["function"].__self__.union
        tagged: Any = Annotated[union, Field(discriminator="kind")]
        return handler(TypeAdapter[Any](tagged).core_schema)


def _dump(section: BaseModel, how: SerializationInfo) -> dict[str, Any]:
    return section.model_dump(mode=how.mode, exclude_defaults=how.exclude_defaults)
