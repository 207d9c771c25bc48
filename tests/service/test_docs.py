"""The page that describes the API is complete and stands alone."""

from __future__ import annotations

import base64
import hashlib
import re
import shlex
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from marshmallow import Schema

from service.api import examples, schemas
from service.api.problem_codes import ALL, NOT_HTTP
from tests.support.world import World, world


@pytest.fixture
def w(database_url: str) -> Iterator[World]:
    with world(database_url) as made:
        yield made


class Reading(HTMLParser):
    """What a browser would make of the page."""

    VOID = frozenset({"meta", "br", "link", "img", "input", "hr"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        self.tags.add(tag)
        self.attributes |= told.keys()
        self.ids += [str(told["id"])] if "id" in told else []
        self.links += [str(told["href"])] if "href" in told else []
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def page(w: World) -> tuple[str, Reading]:
    answer = w.http.get("/docs")
    assert (answer.status_code, answer.content_type) == (200, "text/html; charset=utf-8")
    return answer.text, Reading(answer.text)


def operations(w: World) -> list[tuple[str, str, dict[str, Any]]]:
    document = w.http.get("/openapi.json").json
    return [
        (method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if method != "parameters"
    ]


def test_the_page_is_whole_and_its_links_lead_somewhere(w: World):
    _, read = page(w)
    assert read.open == []
    assert len(read.ids) == len(set(read.ids))
    for link in read.links:
        assert link == "openapi.json" or link.removeprefix("#") in read.ids, link


def test_the_page_needs_no_script_and_no_other_host(w: World):
    text, read = page(w)
    assert not read.tags & {"script", "link", "img", "iframe", "object"}
    assert not read.attributes & {"style", "src", "onclick", "onload"}
    assert "http://" not in text
    # Where a caller's own customers go back to is a text to be replaced, not a link.
    assert "https://" not in text.replace("https://acme.example/billing", "")
    assert "url(" not in text


def test_the_browser_is_told_to_take_the_style_of_the_page_and_nothing_else(w: World):
    text, _ = page(w)
    style = text.split("<style>")[1].split("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = w.http.get("/docs").headers["Content-Security-Policy"]
    assert f"style-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_every_operation_is_on_the_page_with_what_it_needs(w: World):
    text, read = page(w)
    for method, path, operation in operations(w):
        section = text.split(f'<section id="{operation["operationId"]}">')[1]
        section = section.split("</section>")[0]
        assert f"{method.upper()}</span> <code>{path}</code>" in section
        assert operation["summary"].split("``")[0] in section.replace("&#39;", "'")
        assert operation["tags"][0] in read.ids
        for status in operation["responses"]:
            assert f">{status}</code>" in section, (path, status)
        for parameter in operation.get("parameters", ()):
            assert f"<code>{parameter['name']}</code>" in section
        (scope,) = [key["key"] for key in operation["security"]] or [["no key"]]
        assert f'<span class="scope">{(scope or ["any key"])[0]}</span>' in section
        assert "curl" in section


def test_every_field_of_a_body_is_on_the_page_and_says_what_it_is(w: World):
    text, _ = page(w)
    for name in ("email", "changes[].family", "changes[].quantity", "acknowledgements", "when"):
        assert f"<code>{name}</code>" in text
    for kind, schema in w.http.get("/openapi.json").json["components"]["schemas"].items():
        if kind.endswith("Body"):
            for name, member in schema["properties"].items():
                assert member.get("description"), f"{kind}.{name}"


def test_every_code_that_a_caller_can_meet_is_on_the_page(w: World):
    _, read = page(w)
    assert {f"code-{code}" for code in ALL.keys() - NOT_HTTP.keys()} <= set(read.ids)


def test_the_examples_are_bodies_that_are_taken(w: World):
    bodies: list[tuple[type[Schema], dict[str, Any]]] = [
        (schemas.ContactBody, examples.CONTACT),
        (schemas.QuoteBody, examples.QUOTE),
        (schemas.PlanChangeBody, examples.PLAN_CHANGE),
        (schemas.CancellationBody, examples.CANCELLATION),
    ]
    for schema, body in bodies:
        assert schema().load(body)
    assert w.call("PUT", "/v1/accounts/acme", examples.CONTACT).status_code == 201
    assert w.call("POST", "/v1/accounts/acme/quotes", examples.QUOTE).status_code == 201


def test_every_operation_with_a_body_has_an_example(w: World):
    for method, path, operation in operations(w):
        content = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if content and operation["security"]:
            assert content["example"], (method, path)


def test_an_example_can_be_pasted_into_a_shell(w: World):
    text, _ = page(w)
    shown = re.findall(r"<pre>(.*?)</pre>", text, re.DOTALL)
    assert len(shown) == len(operations(w))
    for example in shown:
        plain = example.replace("&#34;", '"').replace("&#39;", "'").replace("\\\n", " ")
        words = shlex.split(plain)
        assert words[0] == "curl"
        assert any(word.startswith("$PLANSHIFT/") for word in words)
