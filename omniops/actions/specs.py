"""The actions a runbook may name, as data: what each needs, gives back, and whether it can be undone.

Pure: lint, the JSON Schema and the engine read this table without importing a single client.
"""

from __future__ import annotations

from omniops.value import Value


class ActionSpec(Value):
    """One action. ``undo`` says how it is undone; where it cannot be, it is empty and ``why_no_undo`` says why."""

    effect: str  # "read", "own" (only omniops' own journal is written), "write" or "destructive"
    does: str
    inputs: dict[str, str]
    outputs: dict[str, str]
    optional: tuple[str, ...] = ()
    undo: str = ""
    why_no_undo: str = ""
    timeout_s: float = 30.0
    script: str = ""
    repair: bool = False  # mends what was broken: putting it back is a decision, not tidying up
    reverses: str = ""  # the action whose change this one puts back
    resend: bool = False  # whoever gets it takes a repeat of one intent only once, so that it can be sent again
    whole: bool = False  # changes the whole server, and not one thing in it
    tells: str = ""  # the kind of event that the incident's stream gets with its success
    readback: bool = False  # observing again proves it; else the action proved it while it applied it
    alone: bool = False  # asks nothing of OmniRoute: it works where nobody knows its address
    stands: str = ""  # how its target stands while the change is in force: "DISABLED"; "" where nothing lasts

    @property
    def writes(self) -> bool:
        """It changes something outside omniops."""
        return self.effect in ("write", "destructive")


_BACKUP_UNDO_REASON = "it only adds a copy; nothing is changed that would have to be put back"

