"""Which scenes are played: those that the catalogue's rules allow."""

from __future__ import annotations

from .cast import Cast
from .scenes import growing, leaving, living, metering, opening, ordering, scheduling
from .stage import Scene


def programme(cast: Cast) -> list[Scene]:
    """The tour of a catalogue, in order."""
    if cast.is_metered:
        return _by_usage(cast)
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
    if cast.beside is not None and cast.large is not None:
        scenes += [ordering.TOGETHER]
        scenes += [ordering.AT_A_PAGE] if cast.shrinks_at_a_page else []
    return scenes


def _by_usage(cast: Cast) -> list[Scene]:
    """The tour of a plan that is billed by what is used of it."""
    scenes = [opening.SYNC, opening.ACCOUNT, metering.SIGN_UP, metering.USAGE, metering.CHARGES]
    scenes += [metering.BILL, metering.LEAVING]
    return [*scenes, metering.SALES_REQUEST] if cast.by_sales is not None else scenes
