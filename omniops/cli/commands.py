"""The table of commands: where each lives and what its one line of help says. Imports nothing."""

from __future__ import annotations

COMMANDS: dict[str, tuple[str, str]] = {
    "page": ("omniops.cli.page:app", "Acknowledge a page, list yours, escalate, or open one by hand."),
    "checklist": ("omniops.cli.checklist:checklist", "The first 15 minutes, timed from the page."),
    "mitigate": ("omniops.cli.mitigate:mitigate", "Walk a mitigation runbook (4.1 to 4.5, rollback, failover)."),
    "resume": ("omniops.cli.resume:resume", "Go on with a run that was paused or killed."),
    "undo": ("omniops.cli.undo:undo", "Put back what a mitigation changed."),
    "mitigations": ("omniops.cli.mitigations:app", "What is still in force, and how to undo it."),
    "classify": ("omniops.cli.classify:classify", "How bad is it? Severity, with its reasons."),
    "slo": ("omniops.cli.slo:slo", "Is each SLO in budget, and how fast does the error budget burn?"),
    "incident": ("omniops.cli.incident:app", "Open, grade, watch, note, resolve and export incidents."),
    "comms": ("omniops.cli.comms:app", "What is owed to whom, and by when; and telling them."),
    "oncall": ("omniops.cli.oncall:app", "Who has the pager; overrides, the handoff, PagerDuty's schedule."),
    "postmortem": ("omniops.cli.postmortem:app", "Draft it from the journal, check it, file it (section 7)."),
    "outbox": ("omniops.cli.outbox:app", "Messages that are owed: what waits, what may have been sent."),
    "tick": ("omniops.cli.tick:tick", "Send what is owed, and say what is due; for a timer, too."),
    "runbook": ("omniops.cli.runbook:app", "List, show, draw and check the runbooks."),
    "probe": ("omniops.cli.probe:probe", "The uptime probe of one region, for cron."),
    "drill": ("omniops.cli.drill:app", "Practise: the same runbooks against a simulated OmniRoute."),
    "doctor": ("omniops.cli.doctor:doctor", "Is everything as it has to be before 03:00? Reads only."),
    "config": ("omniops.cli.config:app", "The settings: write a config file, show what holds and why."),
    "journal": ("omniops.cli.journal:app", "Check the journal; accept a loss that cannot be mended."),
}
"""Name -> (module:object, help). A name that ends in ``:app`` is a group of commands."""
