"""Notices in words: every kind in every language, with all it could say and with nothing."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from adapter.notices.outbox import Kind
from adapter.notices.rendering import (
    FACTS,
    LANGUAGES,
    TEMPLATES,
    Contact,
    Rendered,
    language_of,
    render,
)

ADA = Contact("Ada Lovelace", "ada@acme.example")
PAY = "https://invoice.stripe.com/i/acct_1/test_YWNjdF8x?s=ap&x=1"

SUBSCRIPTION = {
    "plans": ["Core 10k monthly", "Chat Plus monthly"],
    "ends_at": "2026-11-21T10:00:00+00:00",
    "ended_at": "2026-11-21T10:00:00+00:00",
    "paid_until": "2026-12-21T10:00:00+00:00",
    "reason": "cancellation_requested",
}
CHANGE = {
    "change": "pc_1",
    "from": "Core 10k monthly",
    "to": "Pro 50k annual",
    "effective_at": "2026-11-21T10:00:00+00:00",
}
# As the code that queues them writes them.
REALISTIC: dict[Kind, dict[str, Any]] = {
    Kind.CANCELLATION_SET: {**SUBSCRIPTION, "ended_at": None},
    Kind.CANCELLATION_ENDED: SUBSCRIPTION,
    Kind.UNCANCELLED: {**SUBSCRIPTION, "ends_at": None, "ended_at": None, "reason": None},
    Kind.RECOVERED: {**SUBSCRIPTION, "ends_at": None, "ended_at": None, "reason": None},
    Kind.TRIAL_ENDING: {**SUBSCRIPTION, "ended_at": None, "chargeable": True},
    Kind.PLAN_CHANGED: CHANGE,
    Kind.CHANGE_SCHEDULED: CHANGE,
    Kind.CHANGE_CANCELLED: CHANGE,
    Kind.ACTIVATION_FAILED: {
        **CHANGE,
        "invoice": "in_1",
        "amount": "1138.50 USD",
        "pay_url": PAY,
        "grace_until": "2026-11-28T10:00:00+00:00",
    },
    Kind.ACTION_REQUIRED: {**CHANGE, "pay_url": PAY},
    Kind.SALES_REQUEST: {
        "to": "sales@vendor.example",
        "request": "sr_1",
        "account": "acme",
        "company": "Acme Ltd",
        "contact": "ada@acme.example",
        "plan": "API Enterprise",
        "fields": ["name: Ada Lovelace,", "seats: 500"],
    },
    Kind.PAYMENT_FAILED: {
        "invoice": "in_1",
        "number": "ACME-0007",
        "amount": "1138.50 USD",
        "pay_url": PAY,
        "next_attempt": "2026-11-24T10:00:00+00:00",
        "attempt": 1,
    },
}
SAID = {
    (Kind.CANCELLATION_SET, "en"): ["Core 10k monthly and Chat Plus monthly", "21 November 2026"],
    (Kind.CANCELLATION_SET, "de"): ["gekündigt und endet am 21. November 2026"],
    (Kind.CANCELLATION_ENDED, "en"): ["ended on 21 November 2026."],
    (Kind.CANCELLATION_ENDED, "de"): ["wurde am 21. November 2026 beendet."],
    (Kind.UNCANCELLED, "en"): ["has been taken back", "runs until 21 December 2026"],
    (Kind.UNCANCELLED, "de"): ["zurückgenommen", "endet am 21. Dezember 2026"],
    (Kind.RECOVERED, "en"): ["continues as before", "runs until 21 December 2026"],
    (Kind.RECOVERED, "de"): ["wie bisher", "endet am 21. Dezember 2026"],
    (Kind.TRIAL_ENDING, "en"): [
        "Your trial of Core 10k monthly and Chat Plus monthly ends on 21 November 2026",
        "charged to your saved payment method",
    ],
    (Kind.TRIAL_ENDING, "de"): [
        "endet am 21. November 2026; danach",
        "gespeicherte Zahlungsmethode",
    ],
    (Kind.PLAN_CHANGED, "en"): [
        "from Core 10k monthly to Pro 50k annual, with effect from 21 November 2026."
    ],
    (Kind.PLAN_CHANGED, "de"): ["von Core 10k monthly zu Pro 50k annual geändert"],
    (Kind.CHANGE_SCHEDULED, "en"): [
        "On 21 November 2026 your plan changes from Core 10k monthly to Pro 50k annual."
    ],
    (Kind.CHANGE_SCHEDULED, "de"): [
        "Am 21. November 2026 wechselt Ihr Tarif von Core 10k monthly zu Pro 50k annual."
    ],
    (Kind.CHANGE_CANCELLED, "en"): [
        "The change to Pro 50k annual that was scheduled is cancelled",
        "You stay on Core 10k monthly.",
    ],
    (Kind.CHANGE_CANCELLED, "de"): [
        "Der vorgemerkte Wechsel zu Pro 50k annual ist zurückgenommen",
        "Sie bleiben bei Core 10k monthly.",
    ],
    (Kind.ACTIVATION_FAILED, "en"): [
        "the payment of $1,138.50 for your change to Pro 50k annual with any",
        PAY,
        "If you pay before 28 November 2026, the change comes into effect.",
        "Until then you keep Core 10k monthly.",
    ],
    (Kind.ACTIVATION_FAILED, "de"): [
        "die Zahlung über 1.138,50 $ für Ihren Wechsel zu Pro 50k annual mit keiner",
        PAY,
        "Wenn Sie vor dem 28. November 2026 bezahlen, tritt der Wechsel in Kraft.",
        "Bis dahin behalten Sie Ihren Tarif Core 10k monthly.",
    ],
    (Kind.ACTION_REQUIRED, "en"): [PAY, "you stay on Core 10k monthly"],
    (Kind.ACTION_REQUIRED, "de"): [PAY, "bleiben Sie bei Core 10k monthly"],
    (Kind.SALES_REQUEST, "en"): [
        "Acme Ltd (account acme, billing contact ada@acme.example) asks to be contacted about API",
        "name: Ada Lovelace, seats: 500 Request sr_1.",
    ],
    (Kind.SALES_REQUEST, "de"): ["bittet um Kontaktaufnahme zu API Enterprise", "Anfrage sr_1."],
    (Kind.PAYMENT_FAILED, "en"): [PAY, "of $1,138.50 for invoice ACME-0007, but"],
    (Kind.PAYMENT_FAILED, "de"): [PAY, "über 1.138,50 $ für die Rechnung ACME-0007 einzuziehen"],
}
every_kind = pytest.mark.parametrize("kind", Kind)
every_language = pytest.mark.parametrize("locale", LANGUAGES)


class Words(HTMLParser):
    """Collects the visible words of a page, and its links."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.links: list[str | None] = []
        self.tags: list[str] = []
        self.feed(page.partition("<body")[2].partition(">")[2])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name == "href"]

    def handle_data(self, data: str) -> None:
        self.words += data.split()


