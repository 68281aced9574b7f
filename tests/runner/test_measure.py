"""One look at live traffic: only what began since the change, through another connection, counts."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from omniops.actions.resolve import item
from omniops.clock import iso
from omniops.config import Settings
from omniops.engine.verify import Budgets, Tally
from omniops.errors import Refused
from omniops.runner.measure import Measure
from tests.support.fake_omniroute import DOWN, START, FakeOmniRoute, attempt, connection, context


@pytest.fixture
def server() -> FakeOmniRoute:
    """The affected connection is out since START; it is a minute later, and traffic flows through the spare."""
    fake = FakeOmniRoute()
    fake.known = [connection("a", active=False), connection("b", name="spare"), connection("z", "azure")]
    fake.clock.sleep(60)
    for second in range(2, 32):
        ended = START + timedelta(seconds=second)
        fake.rows.append(attempt(ended, "b"))
        fake.requests.append((ended, 0.25))
    return fake


def measure(server: FakeOmniRoute, *ids: str, slo: str = "latency-p95-aggregate", **more: Any) -> Measure:
    items = [item(c) for c in server.known if c.id in ids]
    return Measure(context(server), slo, items, START, 20, **more)


def test_recovered(server: FakeOmniRoute) -> None:
    """Enough successes through another connection, p95 and errors in budget: the sample passes and holds them all."""
    look = measure(server, "a")
    figures = look.look()
    assert (figures.p95_s, figures.requests, figures.whole, figures.ok_elsewhere) == (0.25, 30, Tally(30, 0), 30)
    sample = look.to_sample(figures)
    assert (sample.verdict, sample.p95_s, sample.budget_s, sample.error_ratio) == ("pass", 0.25, 1.5, 0.0)
    assert (sample.attempts, sample.errors, sample.requests, sample.ok_elsewhere) == (30, 0, 30, 30)
    assert sample.at == iso(server.clock.now())


def verdict(look: Measure) -> tuple[str, str]:
    sample = look.to_sample(look.look())
    return sample.verdict, sample.why


def test_only_what_began_since_counts(server: FakeOmniRoute) -> None:
    """Attempts from before the change prove nothing, neither those that ended before it nor those that ended after."""
    server.rows = [attempt(START - timedelta(seconds=n), "b") for n in range(1, 40)]
    server.rows += [attempt(START + timedelta(seconds=n / 2), "b", 504, duration_s=30.0) for n in range(1, 40)]
    figures = measure(server, "a").look()
    assert (figures.whole, figures.ok_elsewhere, figures.stragglers) == (Tally(0, 0), 0, 39)


def test_slow_leftovers_do_not_fail_it(server: FakeOmniRoute) -> None:
    """While slow requests from before the change still end, p95 cannot be told; later it can."""
    for n in range(5):
        ended = START + timedelta(seconds=20 + n)
        server.rows.append(attempt(ended, "a", 504, duration_s=60.0))
        server.requests.append((ended, 60.0))
    assert verdict(measure(server, "a"))[0] == "cannot tell"
    server.requests += [(server.clock.now(), 0.25)] * 200
    server.rows += [attempt(server.clock.now(), "b")] * 200
    assert verdict(measure(server, "a"))[0] == "pass"


def test_slow_new_requests_do_fail_it(server: FakeOmniRoute) -> None:
    """Slow requests that began since the change are the new traffic, and count against it."""
    server.rows += [attempt(START + timedelta(seconds=20), "b", duration_s=5.0)] * 5
    server.requests += [(START + timedelta(seconds=20), 5.0)] * 5
    assert verdict(measure(server, "a")) == ("fail", "p95 is 5.00s of 35 requests")


def test_the_first_half_second_is_left_off(server: FakeOmniRoute) -> None:
    """The server's clock is known to half a second, so what may lie before the change stays out of p95."""
    server.requests += [(START + timedelta(seconds=0.4), 60.0)] * 30
    assert measure(server, "a").look().p95_s == 0.25


def test_through_another_connection(server: FakeOmniRoute) -> None:
    """Successes of the affected connection itself, and of other providers, are no evidence."""
    server.rows = [attempt(row.at, "a") for row in server.rows]
    assert verdict(measure(server, "a")) == ("cannot tell", "0 of 20 successful requests so far")
    server.rows = [attempt(r.at, "z", provider="azure", requested_model="azure/gpt-4o") for r in server.rows]
    assert verdict(measure(server, "a"))[0] == "cannot tell"
    server.rows = [attempt(row.at, "z", provider="azure", requested_model="openai/gpt-4o") for row in server.rows]
    assert verdict(measure(server, "a"))[0] == "pass"


