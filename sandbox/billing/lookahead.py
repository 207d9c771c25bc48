"""Looking ahead: what is due is played until it drafts an invoice, and all of it rolled back."""

from __future__ import annotations

from ..kernel.errors import Json
from ..kernel.world import World
from .invoicing import Previewed

MOST_STEPS = 100


def next_invoice(world: World, subscription: Json) -> Json | None:
    """The invoice that comes next if nobody does anything; None when none will."""
    was = world.rehearsing
    with world.store.rehearsal():
        world.rehearsing = True
        try:
            play_on(world, subscription)
        except Previewed as caught:
            return caught.invoice
        finally:
            world.rehearsing = was
    return None


def play_on(world: World, *bodies: Json) -> None:
    """Lets time pass for these objects, and for the schedules of subscriptions among them, until
    `Previewed` unwinds it. For use inside a rehearsal."""
    clock = world.clock_of(bodies[0])
    reached = world.clock_now(clock)
    for _ in range(MOST_STEPS):
        step = _next(world, bodies)
        if step is None:
            return
        moment, body = step
        reached = max(reached, moment)
        with world.at(clock, reached):
            world.dated[body["object"]].act(world, body)


def _next(world: World, bodies: tuple[Json, ...]) -> tuple[int, Json] | None:
    found: list[tuple[int, Json]] = []
    for body in bodies:
        attached = body.get("schedule")
        schedule = world.store.find("subscription_schedule", attached) if attached else None
        for acting in (body, schedule):
            moment = world.dated[acting["object"]].due(world, acting) if acting else None
            if acting is not None and moment is not None:
                found.append((moment, acting))
    return min(found, key=lambda step: step[0]) if found else None
