"""The format of a runbook, as pydantic models; the JSON Schema is generated from them."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    model_validator,
)

from omniops.engine.graph import ENDS
from omniops.text import one_line, seconds

KINDS = ("manual", "ask", "choose", "action", "verify", "wait", "post", "runbook", "stop")
RESERVED = (*ENDS, "ask", "return", "run", "onset", "page")
"""Words a transition, ``since`` or ``from`` may hold beside step ids, so that no step may be called so."""
LONGEST_S = 30 * 86400
_REFERENCE = re.compile(r"\$\{[^}]*\}")


def _positive(text: str) -> str:
    value = seconds(text)
    if not 0 < value <= LONGEST_S:
        raise ValueError(f"{one_line(text, 40)!r} is out of range: a duration is above 0 and at most 30d")
    return text


def _due(text: str) -> str:
    value = seconds(text)
    if not 0 <= value <= LONGEST_S:
        raise ValueError(f"{one_line(text, 40)!r} is out of range: a due time is at least 0s and at most 30d")
    return text


def _reference(text: str) -> str:
    if not _REFERENCE.fullmatch(text):
        raise ValueError("must be one reference, such as ${inputs.connections}")
    return text


def _not_reserved(text: str) -> str:
    if text in RESERVED:
        raise ValueError(f"a step cannot be called {text!r}: the word has a meaning of its own")
    return text


Duration = Annotated[
    str, AfterValidator(_positive), Field(description="a duration with units: 90s, 5m, 1h30m", examples=["5m"])
]
Due = Annotated[
    str, AfterValidator(_due), Field(description="due so long after the page: 0s, 2m, 15m", examples=["5m"])
]
Reference = Annotated[
    str, AfterValidator(_reference), Field(description="one reference: ${inputs.x}, ${steps.id.outputs.y}")
]
Title = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\n]*\S[^\n]*$")]
Words = Annotated[str, StringConstraints(min_length=1, max_length=4000)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]
StepId = Annotated[Name, AfterValidator(_not_reserved)]
Since = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$", max_length=300)]
Key = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]*$", max_length=60)]
RunbookId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=60)]
Date = Annotated[str, StringConstraints(pattern=r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$")]
Scalar = str | int | float | bool
Given = Scalar | list[Scalar]


class Strict(BaseModel):
    """No unknown keys, no conversions."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, protected_namespaces=())


class Input(Strict):
    """Something the operator gives, or the calling runbook."""

    type: Literal["connections", "version", "backup", "text"]
    help: Words


class When(Strict):
    """One comparison: ``value`` and exactly one of is, above, below, empty."""

    value: Reference
    is_: Scalar | None = Field(default=None, alias="is")
    above: int | float | Reference | None = None
    below: int | float | Reference | None = None
    empty: bool | None = None

    @model_validator(mode="after")
    def _one_comparator(self) -> When:
        if len(self.model_fields_set - {"value"}) != 1:
            raise ValueError("needs exactly one of is, above, below, empty")
        return self

    def comparison(self) -> tuple[str, Any]:
        """Return the comparator and what it compares with."""
        for op, than in (("is", self.is_), ("above", self.above), ("below", self.below)):
            if than is not None:
                return op, than
        return "empty", self.empty


class Guard(Strict):
    """``when`` and ``go``; or ``default``, which comes last."""

    when: When | None = None
    go: Name | None = None
    default: Name | None = None

    @model_validator(mode="after")
    def _one_form(self) -> Guard:
        given = self.model_fields_set
        if given not in ({"when", "go"}, {"default"}):
            raise ValueError("needs `when` and `go`, or `default` alone")
        return self


class Choice(Strict):
    label: Title
    go: Name


class Ask(Strict):
    """A question; its answer is the step's output ``value``."""

    type: Literal["choice", "connections", "version", "backup", "text"]
    question: Words
    choices: dict[Key, Choice] | None = Field(default=None, min_length=2)
    options: Reference | None = None
    unattended: Key | None = Field(default=None, description="the choice taken when nobody can answer")
    suggest: Reference | None = Field(default=None, description="the choice that Enter takes; a reference to its key")

    @model_validator(mode="after")
    def _what_the_type_needs(self) -> Ask:
        for key, of in (("choices", "choice"), ("options", "backup")):
            if (getattr(self, key) is None) == (self.type == of):
                raise ValueError(f"`{key}` belongs to type {of}, which needs it; the type here is {self.type}")
        if self.unattended is not None and self.unattended not in (self.choices or {}):
            raise ValueError(f"`unattended` is {self.unattended!r}, which is none of the choices")
        if self.suggest is not None and self.type not in ("choice", "version", "connections"):
            raise ValueError(
                f"`suggest` belongs to types choice, version and connections; the type here is {self.type}"
            )
        return self


