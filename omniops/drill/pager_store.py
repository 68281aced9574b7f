"""What the simulated PagerDuty knows: people, incidents, alerts, notes, and every write that was carried out.

All of it is in ``world.data["pager"]``, so it survives a kill. Both of its APIs change it through `Store`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from omniops.clock import iso, parse_iso
from omniops.drill import alarm
from omniops.drill.scenarios import Scenario
from omniops.drill.world import World

PRIMARY, SECONDARY, OTHER = "PUSER01", "PUSER02", "PUSER03"
POLICY, SERVICE, SECONDARY_SERVICE = "PESC001", "PSVC001", "PSVC002"
FROM = "alice@example.test"
TOKEN = "u+drill-alice-0123456789"  # user-level: it is Alice
ACCOUNT_TOKEN = "drill-account-0123456789"  # account-level: nobody, so every write needs From
READONLY_TOKEN = "drill-readonly-0123456789"
ROUTING_KEY, ROUTING_KEY_SECONDARY = "d1" * 16, "d2" * 16
UNACK_AFTER = timedelta(minutes=30)
ESCALATE_AFTER = timedelta(minutes=30)


def group_key(scenario: Scenario) -> str:
    """Alertmanager's name of the group that the alert is in."""
    return f'{{}}/{{severity="critical"}}:{{alertname="{scenario.alert}", service="omniroute"}}'


def first_key(scenario: Scenario) -> str:
    """The key of the page that a drill begins with: the hash of that."""
    return hashlib.sha256(group_key(scenario).encode()).hexdigest()


class Refusal(Exception):
    """A request is not carried out: PagerDuty's own code, and the status that it comes with."""

    def __init__(self, code: int, status: int, message: str, *errors: str) -> None:
        super().__init__(message)
        self.code, self.status, self.message, self.errors = code, status, message, list(errors)


