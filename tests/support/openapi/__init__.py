"""Requests held against a description of the service, in tests: ``checker("pagerduty").check("GET", path, headers)``.

The descriptions beside this file are in the project's own words and hold only the operations that omniops uses, so
a request for any other one fails, as does a query parameter or a field that is not described.
``x-headers`` at the top of a description: header name -> pattern, for what OpenAPI says is no parameter
(Authorization, Accept); an operation may have one of its own, which is added.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import yaml
from openapi_core import OpenAPI
from openapi_core.datatypes import RequestParameters
from openapi_core.exceptions import OpenAPIError
from werkzeug.datastructures import Headers, ImmutableMultiDict

FOLDER = Path(__file__).parent
HOST = "http://service"


class Request:
    """A request in the form that the validator reads."""

    def __init__(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> None:
        parts = urlsplit(path)
        self.host_url, self.path, self.method, self.body = HOST, parts.path, method.lower(), body or None
        self.names = [name for name, _ in parse_qsl(parts.query, keep_blank_values=True)]
        self.content_type = headers.get("content-type", "").partition(";")[0]
        self.parameters = RequestParameters(
            query=ImmutableMultiDict(parse_qsl(parts.query, keep_blank_values=True)),
            header=Headers(list(headers.items())),
        )


class Checker:
    """One description. ``seen`` counts the operations that were checked, by their id."""

    def __init__(self, name: str) -> None:
        self.description: dict[str, Any] = yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
        self._api = OpenAPI.from_dict(self.description)
        self.seen: dict[str, int] = {}

    def problems(self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> list[str]:
        """What is wrong with a request, in the validator's words; header names in any case, ``path`` with its query."""
        given = {name.lower(): value for name, value in headers.items()}
        request = Request(method, path, given, body)
        try:
            errors = list(self._api.iter_request_errors(request))
        except OpenAPIError as error:
            errors = [error]
        found = [_words(error) for error in errors]
        template, operation = self._operation(method, request.path)
        if not operation:
            return found or [f"{method} {request.path} is not described"]
        self.seen[operation["operationId"]] = self.seen.get(operation["operationId"], 0) + 1
        known = {one["name"] for one in self._parameters(template, operation) if one["in"] == "query"}
        found += [f"the query parameter {name} is not described" for name in request.names if name not in known]
        for name, pattern in {**self.description.get("x-headers", {}), **operation.get("x-headers", {})}.items():
            if not re.fullmatch(pattern, given.get(name, "")):
                found.append(f"the header {name} is not as described")
        if "requestBody" not in operation and body:
            found.append("a body is sent, and none is described")
        return found

    def check(self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> None:
        """Raises AssertionError saying what is wrong."""
        found = self.problems(method, path, headers, body)
        assert not found, f"{method} {path}: {'; '.join(found)} ({body[:500]!r})"

    def _operation(self, method: str, path: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """The described path and operation; a path without open parts wins over one with them."""
        for template in sorted(self.description["paths"], key=lambda text: text.count("{")):
            if re.fullmatch(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(template)), path):
                item = self.description["paths"][template]
                if method.lower() in item:
                    return item, item[method.lower()]
        return {}, {}

    def _parameters(self, item: dict[str, Any], operation: dict[str, Any]) -> list[dict[str, Any]]:
        listed = [*item.get("parameters", []), *operation.get("parameters", [])]
        return [self._resolved(one) for one in listed]

    def _resolved(self, node: dict[str, Any]) -> dict[str, Any]:
        found: Any = node
        if "$ref" in node:
            found = self.description
            for part in node["$ref"].removeprefix("#/").split("/"):
                found = found[part]
        return dict(found)


@cache
def checker(name: str) -> Checker:
    """The checker of ``NAME.yaml`` beside this file, made once: reading and checking a description takes a moment."""
    return Checker(name)


def _words(error: Exception) -> str:
    """An error with what lies below it: the validator says only "invalid" at the top."""
    below = getattr(error, "__cause__", None)
    details = getattr(below, "schema_errors", None) or getattr(error, "schema_errors", None)
    if details:
        return f"{error}: " + ", ".join(f"{'/'.join(map(str, one.path))} {one.message}" for one in details)
    return f"{error}" + (f" ({below})" if below else "")
