"""The reference of the catalogue document says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import mappings
from mappings import parse_catalogue, shape

REFERENCE = (Path(__file__).parents[2] / "docs" / "catalogue.md").read_text("utf-8")
SOURCES = "".join(
    path.read_text("utf-8") for path in sorted(Path(mappings.__file__).parent.glob("*.py"))
)


def test_the_example_is_a_sound_catalogue() -> None:
    example = re.findall(r"```toml\n(.*?)```", REFERENCE, re.DOTALL)[0]
    assert parse_catalogue(example).tenant == "mail"


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
