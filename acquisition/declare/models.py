"""Questions to the settings models: which keys are known at a place, and what is expected there."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo


def key_of(name: str, info: FieldInfo) -> str:
    """Return a field's key in the file (`as` for `as_`)."""
    return info.alias or name


def fields_of(model: type[BaseModel]) -> Mapping[str, FieldInfo]:
    """Return a model's fields by their keys in the file."""
    return {key_of(name, info): info for name, info in model.model_fields.items()}


def models_at(model: type[BaseModel], path: Iterable[str | int]) -> tuple[type[BaseModel], ...]:
    """Return the models that may stand at a path inside a model; several where alternatives are allowed."""
    return tuple(dict.fromkeys(_models_in(_annotations_at(model, path))))


def expands_at(model: type[BaseModel], path: Iterable[str | int]) -> bool:
    """Say whether `${NAME}` is expanded in the text at a path."""
    return any(_expands(annotation) for annotation in _annotations_at(model, path))


def is_free_at(model: type[BaseModel], path: Iterable[str | int]) -> bool:
    """Say whether the user chooses the keys at a path (a mapping of renames), so that any word is one."""
    return any(_is_free(annotation) for annotation in _annotations_at(model, path))


def _annotations_at(model: type[BaseModel], path: Iterable[str | int]) -> list[Any]:
    annotations: list[Any] = [model]
    for part in path:
        annotations = [inner for annotation in annotations for inner in _step(annotation, part)]
    return annotations


def _step(annotation: Any, part: str | int) -> Iterator[Any]:
    """Yield what an annotation expects under a key or an index."""
    if isinstance(annotation, FieldInfo):
        yield from _step(annotation.annotation, part)
        return
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if isinstance(part, str) and (info := fields_of(annotation).get(part)):
            yield info
        return
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        yield from _step(arguments[0], part)
    elif origin in {Union, types.UnionType}:
        for argument in arguments:
            yield from _step(argument, part)
    elif origin in {tuple, list} and isinstance(part, int):
        yield from (argument for argument in arguments if argument is not Ellipsis)
    elif origin in {dict, Mapping} and isinstance(part, str):
        yield arguments[1]


def _models_in(annotations: Iterable[Any]) -> Iterator[type[BaseModel]]:
    for annotation in annotations:
        if isinstance(annotation, FieldInfo):
            yield from _models_in([annotation.annotation])
        elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield annotation
        elif get_origin(annotation) in {Annotated, Union, types.UnionType}:
            yield from _models_in(get_args(annotation))


def _expands(annotation: Any) -> bool:
    if isinstance(annotation, FieldInfo):
        extra = annotation.json_schema_extra
        return (isinstance(extra, dict) and bool(extra.get("expands"))) or _expands(annotation.annotation)
    if get_origin(annotation) is Annotated:
        return any(_expands(part) for part in get_args(annotation))
    return get_origin(annotation) in {Union, types.UnionType} and any(_expands(part) for part in get_args(annotation))


def _is_free(annotation: Any) -> bool:
    if isinstance(annotation, FieldInfo):
        return _is_free(annotation.annotation)
    if get_origin(annotation) in {Annotated, Union, types.UnionType}:
        return any(_is_free(part) for part in get_args(annotation))
    return get_origin(annotation) in {dict, Mapping}


def choices_at(model: type[BaseModel], path: Iterable[str | int]) -> tuple[str, ...]:
    """Return the words that a Literal at a path accepts, () when it is none."""
    return tuple(dict.fromkeys(word for annotation in _annotations_at(model, path) for word in _choices(annotation)))


def _choices(annotation: Any) -> Iterator[str]:
    if isinstance(annotation, FieldInfo):
        yield from _choices(annotation.annotation)
    elif get_origin(annotation) is Literal:
        yield from (str(value) for value in typing.get_args(annotation))
    elif get_origin(annotation) in {Annotated, Union, types.UnionType}:
        for part in get_args(annotation):
            yield from _choices(part)