SPECS: dict[str, ActionSpec] = {
    "connection.disable": ActionSpec(
        "write",
        "Disable one provider connection (PUT /api/providers/{id} with isActive false).",
        # stops: models that stop with it, on purpose (4.1.3); they are listed, and the confirmation is typed.
        {"connection": "connection", "stops": "list"},
        {"changed_at": "time"},
        optional=("stops",),
        undo="tests the connection, then enables it again",
        readback=True,
        stands="DISABLED",
    ),
    "combo.withdraw": ActionSpec(
        "write",
        "Take models out of a combo (PUT /api/combos/{id} with the remaining models).",
        {"combo": "text", "models": "list"},
        {"changed_at": "time"},
        undo="puts the combo's models back as they were",
        readback=True,
        stands="CHANGED, and carries less",
    ),
    "model.carriers": ActionSpec(
        "read",
        "Say what still serves the models behind these connections.",
        {"connections": "list"},
        {
            "serving": "number",
            "models": "list",
            "models_text": "text",
            "combos": "list",
            "connections": "list",
            "other_models": "list",
            "other_models_text": "text",
        },
    ),
    "omniroute.version": ActionSpec(
        "read",
        "Read the running version.",
        {},
        {"version": "text", "source": "text", "uptime_s": "number"},
    ),
    "latency.compare": ActionSpec(
        "read",
        "Compare p95 with the 7-day baseline, where there is one.",
        {},
        {"available": "flag", "ratio": "number", "p95_s": "number", "p95_text": "text", "why": "text"},
    ),
    "latency.by_provider": ActionSpec(
        "read",
        "p95 and errors per provider over the last minutes, slowest first.",
        {},
        {"slowest": "text", "summary": "text", "providers": "list"},
    ),
    "authz.inventory": ActionSpec(
        "read",
        "Read the authz inventory and count the API keys.",
        {},
        {
            "verdict": "text",  # policies_empty, failing, malformed, absent, healthy
            "keys": "number",
            "summary": "text",
            "cryptography": "text",
        },
    ),
    "keys.count": ActionSpec("read", "Count the API keys (GET /api/keys).", {}, {"total": "number"}),
    "db.health": ActionSpec("read", "Ask the server for its database's health.", {}, {"healthy": "flag"}),
    "backups.list": ActionSpec(
        "read",
        "List snapshots older than the incident that pass PRAGMA integrity_check, newest first.",
        {"purpose": "text"},
        {"candidates": "list", "rejected": "list"},
        timeout_s=120,
    ),
    "replicas.health": ActionSpec(
        "read",
        "Ask each replica for its health and its database.",
        {},
        {
            "known": "flag",
            "healthy": "number",
            "bad": "list",
            "bad_text": "text",
            "balancer": "text",
            "replicas": "list",
        },
    ),
    "balancer.proof": ActionSpec(
        "read",
        "Ask through the load balancer, many times, which replicas still answer.",
        {"bad": "list"},
        {"dropped": "flag", "seen": "list"},
    ),
    "rollback.preflight": ActionSpec(
        "read",
        "Settle host, deploy method and versions before a rollback.",
        {"version": "version"},
        {"method": "text", "host": "text", "running": "text"},
    ),
    "script.snapshot": ActionSpec(
        "write",
        "Run bin/snapshot-data.sh.",
        {"label": "text"},
        {"path": "text"},
        why_no_undo=_BACKUP_UNDO_REASON,
        timeout_s=300,
        script="snapshot-data.sh",
    ),
    "data.copy": ActionSpec(
        "write",
        "Copy storage.sqlite, -wal and -shm byte for byte, with checksums.",
        {"label": "text"},
        {"path": "text"},
        why_no_undo=_BACKUP_UNDO_REASON,
        timeout_s=300,
    ),
    "script.rollback": ActionSpec(
        "destructive",
        "Run bin/rollback.sh with an explicit version and method.",
        {"version": "version", "method": "text"},
        {"restarted": "flag"},
        undo="runs rollback.sh again, to the version that ran before",
        timeout_s=600,
        script="rollback.sh",
        repair=True,
        whole=True,
        stands="ROLLED BACK",
    ),
    "script.restore_policies": ActionSpec(
        "destructive",
        "Run bin/restore-policies.sh on a verified snapshot.",
        {"source": "backup"},
        {"keys": "number"},
        undo="restores the api_key tables from the copy that the script made just before",
        timeout_s=120,
        script="restore-policies.sh",
        repair=True,
        whole=True,
        stands="RESTORED",
    ),
    "script.restore_data": ActionSpec(
        "destructive",
        "Run bin/restore-data.sh on a verified snapshot, the server being down.",
        {"source": "backup"},
        {"saved": "text"},
        undo="restores the data from the copy that the script made just before (the server must be down)",
        timeout_s=300,
        script="restore-data.sh",
        repair=True,
        whole=True,
        stands="RESTORED",
    ),
    "cluster.stop": ActionSpec(
        "destructive",
        "docker compose stop.",
        {},
        {"changed_at": "time"},
        undo="docker compose start",
        timeout_s=120,
        script="docker",
        readback=True,
        whole=True,
        stands="STOPPED",
    ),
    "cluster.start": ActionSpec(
        "write",
        "docker compose start.",
        {},
        {"changed_at": "time"},
        why_no_undo="the cluster was stopped by this runbook; running is its normal state",
        reverses="cluster.stop",
        timeout_s=120,
        script="docker",
        readback=True,
        whole=True,
    ),
    "service.restart": ActionSpec(
        "destructive",
        "Restart the OmniRoute service.",
        {},
        {"changed_at": "time"},
        why_no_undo="a restart cannot be taken back",
        timeout_s=180,
        script="docker",
        whole=True,
    ),
    "page.send": ActionSpec(
        "write",
        "Page a role (security, data) through PagerDuty's Events API, or by hand.",
        {"role": "text", "summary": "text"},
        {"how": "text"},
        why_no_undo="a page that was sent has been read",
        resend=True,
        alone=True,
    ),
    "incident.declare": ActionSpec(
        "own",
        "Record the incident's severity.",
        {"severity": "text"},
        {"severity": "text"},
        alone=True,
    ),
    "incident.freeze": ActionSpec(
        "own",
        "Freeze the incident: its clocks stop, nothing of it is sent anywhere any more.",
        {},
        {},
        alone=True,
    ),
    "page.state": ActionSpec(
        "read",
        "Say which page this is, whether it is acknowledged, and by whom.",
        {},
        {"alert": "text", "at": "text", "by": "text", "summary": "text"},
    ),
    "page.firing": ActionSpec(
        "read",
        "Ask PagerDuty and Alertmanager whether the page still fires.",
        {},
        {"firing": "flag", "summary": "text"},
    ),
    "page.escalate": ActionSpec(
        "write",
        "Call the secondary in: a responder request, else the next escalation level, else by hand.",
        {},
        {"how": "text"},
        why_no_undo="somebody who was called has been called",
        tells="page.escalated",
    ),
    "links.open": ActionSpec(
        "read",
        "Show the links of the SLO dashboard, the page and its runbook, and open them where there is a browser.",
        {},
        {"summary": "text", "dashboard": "text"},
    ),
    "severity.measure": ActionSpec(
        "read",
        "Judge the severity from live figures (section 1).",
        {},
        {
            "key": "text",
            "severity": "text",
            "question": "text",
            "reason": "text",
            "runbook": "text",
            "error_ratio": "number",
            "p95_s": "number",
        },
        timeout_s=60,
    ),
    "evidence.capture": ActionSpec(
        "read",
        "Capture the alert, the running version and its SHA, the slowest and the most failing endpoints.",
        {},
        {"text": "text", "version": "text", "sha": "text"},
        timeout_s=60,
    ),
    "deploys.green": ActionSpec(
        "read",
        "Find the version that was proved well last, other than the one that runs.",
        {},
        {"green": "text", "green_text": "text"},
        timeout_s=60,
    ),
    "choices.weigh": ActionSpec(
        "read",
        "Say what speaks for rolling back, failing over, or disabling a connection.",
        {},
        {
            "key": "text",
            "question": "text",
            "green": "text",
            "green_text": "text",
            "worst": "text",
            "worst_text": "text",
        },
        timeout_s=60,
    ),
}
