"""Finds a recipe by name or file and checks every key of it."""

from __future__ import annotations

import difflib
from dataclasses import fields, is_dataclass
from pathlib import Path
from textwrap import shorten
from typing import Any, get_args, get_type_hints

import yaml
from pydantic import TypeAdapter, ValidationError

from lmms_cpllm.errors import ArgumentError
from lmms_cpllm.training.full.recipe import Recipe

FOLDER = Path(__file__).parents[1] / "recipes"


def names() -> list[str]:
    """The recipes that come with the package."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def find(name: str) -> Path:
    """The file of a recipe. Raises ArgumentError that lists the names."""
    shipped, own = FOLDER / f"{name}.yaml", Path(name)
    if name in names():
        return shipped
    if not own.is_file():
        raise ArgumentError(
            f"recipe {name!r}: expected one of tiny, {', '.join(names())} or a YAML file, found neither; "
            "write your own after the model of one in lmms_cpllm/training/recipes/"
        )
    return own


def read(path: Path) -> Recipe:
    """A recipe.

    Raises:
        ArgumentError: the file is no YAML, or one of its keys is unknown, missing or has a wrong value; all are named.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ArgumentError(f"{path}: cannot be read as YAML: {error}") from error
    if not isinstance(content, dict):
        raise ArgumentError(f"{path}: expected keys such as model and stages, found {type(content).__name__}")
    try:
        recipe = TypeAdapter(Recipe).validate_python(content)
    except ValidationError as error:
        faults = error.errors()
        # A list whose items are all wrong counts as empty too.
        faults = [fault for fault in faults if fault["type"] != "too_short"] or faults
        raise ArgumentError("\n".join(f"{path}: {_sentence(fault)}" for fault in faults)) from error
    _check(path, recipe)
    return recipe


def _check(path: Path, recipe: Recipe) -> None:
    """What one key alone cannot tell."""
    seen = set()
    for number, stage in enumerate(recipe.stages):
        where = f"{path}: stages[{number}]"
        if stage.name in seen:
            raise ArgumentError(f"{where}.name: expected a name of its own, found {stage.name!r} again")
        seen.add(stage.name)
        if not stage.rates and stage.lora is None:
            raise ArgumentError(f"{where}: nothing learns; expected a part in rates, or lora, found neither")
        if stage.lora and "decoder" in stage.rates:
            raise ArgumentError(f"{where}: expected either lora or rates.decoder, found both; leave one out")
        if not sum(source.weight for source in stage.data):
            raise ArgumentError(f"{where}.data: expected a weight above 0, found none")
        for place, source in enumerate(stage.data):
            if source.kind == "scores" and bool(source.release) == bool(source.list):
                found = "both" if source.release else "neither"
                raise ArgumentError(f"{where}.data[{place}]: expected either release or list, found {found}")
    for name in ("context", "pixel", "text"):
        part = getattr(recipe.model, name)
        if part.config is not None and "model_type" not in part.config:
            raise ArgumentError(f"{path}: model.{name}.config: expected the key model_type, found {list(part.config)}")
        if part.config is None and not Path(part.source).is_dir():
            raise ArgumentError(
                f"{path}: model.{name}: expected a folder as source, or the key config beside it, found "
                f"source: {part.source} alone; copy its config.json into config"
            )


def _sentence(fault: dict[str, Any]) -> str:
    """Key, expected and found of one error of pydantic."""
    place, allowed = _walk(fault["loc"])
    kind = fault["type"]
    if kind == "unexpected_keyword_argument":
        near = difflib.get_close_matches(str(fault["loc"][-1]), allowed, 1)
        return f"{place}: unknown key; allowed: {', '.join(allowed)}" + (f" (meant {near[0]}?)" if near else "")
    if kind in ("missing", "missing_argument"):
        return f"{place}: expected this key, found none"
    if kind == "union_tag_invalid":
        return f"{place}.kind: expected {fault['ctx']['expected_tags']}, found {fault['ctx']['tag']!r}"
    message = fault["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
    message = message[0].lower() + message[1:]
    return f"{place}: expected {message}, found {shorten(repr(fault['input']), 80)}"


def _walk(loc: tuple[int | str, ...]) -> tuple[str, list[str]]:
    """A place as `stages[0].data[1].file`, and the keys that are allowed beside its last part."""
    place, current, allowed = "", Recipe, [field.name for field in fields(Recipe)]
    for number, part in enumerate(loc):
        if isinstance(part, int):
            place += f"[{part}]"
            continue
        tagged = [one for one in _classes(current) if one.__name__.lower() == part]
        if len(_classes(current)) > 1 and tagged and number < len(loc) - 1:
            current = tagged[0]  # the discriminator of a union, which is no key of the file
            continue
        place += f".{part}" if place else str(part)
        if part == "[key]":
            continue
        [owner] = _classes(current)[:1] or [None]
        if owner is None:
            continue
        allowed = [field.name for field in fields(owner)]
        current = get_type_hints(owner).get(part)
    return place.replace(".[key]", ""), allowed


def _classes(kind: Any) -> list[type]:
    """The dataclasses in a type hint, at any depth."""
    if isinstance(kind, type) and is_dataclass(kind):
        return [kind]
    return [found for inner in get_args(kind) for found in _classes(inner)]