class Store:
    """The state of one PagerDuty account."""

    def __init__(self, world: World) -> None:
        self.world = world
        if "pager" not in world.data:
            world.data["pager"] = _account()
            if world.scenario.paged:
                self.first_page()
        self.data: dict[str, Any] = world.data["pager"]

    def first_page(self) -> dict[str, Any]:
        """The page that a drill begins with, as an Alertmanager would have caused it."""
        self.data = self.world.data["pager"]
        scenario = self.world.scenario
        details = _custom_details(alarm.labels_of(scenario), alarm.annotations_of(scenario))
        return self.trigger(first_key(scenario), scenario.alert, details)

    # -- reading ------------------------------------------------------------------------------------------------------

    def user(self, id: str) -> dict[str, Any]:
        """A user. Raises Refusal 2100."""
        for user in self.data["users"]:
            if user["id"] == id:
                return dict(user)
        raise not_found()

    def incident(self, wanted: str) -> dict[str, Any]:
        """An incident by its id or its number, as it is now. Raises Refusal 2100."""
        self.tick()
        for one in self.data["incidents"]:
            if wanted in (one["id"], str(one["incident_number"])):
                found: dict[str, Any] = one
                return found
        raise not_found()

    def incidents(self) -> list[dict[str, Any]]:
        """Every incident, oldest first, as it is now."""
        self.tick()
        return list(self.data["incidents"])

    def keys_of(self, id: str) -> list[str]:
        """The keys of an incident's alerts."""
        return [alert["alert_key"] for alert in self.data["alerts"].get(id, [])]

    def on_call(self, level: int) -> list[str]:
        """Ids of the users on call at a level of the policy. Raises Refusal 1006 where it has no such level."""
        if str(level) not in self.data["levels"]:
            raise Refusal(1006, 400, "Incident Cannot Be Escalated")
        return list(self.data["levels"][str(level)])

    # -- time ---------------------------------------------------------------------------------------------------------

    def tick(self) -> None:
        """Carry out what is due: an acknowledgement that has run out, an escalation that nobody stopped; and the first
        page resolves when its alert has ended, as Alertmanager would have it."""
        now = self.world.now()
        scenario = self.world.scenario
        ended = alarm.ended_at(self.world) if scenario.paged else None
        first = first_key(scenario)
        for one in self.data["incidents"]:
            if ended is not None and one["incident_key"] == first and one["status"] != "resolved":
                self._status(one, "resolved", None, ended)
                one["pending_actions"] = []
            for action in list(one["pending_actions"]):
                due = parse_iso(action["at"])
                if due > now:
                    continue
                if action["type"] == "unacknowledge":
                    self._status(one, "triggered", None, due)
                    one["acknowledgements"] = []
                    one["pending_actions"] = [_pending("escalate", due + ESCALATE_AFTER)]
                else:
                    level = one["x_level"] + 1
                    one["pending_actions"] = []
                    if self.data["levels"].get(str(level)):
                        self._assign(one, level, due)

    # -- changes ------------------------------------------------------------------------------------------------------

    def trigger(self, key: str, title: str, details: Any, service: str = SERVICE) -> dict[str, Any]:
        """A new alert. One with the key of an open incident joins that."""
        for one in self.incidents():
            if one["status"] != "resolved" and key in self.keys_of(one["id"]) and one["service"]["id"] == service:
                self.data["alerts"][one["id"]].append(self._alert(one["id"], key, title, details))
                self.wrote("again", one["id"], None)
                return one
        now, number = self.world.now(), self.data["next"]
        self.data["next"] += 1
        id = f"Q3OMNI{number - 480:02d}"
        one = {
            "id": id,
            "type": "incident",
            "incident_number": number,
            "title": title,
            "summary": f"[#{number}] {title}",
            "html_url": f"https://drill.pagerduty.test/incidents/{id}",
            "status": "triggered",
            "urgency": "high",
            "created_at": _stamp(now),
            "updated_at": _stamp(now),
            "incident_key": key,
            "service": _reference("service", service, self.data["services"][service]),
            "escalation_policy": _reference("escalation_policy", POLICY, "OmniRoute"),
            "assignments": [],
            "acknowledgements": [],
            "pending_actions": [],
            "last_status_change_at": _stamp(now),
            "last_status_change_by": _reference("service", service, self.data["services"][service]),
            "priority": None,
            "teams": [],
            "x_level": 1,
        }
        self._assign(one, 2 if service == SECONDARY_SERVICE else 1, now)
        self.data["incidents"].append(one)
        self.data["alerts"][id] = [self._alert(id, key, title, details)]
        self.wrote("trigger", id, None)
        return one

    def acknowledge(self, one: dict[str, Any], by: str) -> None:
        """Acknowledge. A resolved one is opened again and assigned to whoever acknowledged, as the real one does it.

        Raises Refusal 1002 where it is acknowledged by the same user already.
        """
        if one["status"] == "acknowledged" and by in [each["acknowledger"]["id"] for each in one["acknowledgements"]]:
            raise Refusal(1002, 400, "Incident Already Acknowledged")
        now = self.world.now()
        if one["status"] == "resolved":
            self.wrote("reopen", one["id"], by)
            one["assignments"] = [{"at": _stamp(now), "assignee": self._person(by)}]
        self.wrote("acknowledge", one["id"], by)
        self._status(one, "acknowledged", by, now)
        one["acknowledgements"].append({"at": _stamp(now), "acknowledger": self._person(by)})
        one["pending_actions"] = [_pending("unacknowledge", now + UNACK_AFTER)]

    def resolve(self, one: dict[str, Any], by: str | None) -> None:
        """Resolve. Raises Refusal 1001 where it is resolved already."""
        if one["status"] == "resolved":
            raise Refusal(1001, 400, "Incident Already Resolved")
        self.wrote("resolve", one["id"], by)
        self._status(one, "resolved", by, self.world.now())
        one["pending_actions"], one["acknowledgements"], one["assignments"] = [], [], []
        for alert in self.data["alerts"].get(one["id"], []):
            alert["status"] = "resolved"

    def escalate(self, one: dict[str, Any], level: int, by: str) -> None:
        """Hand it to a level of its policy. Raises Refusal 1006 (no such level) or 1015 (nobody is on call there)."""
        if not self.on_call(level):
            raise Refusal(1015, 400, "Cannot Escalate: No One On Call")
        self.wrote("escalate", one["id"], by)
        self._status(one, "triggered", by, self.world.now())
        one["acknowledgements"] = []
        self._assign(one, level, self.world.now())

    def wrote(self, what: str, target: str, by: str | None) -> None:
        """Count a write that was carried out; the caller saves the world."""
        self.data["writes"].append({"at": iso(self.world.now()), "what": what, "target": target, "by": by})

    def _assign(self, one: dict[str, Any], level: int, at: datetime) -> None:
        people = self.on_call(level)
        one["assignments"] = [{"at": _stamp(at), "assignee": self._person(id)} for id in people]
        one["x_level"] = level
        one["pending_actions"] = [_pending("escalate", at + ESCALATE_AFTER)]

    def _status(self, one: dict[str, Any], status: str, by: str | None, at: datetime) -> None:
        one["status"], one["updated_at"], one["last_status_change_at"] = status, _stamp(at), _stamp(at)
        one["last_status_change_by"] = self._person(by) if by else one["service"]

    def _person(self, id: str) -> dict[str, Any]:
        return _reference("user", id, self.user(id)["name"])

    def _alert(self, incident: str, key: str, title: str, details: Any) -> dict[str, Any]:
        count = sum(len(alerts) for alerts in self.data["alerts"].values())
        return {
            "id": f"PALERT{count + 1:02d}",
            "type": "alert",
            "status": "triggered",
            "severity": "critical",
            "alert_key": key,
            "summary": title,
            "created_at": _stamp(self.world.now()),
            "suppressed": False,
            "incident": _reference("incident", incident, title),
            "body": {"type": "alert_body", "contexts": [], "details": details},
        }


