"""The pages of docs/ keep their word: every command they show runs, every link leads somewhere."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from sandbox import Switches
from sandbox.kernel.habits import NAMES
from service.demo.processes import free_ports
from service.rehearsal.schemas import ACTIONS, COMPARED
from tests.support.documents import DOCS, fits, mentioned, type_all

ROOT = DOCS.parent
# A file of one of the rooms, or of the tests, as pages write it.
OURS = re.compile(r"`((?:mappings|adapter|webhooks|service|sandbox|tests)/[\w/]+\.\w+)")
PAGES = sorted(page.name for page in DOCS.glob("*.md"))


@pytest.mark.parametrize(("page", "commands"), [("sandbox.md", 7), ("rehearsing.md", 3)])
def test_what_a_page_tells_to_type_works(page: str, commands: int, tmp_path: Path):
    (port,) = free_ports(1)
    assert type_all(page, tmp_path, {12111: port}) >= commands


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_links_to_is_there(page: str):
    for target in mentioned(page):
        assert (DOCS / target).exists(), target


def test_every_file_of_ours_that_is_named_is_there():
    pages = [ROOT / "README.md", *DOCS.rglob("*.md")]
    named = {file for page in pages for file in OURS.findall(page.read_text("utf-8"))}
    assert len(named) > 50
    assert [file for file in sorted(named) if not (ROOT / file).exists()] == []


def test_every_word_of_a_scenario_is_explained():
    text = (DOCS / "rehearsing.md").read_text("utf-8")
    for word in (*ACTIONS, *COMPARED):
        assert f"`{word}`" in text, word


def test_every_habit_and_the_way_to_the_switches_are_explained():
    text = (DOCS / "sandbox.md").read_text("utf-8")
    for word in NAMES:
        assert f"`{word}`" in text, word
    assert f"{len(fields(Switches))} switches" in text


def test_a_page_that_does_not_keep_its_word_is_noticed():
    assert fits("a … c", "a b\nb c")
    assert fits("one\ntwo", "one  \ntwo\n")
    assert not fits("a … c", "a b d")
    assert not fits("one", "one\ntwo")
