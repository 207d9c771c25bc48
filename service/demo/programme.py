"""Which scenes are played: those that the catalogue's rules allow."""

from __future__ import annotations

from .cast import Cast
from .scenes import growing, leaving, living, opening
from .stage import Scene


def programme(cast: Cast) -> list[Scene]:
    """The tour of a catalogue, in order."""
    scenes = [opening.SYNC, opening.ACCOUNT, opening.PURCHASE]
    if cast.large is not None:
        scenes += [growing.QUOTE, growing.ORDER, growing.WEBHOOKS]
    scenes += [living.MONTH, living.FAILURE, living.RECOVERY]
    timing = cast.cancellation.timing
    if timing != "now":
        scenes += [leaving.LATER, leaving.UNCANCEL]
    # Where one cannot leave at once, the tour waits for the period to run out.
    scenes.append(leaving.RUN_OUT if timing == "period_end" else leaving.NOW)
    return scenes