def flowing(rendered: Rendered) -> str:
    return " ".join(rendered.text.split())


@every_language
@every_kind
def test_a_notice_says_what_happened(kind: Kind, locale: str):
    rendered = render(kind, locale, ADA, REALISTIC[kind])
    for words in SAID[kind, locale]:
        assert words in flowing(rendered)
    assert "Ada Lovelace," in rendered.text
    assert "None" not in rendered.text
    assert "T10:00" not in rendered.text


@every_language
@every_kind
@pytest.mark.parametrize("present", [True, False], ids=["none", "absent"])
def test_a_notice_reads_well_with_nothing_known(kind: Kind, locale: str, present: bool):
    facts: dict[str, Any] = dict.fromkeys(REALISTIC[kind]) if present else {}
    if "plans" in facts:
        facts["plans"] = [None]
    rendered = render(kind, locale, Contact(None, "ada@acme.example"), facts)
    everything = f"{rendered.subject} {flowing(rendered)}"
    assert "None" not in everything
    assert not re.search(r"\s[,.]|,\.|\.\.|  ", everything)
    # Only those who sell are not greeted as the billing contact.
    greeted = rendered.text.splitlines()[0] in {"Hello,", "Guten Tag,"}
    assert greeted is (kind is not Kind.SALES_REQUEST)


@every_language
@every_kind
def test_both_forms_say_the_same(kind: Kind, locale: str):
    rendered = render(kind, locale, ADA, REALISTIC[kind])
    page = Words(rendered.html)
    spoken = f"{rendered.subject} {rendered.text}".replace(":\nhttps", "\nhttps")
    assert page.words == spoken.split()


@every_language
@pytest.mark.parametrize("kind", [kind for kind in Kind if "pay_url" in FACTS[kind]])
def test_the_link_to_pay_stands_on_its_own(kind: Kind, locale: str):
    rendered = render(kind, locale, ADA, REALISTIC[kind])
    assert PAY in rendered.text.splitlines()
    assert Words(rendered.html).links == [PAY]


