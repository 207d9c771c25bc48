"""The tour itself: start everything, play the scenes, sum up, end everything."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mappings import CatalogueError, load_catalogue

from .cast import Cast, NothingToTour, pick
from .processes import StartFailed, ended_by_signals, temporary_folder
from .programme import programme
from .screen import Screen
from .stack import Ports, Stack, running_stack
from .stage import Differs, Scene, Stage

INTERRUPTED = 130


class Failed(Exception):
    """A scene did not come out as announced."""


@dataclass(frozen=True)
class Played:
    """How a scene went; ``went`` None means that an earlier one ended the tour."""

    went: bool | None
    title: str
    announced: str
    happened: str
    seconds: float


def tour(name: str, *, colour: bool = True, scenes: Sequence[Scene] | None = None) -> int:
    """Play the tour of catalogue ``name`` (built-in, or a file); gives the exit code.

    0 if every scene came out as announced. ``scenes`` replaces those of the catalogue.
    """
    screen = Screen(colour=colour)
    try:
        cast = pick(load_catalogue(name))
        with ended_by_signals(), temporary_folder("demo", screen.quotation) as folder:
            return _tour(screen, cast, name, folder, scenes)
    except CatalogueError as wrong:
        screen.failed(f"{wrong.name}: {len(wrong.problems)} problem(s); see 'catalogue check'.")
    except (NothingToTour, StartFailed) as wrong:
        screen.failed(str(wrong))
    except Failed:
        pass  # the summary has said it
    except KeyboardInterrupt:
        screen.failed("Stopped.")
        return INTERRUPTED
    return 1


def _tour(
    screen: Screen, cast: Cast, name: str, folder: Path, scenes: Sequence[Scene] | None
) -> int:
    started = time.monotonic()
    screen.title("Planshift, the tour", f"catalogue {cast.catalogue.name}")
    with running_stack(name, Ports.any(), folder) as stack:
        _introduce(screen, stack)
        played = _play(Stage(stack, cast, screen), list(scenes or programme(cast)))
        if not played[-1].went:
            _show_logs(screen, stack)
    _sum_up(screen, played, time.monotonic() - started)
    if not played[-1].went:
        raise Failed
    return 0


def _introduce(screen: Screen, stack: Stack) -> None:
    screen.facts(
        [
            ("sandbox", stack.stripe.url, "a Stripe on this machine"),
            ("service", stack.planshift.url, "the HTTP API and the webhook endpoint"),
            ("worker", "", "processes events and sends e-mail"),
            ("mail server", stack.env["PLANSHIFT_SMTP_URL"], "delivers to nobody"),
            ("database", "SQLite", "empty, in a temporary folder"),
        ]
    )


def _play(stage: Stage, scenes: Sequence[Scene]) -> list[Played]:
    played: list[Played] = []
    for number, scene in enumerate(scenes, 1):
        if played and not played[-1].went:
            played.append(Played(None, scene.title, "", "not played", 0.0))
        else:
            played.append(_play_one(stage, number, scene))
    return played


def _play_one(stage: Stage, number: int, scene: Scene) -> Played:
    started, promise = time.monotonic(), ""
    try:
        announced = scene.announce(stage)
        promise = announced.promise
        stage.screen.scene(number, scene.title, announced.story, promise)
        went, happened = True, scene.play(stage)
    except Differs as wrong:
        went, happened = False, str(wrong)
    except Exception as wrong:
        # Whatever it is, it is not what was announced.
        went, happened = False, f"{type(wrong).__name__}: {wrong}"
        stage.screen.differs(happened)
    return Played(went, scene.title, promise, happened, time.monotonic() - started)


def _show_logs(screen: Screen, stack: Stack) -> None:
    for child in stack.children.all:
        name = f"{child.name} (it has ended)" if child.ended else child.name
        screen.log(name, child.tail())


def _sum_up(screen: Screen, played: Sequence[Played], seconds: float) -> None:
    screen.summary(
        [(one.went, one.title, one.announced, one.happened, _time(one.seconds)) for one in played]
    )
    good = sum(one.went is True for one in played)
    told = f"{good} of {len(played)} steps came out as announced, in {seconds:.1f} s."
    screen.verdict(good == len(played), told)


def _time(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds else ""