class Verify(Strict):
    """Live traffic back in budget: only traffic since a step counts."""

    slo: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*$")]
    since: Since = Field(description="a step id, or `run`")
    scope: Reference | None = None
    within: Duration
    every: Duration
    min_requests: int = Field(ge=1, le=1_000_000)
    passes: int = Field(ge=1, le=100)


class Post(Strict):
    """``text`` is left out for customers and upstream providers alone: their words are those of communication.yaml."""

    channel: Annotated[str, StringConstraints(min_length=1, max_length=60)]
    text: Words | None = None


class Step(Strict):
    """What every step has."""

    title: Title
    why: Words | None = None
    due: Due | None = None


class ManualStep(Step):
    manual: Words
    expires: Duration | None = None
    on_success: Name | None = None
    on_declined: Name | None = None
    on_timeout: Name | None = None


class AskStep(Step):
    ask: Ask
    expires: Duration | None = None
    on_success: Name | None = None
    on_declined: Name | None = None
    on_timeout: Name | None = None


class ChooseStep(Step):
    choose: list[Guard] = Field(min_length=1)


class ActionStep(Step):
    action: str
    with_: dict[Key, Given] = Field(default_factory=dict, alias="with")
    each: Reference | None = None
    approve: Literal["operator"] | None = None
    on_success: Name | None = None
    on_failure: Name | None = None
    on_declined: Name | None = None


class VerifyStep(Step):
    verify: Verify
    on_success: Name | None = None
    on_failure: Name | None = None
    on_inconclusive: Name | None = None


class Until(Strict):
    """Ends a wait early: a read is looked at every so often, until one of its flags is as wanted."""

    action: str
    output: Key
    is_: bool = Field(alias="is")
    every: Duration


class WaitStep(Step):
    wait: Duration
    until: Until | None = None
    from_: Literal["onset", "page"] | None = Field(
        default=None, alias="from", description="counted from here; without it, from the moment the step begins"
    )
    on_success: Name | None = None


class PostStep(Step):
    post: Post
    on_success: Name | None = None
    on_declined: Name | None = None


class RunbookStep(Step):
    runbook: RunbookId
    with_: dict[Key, Given] = Field(default_factory=dict, alias="with")
    on_success: Name | None = None
    on_failure: Name | None = None
    on_inconclusive: Name | None = None
    on_declined: Name | None = None


class StopStep(Step):
    stop: Literal["done", "not_recovered", "inconclusive", "aborted", "stopped"]


STEPS: dict[str, type[Step]] = {
    "manual": ManualStep,
    "ask": AskStep,
    "choose": ChooseStep,
    "action": ActionStep,
    "verify": VerifyStep,
    "wait": WaitStep,
    "post": PostStep,
    "runbook": RunbookStep,
    "stop": StopStep,
}


def kind_of(step: Any) -> str | None:
    """Return the kind of a step, by the one key that names it; None where there is none."""
    if isinstance(step, dict):
        return next((kind for kind in KINDS if kind in step), None)
    return next((kind for kind, model in STEPS.items() if type(step) is model), None)


AnyStep = Annotated[
    Annotated[ManualStep, Tag("manual")]
    | Annotated[AskStep, Tag("ask")]
    | Annotated[ChooseStep, Tag("choose")]
    | Annotated[ActionStep, Tag("action")]
    | Annotated[VerifyStep, Tag("verify")]
    | Annotated[WaitStep, Tag("wait")]
    | Annotated[PostStep, Tag("post")]
    | Annotated[RunbookStep, Tag("runbook")]
    | Annotated[StopStep, Tag("stop")],
    Discriminator(
        kind_of,
        custom_error_type="no_kind",
        custom_error_message=f"has no kind: one of {', '.join(KINDS)} must be there",
    ),
]


class Timer(Strict):
    """A clock: ``after`` some time ``from`` a moment, a step is done, ``unless`` another has succeeded."""

    from_: Since = Field(alias="from", description="`onset`, `page`, `run` or a step id")
    after: Duration
    unless: Since | None = None
    do: StepId


class Review(Strict):
    date: Date
    reviewer: Title
    change: Title
    planned: bool = Field(default=False, description="true: it is to be done on that day")


class Runbook(Strict):
    """A runbook: a graph of steps, short enough to read at 03:00."""

    format: Literal[1]
    id: RunbookId
    section: Annotated[str, StringConstraints(min_length=1, max_length=40)]
    title: Title
    summary: Words
    inputs: dict[Name, Input] = Field(default_factory=dict)
    start: StepId
    steps: dict[StepId, AnyStep] = Field(min_length=1)
    timers: dict[Name, Timer] = Field(default_factory=dict)
    review_log: list[Review] = Field(default_factory=list)
