"""The tables of cases in docs/adr name tests; every one of them is there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SCHEDULES = ROOT / "docs" / "adr" / "003-what-cannot-happen-to-a-schedule.md"
CASES = ROOT / "docs" / "adr" / "004-plan-change-cases.md"
WEBHOOKS = ROOT / "docs" / "adr" / "008-webhook-cases.md"

NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
ROW = re.compile(r"^\| ([A-Z]?\d+) \|(.*)\|$", re.MULTILINE)


def rows(page: Path) -> Iterator[tuple[str, str]]:
    """The number of each case, and what holds it."""
    for number, cells in ROW.findall(page.read_text("utf-8")):
        yield number, cells.split("|")[-1].strip()


def defines(file: Path, name: str) -> bool:
    return file.is_file() and f"def {name}(" in file.read_text("utf-8")


@pytest.mark.parametrize("page", [SCHEDULES, CASES, WEBHOOKS], ids=lambda page: page.stem)
def test_every_test_a_case_names_exists(page: Path) -> None:
    named = NAMED.findall(page.read_text("utf-8"))
    assert named
    assert [f"{file}::{name}" for file, name in named if not defines(ROOT / file, name)] == []


@pytest.mark.parametrize("page", [SCHEDULES, CASES, WEBHOOKS], ids=lambda page: page.stem)
def test_every_case_names_a_test_or_says_why_it_cannot_happen(page: Path) -> None:
    bare = [
        number for number, cell in rows(page) if not NAMED.search(cell) and len(cell.split()) < 5
    ]
    assert bare == []


def test_no_case_is_left_out() -> None:
    assert [number for number, _ in rows(SCHEDULES)] == [str(n) for n in range(1, 19)]
    expected = [*(str(n) for n in range(1, 54)), *(f"A{n}" for n in range(1, 6))]
    assert [number for number, _ in rows(CASES)] == expected
    assert [number for number, _ in rows(WEBHOOKS)] == [str(n) for n in range(1, 48)]
