"""Runs the examiners side by side, each in a thread, and waits for none of them longer than for all."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from threading import Thread

from omniops.errors import OmniopsError
from omniops.runner.doctor.base import Finding, Look, fail, failed
from omniops.services.http import said


def examine_all(
    examiners: Mapping[str, Callable[[Look], Iterator[Finding]]], look: Look, within_s: float
) -> list[Finding]:
    """Return what they find, in their order. One that is not done in time, or breaks, is a finding itself."""
    _ = look.clients  # made once, before there are threads
    found: dict[str, list[Finding]] = {group: [] for group in examiners}
    threads = {}
    for group, examiner in examiners.items():
        # Daemons: a service that hangs must not hold the process.
        threads[group] = Thread(target=_examine, args=(group, examiner, look, found[group]), daemon=True)
        threads[group].start()
    ends = time.monotonic() + within_s  # the machine's clock: it bounds a wait
    for group, thread in threads.items():
        thread.join(max(ends - time.monotonic(), 0))
        if thread.is_alive():
            late = fail(group, f"no end within {within_s:g} s", "see whether it is up and can be reached from here")
            found[group] = [*found[group], late]
    return [finding._replace(group=group) for group, findings in found.items() for finding in findings]


def _examine(group: str, examiner: Callable[[Look], Iterator[Finding]], look: Look, found: list[Finding]) -> None:
    try:
        for finding in examiner(look):
            found.append(finding)
    except OmniopsError as error:
        found.append(failed(group, error))
    except Exception as error:  # one broken check must not hide the others
        place = error.__traceback__
        while place and place.tb_next:
            place = place.tb_next
        where = f" at {place.tb_frame.f_code.co_filename.rpartition('/')[2]}:{place.tb_lineno}" if place else ""
        found.append(fail(group, f"a bug in omniops: {type(error).__name__}{where}: {said(error)}", "please report it"))
