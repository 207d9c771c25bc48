"""The code cites docs/stripe-facts.md by section; every section it cites is there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "stripe-facts.md"
ROOMS = ("mappings", "adapter", "webhooks", "service", "sandbox", "tests")

# In code a bare § means the facts page, too: "(stripe-facts §3.3, §3.6)", "(§4)".
CITATION = re.compile(r"(?<!RFC \d{4} )§(\d+(?:\.\d+)?)")
HEADING = re.compile(r"^#{2,3} (\d+(?:\.\d+)?)\.? ", re.MULTILINE)


def citations() -> Iterator[tuple[str, str]]:
    """Where, and which section."""
    for room in ROOMS:
        for file in sorted((ROOT / room).rglob("*.py")):
            if file == Path(__file__).resolve():
                continue
            for number, line in enumerate(file.read_text("utf-8").splitlines(), 1):
                for section in CITATION.findall(line):
                    yield f"{file.relative_to(ROOT)}:{number}", section


def test_every_cited_section_of_the_facts_exists() -> None:
    sections = HEADING.findall(PAGE.read_text("utf-8"))
    assert len(sections) == len(set(sections)), "a section number is used twice"
    cited = list(citations())
    assert cited, "the code cites nothing: has the sign changed?"
    missing = [f"{place} cites §{section}" for place, section in cited if section not in sections]
    assert missing == []


def test_the_page_s_own_references_resolve() -> None:
    text = PAGE.read_text("utf-8")
    assert set(CITATION.findall(text)) <= set(HEADING.findall(text))
