"""Maps beside the JSON Schema of their file."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any

import yaml
from jsonschema import Draft7Validator

from sensormap.maps.mapfile.schema import map_schema


@cache
def validator() -> Draft7Validator:
    return Draft7Validator(map_schema())


def problems(text: str) -> list[str]:
    """Return what the schema refuses in the text of a map."""
    document = as_json(yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
    return [f"{error.json_path}: {error.message}" for error in validator().iter_errors(document)]


def as_json(value: Any) -> Any:
    """Return what YAML told as an editor sees it, to which times are text."""
    if isinstance(value, dict):
        return {key: as_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_json(item) for item in value]
    if isinstance(value, bytes):  # of a file name that is no text; PyYAML's fast reader has no other way to say so
        return value.decode("utf-8", "surrogatepass")
    return value.isoformat() if isinstance(value, datetime) else value