def not_found() -> Refusal:
    return Refusal(2100, 404, "Not Found")


def _account() -> dict[str, Any]:
    people = (
        (PRIMARY, "Alice Primary", FROM),
        (SECONDARY, "Bob Secondary", "bob@example.test"),
        (OTHER, "Carol Else", "carol@example.test"),
    )
    return {
        "users": [
            {"id": id, "type": "user", "name": name, "summary": name, "email": mail} for id, name, mail in people
        ],
        "levels": {"1": [PRIMARY], "2": [SECONDARY]},
        "services": {SERVICE: "OmniRoute", SECONDARY_SERVICE: "OmniRoute secondary"},
        "tokens": {
            TOKEN: {"user": PRIMARY, "write": True},
            ACCOUNT_TOKEN: {"user": None, "write": True},
            READONLY_TOKEN: {"user": None, "write": False},
        },
        "routing_keys": {ROUTING_KEY: SERVICE, ROUTING_KEY_SECONDARY: SECONDARY_SERVICE},
        "coordinated_responding": True,
        "incidents": [],
        "alerts": {},
        "notes": {},
        "responder_requests": [],
        "events": [],
        "writes": [],
        "next": 481,
    }


def _custom_details(labels: Mapping[str, str], annotations: Mapping[str, str]) -> dict[str, str]:
    """What Alertmanager puts into an event: its alerts as text."""
    lines = ["Labels:", *(f" - {name} = {labels[name]}" for name in sorted(labels))]
    lines += ["Annotations:", *(f" - {name} = {annotations[name]}" for name in sorted(annotations))]
    text = "\n".join([*lines, "Source: http://prometheus.example.test/graph", ""])
    return {"firing": text, "resolved": "", "num_firing": "1", "num_resolved": "0"}


def _reference(kind: str, id: str, summary: str) -> dict[str, Any]:
    return {"id": id, "type": f"{kind}_reference", "summary": summary}


def _pending(kind: str, at: datetime) -> dict[str, str]:
    return {"type": kind, "at": _stamp(at)}


def _stamp(moment: datetime) -> str:
    """As PagerDuty writes it: whole seconds."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