@pytest.mark.parametrize("link", ["javascript:alert(1)", "in_1", ""])
def test_only_a_web_address_becomes_a_link(link: str):
    rendered = render(Kind.ACTION_REQUIRED, "en", ADA, {**CHANGE, "pay_url": link})
    assert Words(rendered.html).links == []
    assert "complete the payment in your account" in flowing(rendered)


@every_language
@every_kind
def test_names_are_escaped_and_cannot_start_a_header_or_a_paragraph(kind: Kind, locale: str):
    evil = "<b>Eve</b>\r\nBcc: all@acme.example\n\n\u2028Pay: https://evil.example"
    facts: dict[str, Any] = dict.fromkeys(("from", "to", "number", "amount", "reason"), evil)
    facts["plans"] = [evil]
    rendered = render(kind, locale, Contact(evil, "eve@acme.example"), facts)
    page = Words(rendered.html)
    assert "\n" not in rendered.subject
    assert "\r" not in rendered.subject
    assert "b" not in page.tags
    assert page.links == []
    assert not [line for line in rendered.text.split("\n\n") if line.startswith(("Bcc", "Pay:"))]


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("payment_failed", ", because we could not collect a payment for it."),
        ("payment_disputed", ", because a payment for it was disputed."),
    ],
)
def test_an_end_that_nobody_asked_for_says_why(reason: str, words: str):
    facts = {**SUBSCRIPTION, "reason": reason}
    assert words in flowing(render(Kind.CANCELLATION_ENDED, "en", ADA, facts))


def test_a_last_attempt_says_that_it_was_the_last():
    facts = {**REALISTIC[Kind.PAYMENT_FAILED], "next_attempt": None}
    assert "not try again by ourselves" in flowing(render(Kind.PAYMENT_FAILED, "en", ADA, facts))


@pytest.mark.parametrize(
    ("locale", "words"),
    [
        ("en", "Core 10k monthly ended with the period you had paid for"),
        ("de", "Ihr Tarif Core 10k monthly endete mit dem bezahlten Zeitraum"),
    ],
)
def test_a_change_given_up_at_once_asks_for_no_payment(locale: str, words: str):
    facts = {**REALISTIC[Kind.ACTIVATION_FAILED], "grace_until": None}
    rendered = render(Kind.ACTIVATION_FAILED, locale, ADA, facts)
    assert words in flowing(rendered)
    assert PAY not in rendered.text
    assert Words(rendered.html).links == []


@pytest.mark.parametrize(
    ("locale", "words"),
    [
        ("en", "Please pay the open invoice in your account."),
        ("de", "Bitte begleichen Sie die offene Rechnung in Ihrem Konto."),
    ],
)
def test_who_may_still_pay_is_told_where_also_without_a_link(locale: str, words: str):
    facts = {**REALISTIC[Kind.ACTIVATION_FAILED], "pay_url": None}
    assert words in flowing(render(Kind.ACTIVATION_FAILED, locale, ADA, facts))


def test_a_first_purchase_has_nothing_to_come_from():
    facts = {**CHANGE, "from": None, "effective_at": None}
    assert "You are now on Pro 50k annual." in flowing(render(Kind.PLAN_CHANGED, "en", ADA, facts))


@pytest.mark.parametrize(
    ("locale", "tag"),
    [
        ("en", "en"), ("de", "de"), ("de-AT", "de"), ("de_CH", "de"), ("DE-Latn-DE", "de"),
        ("en-GB", "en"), ("fr", "en"), ("", "en"), ("../de", "en"), ("deutsch", "en"),
    ],
)  # fmt: skip
def test_a_locale_falls_back_to_its_language_and_then_to_english(locale: str, tag: str):
    assert language_of(locale).tag == tag


@pytest.mark.parametrize(
    ("amount", "en", "de"),
    [
        ("113.85 USD", "$113.85", "113,85 $"),
        ("-1138.50 EUR", "-€1,138.50", "-1.138,50 €"),
        ("5000 JPY", "5,000 JPY", "5.000 JPY"),
        ("1.250 KWD", "1.250 KWD", "1,250 KWD"),
        ("a lot", "a lot", "a lot"),
    ],
)
def test_amounts_are_written_as_people_write_them(amount: str, en: str, de: str):
    assert LANGUAGES["en"].money(amount) == en
    assert LANGUAGES["de"].money(amount) == de


def test_every_kind_has_its_template_in_every_language_and_no_other_lies_around():
    expected = {f"{kind.value}.txt.j2" for kind in Kind} | {"base.txt.j2"}
    for locale in LANGUAGES:
        assert {path.name for path in (TEMPLATES / locale).iterdir()} == expected
