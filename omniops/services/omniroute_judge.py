"""What the answer to a write proves: it was applied, it was not, or nobody can tell. Pure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from omniops.clock import iso, parse_iso
from omniops.services import omniroute_parse as parse
from omniops.services.http import Reply, said


def judge(reply: Reply, contradiction: Callable[[Any], str], now: datetime) -> tuple[str, str, Any]:
    """(status, detail, body). ``contradiction`` says where a body tells of another state than was asked for, else "".

    applied: 2xx whose body agrees. not_applied: 3xx and 4xx. in_doubt: 5xx, 408 (it comes from whoever stands between,
    who cannot know how far the request went), and a 2xx that makes no sense or disagrees.
    """
    code = reply.code
    if 300 <= code < 400:
        where = said(reply.headers.get("location", "nowhere"))
        return "not_applied", f"{code}: it redirects to {where}; nothing is written through a redirect", None
    if 200 <= code < 300:
        return _judge_success(reply, contradiction)
    words = [parse.error_text(reply.body), parse.retry_words(reply.headers.get("retry-after", ""), now)]
    detail = "; ".join(part for part in words if part)
    status = "not_applied" if 400 <= code < 500 and code != 408 else "in_doubt"
    return status, f"{code}: {detail}" if detail else str(code), None


def _judge_success(reply: Reply, contradiction: Callable[[Any], str]) -> tuple[str, str, Any]:
    if reply.broken:
        return "in_doubt", f"{reply.code}, but {reply.broken}", None
    try:
        body = parse.json_of(reply.body)
        wrong = contradiction(body) if isinstance(body, dict) else "the answer is not an object"
    except parse.Nonsense as error:
        return "in_doubt", f"{reply.code}, but the answer makes no sense: {error}", None
    return ("in_doubt", f"{reply.code}, but {wrong}", body) if wrong else ("applied", str(reply.code), body)


def updated_at(body: Any) -> str:
    """The moment (ISO) at which the server says that it wrote, "" where it says none that makes sense."""
    if not isinstance(body, dict):
        return ""
    inner = next((body[key] for key in ("connection", "combo") if isinstance(body.get(key), dict)), body)
    try:
        return iso(parse_iso(str(inner.get("updatedAt"))))
    except ValueError:
        return ""
