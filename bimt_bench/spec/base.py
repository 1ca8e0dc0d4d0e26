"""The base of all specifications: frozen, strict about keys, with a digest; and their numbers."""

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.fields import FieldInfo

from bimt_bench.ground import unfit, unprintable
from bimt_bench.spec.faults import brief

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Positive = Annotated[int, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
# What the generators of NumPy, scikit-learn and Optuna take.
Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]


def _clean(text: str) -> str:
    if (told := unprintable(text)) is not None:
        raise ValueError(f"{brief(text)} given, which holds {told}")
    return text


def _named(text: str) -> str:
    if (told := unfit(text)) is not None:
        raise ValueError(f"{brief(text)} given, which {told}")
    return text


# Text for people: terminals, tables and figures show it.
Title = Annotated[str, AfterValidator(_named)]
Prose = Annotated[str, Field(max_length=10_000), AfterValidator(_clean)]


class Spec(BaseModel):
    """A frozen specification that refuses unknown keys and knows its digest."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    def identity(self) -> Any:
        """What numbers follow from, in terms of JSON: presentation and absent values left out."""
        return _identity(self)

    def digest(self) -> str:
        """First 12 hex digits of the SHA-256 of the identity as canonical JSON."""
        return digest_of(self.identity())

    @classmethod
    def told_fields(cls) -> set[str]:
        """The fields that are no part of the identity, under the names that files give them."""
        return {field.alias or k for k, field in cls.model_fields.items() if _is_told(field)}


class _Always:
    """Stands for a value that nothing equals, so that a digest never leaves the field out."""

    def __repr__(self) -> str:
        return "ALWAYS"


ALWAYS: Any = _Always()


def told(default: Any = ..., doc: str = "", **limits: Any) -> Any:
    """A field from which no trained network follows (a title, a figure's axis): no identity."""
    extra: Any = {"bimt_bench.told": True}
    return Field(default, description=doc or None, json_schema_extra=extra, **limits)


def later(default: Any, doc: str = "", *, absent: Any, **limits: Any) -> Any:
    """A field that was added to a published specification.

    `absent` is what specifications without it have always meant. It is written when the field is
    added and never edited, so that the digest of what is published stays as it is.
    """
    extra: Any = {"bimt_bench.absent": absent}
    return Field(default, description=doc or None, json_schema_extra=extra, **limits)


def _is_plain(value: BaseModel) -> bool:
    return bool(getattr(value, "plain", False))


def _is_told(field: FieldInfo) -> bool:
    extra: Any = field.json_schema_extra or {}
    return bool(extra.get("bimt_bench.told"))


def _identity(value: Any) -> Any:
    if isinstance(value, BaseModel):
        found: dict[str, Any] = {}
        for name, field in type(value).model_fields.items():
            extra: Any = field.json_schema_extra or {}
            held = getattr(value, name)
            if _is_told(field) or held == extra.get("bimt_bench.absent", ALWAYS):
                continue
            found[field.alias or name] = _identity(held)
        # a kind that has no settings of its own: `loss: mse`
        return found["kind"] if found.keys() == {"kind"} and _is_plain(value) else found
    if isinstance(value, Mapping):
        return {str(key): _identity(held) for key, held in value.items()}
    if isinstance(value, tuple | list):
        return [_identity(held) for held in value]
    return value


def digest_of(content: object) -> str:
    """First 12 hex digits of the SHA-256 of `content` as canonical JSON."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:12]
