"""The reference of the catalogue document says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import mappings
from mappings import builtin_catalogues, parse_catalogue, shape
from mappings.rules import CREDITS, CYCLES
from mappings.supported import SUPPORTED

REFERENCE = (Path(__file__).parents[2] / "docs" / "catalogue.md").read_text("utf-8")
SOURCES = "".join(
    path.read_text("utf-8") for path in sorted(Path(mappings.__file__).parent.glob("*.py"))
)


def test_the_example_is_a_sound_catalogue() -> None:
    example = re.findall(r"```toml\n(.*?)```", REFERENCE, re.DOTALL)[0]
    assert parse_catalogue(example).tenant == "mail"


def test_every_built_in_catalogue_is_named() -> None:
    assert all(f"| `{name}` |" in REFERENCE for name in builtin_catalogues())


MOVES = {
    "start": ("start",),
    "between paid plans": ("change",),
    "between paid plans, not chargeable": ("change",),
    "between paid plans, `cancel_and_resubscribe`": ("change",),
    "to the free plan, cancellation": ("cancel", "to_free"),
}


def test_the_table_of_what_is_carried_out_has_the_rows_of_the_code() -> None:
    """Row by row in the same order; what clashes within a row is told below the table."""
    _, table = REFERENCE.split("| change | timing | cycle | credit | allowance |\n")
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in table.split("\n\n")[0].splitlines()[1:]
    ]
    assert len(rows) == len(SUPPORTED)
    for (move, timing, cycle, credit, allowance), row in zip(rows, SUPPORTED, strict=True):
        assert MOVES[move] == row.moves
        assert words(move) == {row.route} - {"self_serve"}
        assert words(timing) == set(row.timing)
        assert (words(cycle) or set(CYCLES)) == set(row.cycle)
        assert (words(credit) or set(CREDITS)) == set(row.credit)
        assert words(allowance) == set(row.allowance)


def words(cell: str) -> set[str]:
    """Those in backticks; none where the cell says "any"."""
    return set(re.findall(r"`(\w+)`", cell))


@pytest.mark.parametrize(
    "key", sorted({key.lstrip("_") for key in re.findall(r"^    (\w+) = (?:Leaf|Keyed|_)",
        Path(shape.__file__).read_text("utf-8"), re.MULTILINE)})
)  # fmt: skip
def test_every_key_is_explained(key: str) -> None:
    assert f"`{key.removesuffix('_')}`" in REFERENCE or f"{key} =" in REFERENCE


@pytest.mark.parametrize(
    "code", sorted(set(re.findall(r'problems\.add\([^"]*?, "(\w+)"', SOURCES)))
)
def test_every_problem_code_is_listed(code: str) -> None:
    assert f"`{code}`" in REFERENCE