def test_errors_of_the_affected_provider_are_not_diluted(server: FakeOmniRoute) -> None:
    """A provider that still fails is not hidden by other providers' traffic; the worst place is named."""
    server.rows += [attempt(START + timedelta(seconds=9), "b", 502)] * 6
    other = attempt(START + timedelta(seconds=9), "z", provider="azure", requested_model="azure/gpt-4o")
    server.rows += [other] * 3000
    result, why = verdict(measure(server, "a"))
    assert result == "fail"
    assert why == "6 of 36 attempts failed, most of them on openai/spare (b), gpt-4o"


def test_nothing_live_serves_it(server: FakeOmniRoute) -> None:
    """With every other connection of the provider out or signed out, it cannot recover, and the sample says so."""
    server.rows = []
    server.change("b", shown={"testStatus": "expired"})
    result, why = verdict(measure(server, "a"))
    assert (result, why) == ("fail", "nothing live serves the models of openai, so it cannot recover")
    server.known.append(connection("n", "node", prefix="openai"))
    assert verdict(measure(server, "a"))[0] == "cannot tell"


def test_the_whole_gateway(server: FakeOmniRoute) -> None:
    """Without affected connections every success counts, and the list of connections is not asked for."""
    server.rows = [attempt(row.at, "z", provider="azure", requested_model="ha") for row in server.rows]
    assert verdict(measure(server))[0] == "pass"
    assert "connections" not in server.calls


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        ("connections", "the connections cannot be read: the server does not answer"),
        ("call_logs", "the call log cannot be read"),
        ("telemetry", "the telemetry cannot be read"),
    ],
)
def test_what_cannot_be_read_cannot_be_told(server: FakeOmniRoute, broken: str, says: str) -> None:
    """A read that fails makes the look "cannot tell", and the next look is as good as ever."""
    look = measure(server, "a")
    server.broken = {broken: DOWN}
    result, why = verdict(look)
    assert result == "cannot tell"
    assert says in why
    server.broken = {}
    assert verdict(look)[0] == "pass"


def test_a_refusal_is_an_error(server: FakeOmniRoute) -> None:
    """A refused credential is not a matter of waiting for the next look."""
    server.broken = {"telemetry": Refused("401")}
    with pytest.raises(Refused):
        measure(server, "a").look()


def test_availability_needs_no_latency(server: FakeOmniRoute) -> None:
    """For the availability objective p95 and the telemetry do not matter; errors and successes do."""
    server.requests = [(at, 60.0) for at, _ in server.requests]
    assert verdict(measure(server, slo="availability-cluster"))[0] == "pass"
    server.broken = {"telemetry": DOWN}
    assert verdict(measure(server, slo="availability-cluster"))[0] == "pass"
    server.rows += [attempt(START + timedelta(seconds=9), "b", 500)] * 6
    assert verdict(measure(server, slo="availability-cluster"))[0] == "fail"


def test_a_restart_shortens_the_telemetry(server: FakeOmniRoute) -> None:
    """After a restart p95 covers only a part; when that part is small, it cannot be told."""
    server.up_since = START + timedelta(seconds=25)
    result, why = verdict(measure(server, "a"))
    assert result == "cannot tell"
    assert why == "the server restarted 35s ago, and its p95 covers only 7 requests"
    server.requests += [(server.clock.now(), 0.3)] * 20
    assert verdict(measure(server, "a"))[0] == "pass"


def test_the_server_has_its_own_clock(server: FakeOmniRoute) -> None:
    """The window is reckoned on the server's clock, and never reaches before the change."""
    server.skew = 3600.0
    server.rows = [row._replace(at=row.at + timedelta(hours=1)) for row in server.rows]
    server.requests = [(at + timedelta(hours=1), took) for at, took in server.requests]
    server.requests += [(START + timedelta(minutes=59), 60.0)] * 30
    since = START + timedelta(hours=1)
    look = Measure(context(server), "latency-p95-aggregate", [item(server.known[0])], since, 20)
    assert look.to_sample(look.look()).verdict == "pass"


def test_a_moment_after_the_change(server: FakeOmniRoute) -> None:
    """Before any window there are no figures, and no call log is read for them."""
    look = Measure(context(server), "latency-p95-aggregate", [item(server.known[0])], server.clock.now(), 20)
    assert look.to_sample(look.look()).verdict == "cannot tell"
    assert not [call for call in server.calls if call.startswith("call_logs")]


def test_a_look_reads_only_what_is_new(server: FakeOmniRoute) -> None:
    """Later looks begin a little before the last row, and count every row once."""
    look = measure(server, "a")
    assert look.look().whole.attempts == 30
    for _ in range(3):
        server.clock.sleep(10)
        server.rows.append(attempt(server.clock.now(), "b"))
        assert look.look().whole.attempts == len(server.rows)
    asked = [call.partition(" ")[2] for call in server.calls if call.startswith("call_logs")]
    assert asked == [iso(START + timedelta(seconds=second)) for second in (0, 1, 40, 50)]


