"""A postmortem that is as section 7 wants it, to be spoiled by tests."""

GOOD = """\
---
format: 1
incident: "2026-11-23-openai-main-is-out"
title: "openai-main is out"
severity: "SEV-1"
onset: "2026-11-23T03:00:00.000Z"
resolved: "2026-11-23T04:30:00.000Z"
held: "2026-11-26"
attendees:
  incident_commander: "Ida Commander"
  on_call: "Olaf Call"
  mitigation: ["Olaf Call"]
  not_involved: "Frieda Eyes"
---

# Postmortem: openai-main is out

## Summary

A key expired, and requests failed until another connection took them.

## Impact

- Errors: 62 % at worst.

## Detection

- By: PagerDuty

## Mitigation and resolution

The on-call took the connection out.

## Timeline

| time | what | by |
|---|---|---|
| 2026-11-23 03:05:00 | acknowledged | the on-call |

## What went well

- The second connection had room.

## Contributing factors

- No alert says that a key is about to expire.

## Action items

| Action | Owner | Due | Priority |
|---|---|---|---|
| Alert 14 days before a key expires | Olaf Call | 2026-12-11 | P0 |
| Rotate keys by a job | Ida Commander | 2027-01-29 | P1 |
"""
