"""Leaving: at the period's end, not after all, and then for good."""

from __future__ import annotations

from datetime import timedelta

from mappings import Money

from ..stage import Announcement, Scene, Stage, named

INTO_THE_PERIOD = timedelta(days=10)
SECOND_THOUGHTS = timedelta(days=1)


def _name(stage: Stage) -> str:
    assert stage.held is not None, "these scenes come after a purchase"
    return stage.cast.short_name(stage.held)


def _full_name(stage: Stage) -> str:
    assert stage.held is not None, "these scenes come after a purchase"
    return stage.cast.name(stage.held)


def _announce_later(stage: Stage) -> Announcement:
    return Announcement(
        "Acme cancels, for when the month that is paid is over.",
        f"end set, {_name(stage)} until then, e-mail",
    )


def _later(stage: Stage) -> str:
    end = stage.period_end()
    body = {"when": "period_end", "reason": "too expensive", "family": stage.cast.family.id}
    change = stage.post("/cancellation", body)
    stage.expect("the end is scheduled", change["lines"][0]["state"], "scheduled")
    claim = f"it will end on {end:%-d %B %Y}"
    stage.soon(claim, lambda: stage.plan()["ends_at"], end.isoformat())
    stage.expect(f"{_name(stage)} is still in effect", stage.in_effect(), named(stage.held))
    stage.letter(says="is set to end")
    return f"ends {end:%-d %b %Y}, {_name(stage)} until then, e-mail"


def _announce_uncancel(stage: Stage) -> Announcement:
    return Announcement(
        "Acme changes its mind, and takes the cancellation back.",
        f"no end, {_name(stage)} goes on, e-mail",
    )


def _uncancel(stage: Stage) -> str:
    path = f"/v1/accounts/{stage.ref}/cancellation?family={stage.cast.family.id}"
    answer = stage.planshift.delete(path)
    state = answer["plan_change"]["lines"][0]["state"]
    stage.expect("the scheduled end is taken back", state, "cancelled")
    stage.soon("no end is set any more", lambda: stage.plan()["ends_at"], None)
    stage.letter(says="cancellation has been taken back")
    return f"no end, {_name(stage)} goes on, e-mail"


def _announce_now(stage: Stage) -> Announcement:
    credited = stage.cast.cancellation.credit != "none"
    money = "unused time as credit" if credited else "no credit"
    return Announcement(
        f"Ten days later Acme leaves at once. Rule {stage.cast.cancellation.rule!r} decides what "
        "becomes of the days that are paid and not used.",
        f"{_name(stage)} ended, {money}, e-mail",
    )


def _now(stage: Stage) -> str:
    stage.sleep_until(stage.now_at_stripe() + INTO_THE_PERIOD)
    left, left_in_full = _name(stage), _full_name(stage)
    change = stage.order(stage.quote_for(None))
    credit = stage.quote["timings"]["now"]["credited_to_balance"]
    stage.expect("the plan has ended", change["lines"][0]["state"], "applied")
    _check_gone(stage)
    claim = f"the balance holds the credit quoted: {credit['text']}"
    stage.soon(claim, lambda: -stage.state()["balance"]["amount"], credit["amount"])
    rule = stage.cast.cancellation
    stage.expect(f"as rule {rule.rule!r} says", credit["amount"] > 0, rule.credit != "none")
    _read_goodbye(stage, left_in_full)
    return f"{left} ended, {credit['text']} credit, e-mail"


def _announce_run_out(stage: Stage) -> Announcement:
    return Announcement(
        "A day later Acme cancels once more, and this time the period runs out.",
        f"{_name(stage)} ended with its period, e-mail",
    )


def _run_out(stage: Stage) -> str:
    stage.sleep_until(stage.now_at_stripe() + SECOND_THOUGHTS)
    left, left_in_full, end = _name(stage), _full_name(stage), stage.period_end()
    stage.post("/cancellation", {"when": "period_end", "family": stage.cast.family.id})
    stage.letter(says="is set to end")
    stage.sleep_until(end + timedelta(hours=2))
    _check_gone(stage)
    _read_goodbye(stage, left_in_full)
    return f"{left} ended on {end:%-d %b %Y}, e-mail"


def _check_gone(stage: Stage) -> None:
    stage.held = stage.cast.catalogue.free_offer(stage.cast.family.id)
    home = _name(stage) if stage.held else "no plan"
    stage.soon(f"the account is on {home}", stage.in_effect, named(stage.held))
    listed = stage.stripe.call("GET", "/v1/subscriptions", customer=stage.customer)["data"]
    stage.expect("Stripe bills nothing any more", [one["id"] for one in listed], [])


def _read_goodbye(stage: Stage, left: str) -> None:
    letter = stage.letter(says=f"{left} has ended")
    stage.screen.letter(letter)
    stage.no_more_letters()


def _announce_again(stage: Stage) -> Announcement:
    small = stage.cast.small
    return Announcement(
        f"From there Acme starts again with {stage.cast.name(small)}: that is the way down. The "
        "balance pays before the card.",
        f"{stage.cast.short_name(small)} active, paid from the balance first, e-mail",
    )


def _again(stage: Stage) -> str:
    small = stage.cast.small
    price, name = stage.cast.catalogue.price_of(small), stage.cast.short_name(small)
    had = -stage.state()["balance"]["amount"]
    used = min(had, price.amount)
    quote = stage.quote_for(small)
    billed = quote["timings"]["now"]
    told = (billed["balance_used"]["amount"], billed["due_now"]["amount"])
    claim = f"{Money(used, price.currency)} from the balance, {billed['due_now']['text']} by card"
    stage.expect(claim, told, (used, price.amount - used))
    stage.order(quote)
    stage.held = small
    stage.soon(f"{name} is in effect", stage.in_effect, named(small))
    stage.expect("charged as quoted", stage.invoices()[0]["amount_paid"], price.amount - used)
    left = Money(had - used, price.currency)
    claim = f"{left} stays on the balance for what comes"
    stage.soon(claim, lambda: -stage.state()["balance"]["amount"], left.amount)
    stage.letter(says=f"now on {stage.cast.name(small)}")
    stage.no_more_letters()
    return f"{name} active, {Money(used, price.currency)} from the balance, e-mail"


LATER = Scene("Cancelled, at the period's end", _announce_later, _later)
UNCANCEL = Scene("Taken back", _announce_uncancel, _uncancel)
NOW = Scene("Cancelled, now", _announce_now, _now)
RUN_OUT = Scene("Cancelled, for good", _announce_run_out, _run_out)
AGAIN = Scene("Back, on the smaller plan", _announce_again, _again)