def test_a_row_written_late_is_seen(server: FakeOmniRoute) -> None:
    """A row whose moment lies a little before the last read still counts."""
    look = measure(server, "a")
    look.look()
    server.rows.append(attempt(START + timedelta(seconds=25), "b", 500))
    server.clock.sleep(10)
    assert look.look().whole == Tally(31, 1)


def test_more_rows_than_can_be_read(server: FakeOmniRoute) -> None:
    """Figures of a cut log are the newest rows'; nothing is counted twice after it."""
    server.most_rows = 25
    look = measure(server, "a")
    figures = look.look()
    assert (figures.whole.attempts, figures.complete) == (25, False)
    server.most_rows = 5000
    assert look.look().whole.attempts == 30
    for most, read in ((5000, 70), (20, 20)):
        server.clock.sleep(40)
        server.rows += [attempt(server.clock.now(), "b")] * 40
        server.most_rows = most
        assert look.look().whole.attempts == read


def test_rows_that_make_no_sense(server: FakeOmniRoute) -> None:
    """An odd row is passed over; a log full of them says nothing."""
    server.skipped = 1
    assert verdict(measure(server, "a"))[0] == "pass"
    server.skipped = 9
    assert verdict(measure(server, "a")) == ("cannot tell", "9 rows of the call log make no sense")


def test_a_budget_is_for_five_minutes(server: FakeOmniRoute) -> None:
    """Long after the change only the last 5 minutes are measured: yesterday's health is not today's."""
    server.clock.sleep(3600)
    figures = measure(server, "a").look()
    assert (figures.requests, figures.whole.attempts) == (0, 0)


def test_other_budgets(server: FakeOmniRoute) -> None:
    """Budgets are parameters."""
    assert verdict(measure(server, "a", budgets=Budgets(p95_s=0.2)))[0] == "fail"


def test_the_worse_tally_is_shown(server: FakeOmniRoute) -> None:
    """The sample shows the errors that decide: the affected provider's, where they are the worse."""
    server.rows += [attempt(START + timedelta(seconds=9), "b", 502)] * 6
    server.rows += [attempt(START + timedelta(seconds=9), "z", provider="azure", requested_model="azure/x")] * 60
    look = measure(server, "a")
    sample = look.to_sample(look.look())
    assert (sample.errors, sample.attempts) == (6, 36)


def test_budgets_come_from_the_slos(tmp_path: Path) -> None:
    """The budgets that verify judges by are those of slos.yaml; a user's own file replaces them."""
    from omniops.runner.verifying import budgets_of

    assert budgets_of(Settings({})) == (1.5, 0.006)
    shipped = (Path(__file__).parents[2] / "runbooks" / "slos.yaml").read_text(encoding="utf-8")
    (tmp_path / "slos.yaml").write_text(shipped.replace("budget: 1500ms", "budget: 2s"), encoding="utf-8")
    assert budgets_of(Settings({"OMNIOPS_RUNBOOKS": str(tmp_path)})) == (2.0, 0.006)


def test_a_verdict_has_as_many_looks_as_it_needs() -> None:
    """Past its deadline from the start, as after a long interruption, verify still looks until it may say recovered."""
    from omniops.runner.person import Sample
    from omniops.runner.verifying import watch
    from tests.support.toy import ToyClock

    clock = ToyClock()

    class Well:
        def look(self) -> None:
            clock.sleep(30)

        def to_sample(self, _: None) -> Sample:
            return Sample(iso(clock.now()), 0.2, 1.5, 0.0, 0.006, 50, 0, 50, 50, 20, "pass", "well")

    well: Any = Well()
    verdict = watch(
        clock, well, [], every_s=10, passes=3, deadline=clock.now(), tell=lambda series, left: None, pause=lambda: None
    )
    assert verdict == "recovered"


def test_a_connection_that_is_back_may_carry_the_proof(server: FakeOmniRoute) -> None:
    """After an undo the provider's own traffic counts, through the connection itself; other providers' does not."""
    server.known = [connection("a"), connection("z", "azure")]
    server.rows = [attempt(START + timedelta(seconds=second), "a") for second in range(2, 32)]
    items = [{**item(server.known[0]), "back": True}]
    look = Measure(context(server), "latency-p95-aggregate", items, START, 20)
    assert look.look().ok_elsewhere == 30
    server.rows = [row._replace(provider="azure", connection="z", requested_model="azure/x") for row in server.rows]
    other = Measure(context(server), "latency-p95-aggregate", items, START, 20)
    assert other.look().ok_elsewhere == 0
    assert verdict(other)[0] == "cannot tell"
