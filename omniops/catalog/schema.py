"""The JSON Schema of a runbook, generated from the models, for editors; `runbooks/schema.json` is its copy."""

from __future__ import annotations

import json
from typing import Any


def schema() -> dict[str, Any]:
    """Return the schema (draft 2020-12). A key that is optional may be left out, never null: YAML is read so."""
    from omniops.actions.specs import SPECS
    from omniops.catalog.models import Runbook

    made = Runbook.model_json_schema(by_alias=True)
    made["$defs"]["ActionStep"]["properties"]["action"]["enum"] = sorted(SPECS)
    plain = {"$schema": "https://json-schema.org/draft/2020-12/schema", **made, "title": "omniops runbook, format 1"}
    result: dict[str, Any] = _without_null(plain)
    return result


def schema_text() -> str:
    """Return the schema as it is written to `runbooks/schema.json`."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def _without_null(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_null(item) for item in value if item != {"type": "null"}]
    if not isinstance(value, dict):
        return value
    kept = {key: _without_null(item) for key, item in value.items() if not (key == "default" and item is None)}
    alternatives = kept.get("anyOf")
    if isinstance(alternatives, list) and len(alternatives) == 1:
        del kept["anyOf"]
        kept = {**alternatives[0], **kept}
    return kept
