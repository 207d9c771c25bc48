"""Which scenes are played: those that the catalogue's rules allow."""

from __future__ import annotations

from .cast import Cast
from .scenes import growing, leaving, living, opening, scheduling
from .stage import Scene


def programme(cast: Cast) -> list[Scene]:
    """The tour of a catalogue, in order."""
    scenes = [opening.SYNC, opening.ACCOUNT, opening.PURCHASE]
    if cast.large is not None:
        scenes += [growing.QUOTE, growing.ORDER, growing.WEBHOOKS]
    scenes += [living.MONTH, living.FAILURE, living.RECOVERY]
    if cast.shrinks_later:
        scenes.append(scheduling.SCHEDULE)
        scenes += [scheduling.REPLACE] if cast.other is not None else []
        scenes += [scheduling.TAKE_BACK, scheduling.BEGIN]
    timing = cast.cancellation.timing
    if timing != "now":
        scenes += [leaving.LATER, leaving.UNCANCEL]
    # Where one cannot leave at once, the tour waits for the period to run out.
    scenes.append(leaving.RUN_OUT if timing == "period_end" else leaving.NOW)
    if cast.down_by_leaving:
        scenes.append(leaving.AGAIN)
    return scenes
