"""Turning a notice into words: one wording per kind and language, in plain text and HTML.

A template is a short text: its first paragraph is the subject, the others the body. The HTML form
lays out the same paragraphs, so the two can never say different things; the paragraph that ends in
the link to pay becomes a button.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from .outbox import Kind

TEMPLATES = Path(__file__).parent / "templates"
FALLBACK = "en"
TEXT_WIDTH = 72

# What each template may read. A fact that a row lacks (it was queued by an older version, or
# there was nothing to say) is None; a name that is not listed here is a mistake in the template.
FACTS: Mapping[Kind, tuple[str, ...]] = {
    Kind.CANCELLATION_SET: ("plans", "ends_at"),
    Kind.CANCELLATION_ENDED: ("plans", "ended_at", "reason"),
    Kind.UNCANCELLED: ("plans", "paid_until"),
    Kind.PLAN_CHANGED: ("from", "to", "effective_at"),
    Kind.CHANGE_SCHEDULED: ("from", "to", "effective_at"),
    Kind.CHANGE_CANCELLED: ("from", "to"),
    Kind.ACTIVATION_FAILED: ("from", "to", "amount", "pay_url", "grace_until"),
    Kind.PAYMENT_FAILED: ("number", "amount", "pay_url", "next_attempt"),
    Kind.ACTION_REQUIRED: ("from", "to", "pay_url", "nothing_due"),
    Kind.RECOVERED: ("plans", "paid_until"),
    Kind.TRIAL_ENDING: ("plans", "ends_at", "chargeable"),
    Kind.SALES_REQUEST: ("request", "account", "company", "contact", "plan", "fields"),
}
LINK = "pay_url"

_AMOUNT = re.compile(r"(-?)(\d+(?:\.\d+)?) ([A-Z]{3})", re.ASCII)
_SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£"}


@dataclass(frozen=True)
class Contact:
    """Who a notice is for: the account's billing contact."""

    name: str | None
    email: str


@dataclass(frozen=True)
class Rendered:
    """A notice in words. ``subject`` is a single line; ``text`` and ``html`` say the same."""

    subject: str
    text: str
    html: str


@dataclass(frozen=True)
class Paragraph:
    """One paragraph; with ``url`` it is the label of a link that someone is meant to follow."""

    words: str
    url: str | None = None

    @property
    def text(self) -> str:
        wrapped = textwrap.fill(
            self.words, TEXT_WIDTH, break_long_words=False, break_on_hyphens=False
        )
        return wrapped if self.url is None else f"{wrapped}:\n{self.url}"


@dataclass(frozen=True)
class Language:
    """How a language writes dates, amounts and lists."""

    tag: str
    date_form: str
    months: Sequence[str]
    conjunction: str
    thousands: str
    decimal_point: str
    amount_form: str

    def date(self, iso: str) -> str:
        """The day of an ISO 8601 moment, in UTC as Stripe bills: "21 November 2026"."""
        moment = datetime.fromisoformat(iso).astimezone(UTC)
        return self.date_form.format(
            day=moment.day, month=self.months[moment.month - 1], year=moment.year
        )

    def money(self, amount: str) -> str:
        """``str(Money)`` as people write it: "1138.50 USD" becomes "$1,138.50"."""
        parsed = _AMOUNT.fullmatch(amount)
        if parsed is None:
            return amount
        sign, digits, currency = parsed.groups()
        marks = str.maketrans({",": self.thousands, ".": self.decimal_point})
        number = f"{Decimal(digits):,}".translate(marks)
        form = self.amount_form if currency in _SYMBOLS else "{sign}{number} {unit}"
        return form.format(sign=sign, number=number, unit=_SYMBOLS.get(currency, currency))

    def listed(self, names: Sequence[str | None] | None) -> str:
        """The names that are known, as "A, B and C"; empty if there is none."""
        known = [name for name in names or () if name]
        if len(known) < 2:
            return "".join(known)
        return f"{', '.join(known[:-1])} {self.conjunction} {known[-1]}"


LANGUAGES: Mapping[str, Language] = {
    "en": Language(
        tag="en",
        date_form="{day} {month} {year}",
        months=(
            "January", "February", "March", "April", "May", "June", "July", "August",
            "September", "October", "November", "December",
        ),
        conjunction="and",
        thousands=",",
        decimal_point=".",
        amount_form="{sign}{unit}{number}",
    ),
    "de": Language(
        tag="de",
        date_form="{day}. {month} {year}",
        months=(
            "Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August",
            "September", "Oktober", "November", "Dezember",
        ),
        conjunction="und",
        thousands=".",
        decimal_point=",",
        amount_form="{sign}{number} {unit}",
    ),
}  # fmt: skip


def render(kind: Kind, locale: str, account: Contact, facts: Mapping[str, Any]) -> Rendered:
    """Put a notice into words, in the account's language.

    ``locale`` is a language tag; ``de-AT`` falls back to ``de``, anything unknown to English.
    ``facts`` are those of the notice's row; moments are ISO 8601, amounts ``str(Money)``.
    """
    language = language_of(locale)
    told = {name: _flat(facts.get(name)) for name in FACTS[kind]}
    link = told[LINK] = _web_address(told[LINK]) if LINK in told else None
    templates = _environment(language.tag)
    source = templates.get_template(f"{kind.value}.txt.j2").render(told, name=_flat(account.name))
    subject, *body = _paragraphs(source, link)
    html = templates.get_template("base.html.j2").render(
        language=language.tag, subject=subject.words, paragraphs=body
    )
    text = "\n\n".join(paragraph.text for paragraph in body) + "\n"
    return Rendered(subject.words, text, html)


def language_of(locale: str) -> Language:
    """The closest language there are templates for: region, then language, then English."""
    parts = locale.replace("_", "-").lower().split("-")
    tags = ["-".join(parts[:length]) for length in range(len(parts), 0, -1)]
    return next((LANGUAGES[tag] for tag in tags if tag in LANGUAGES), LANGUAGES[FALLBACK])


def one_line(words: str) -> str:
    """``words`` without line breaks and control characters, which have no place in a header."""
    return re.sub(r"[\s\x00-\x1f\x7f-\x9f]+", " ", words).strip()


@cache
def _environment(tag: str) -> Environment:
    language = LANGUAGES[tag]
    environment = Environment(
        loader=FileSystemLoader([TEMPLATES / tag, TEMPLATES]),
        autoescape=select_autoescape(enabled_extensions=("html.j2",), default=False),
        undefined=StrictUndefined,
    )
    environment.filters |= {
        "date": language.date,
        "money": language.money,
        "listed": language.listed,
    }
    return environment


def _flat(fact: Any) -> Any:
    """A fact whose text cannot start a line of its own: neither a header nor a paragraph."""
    if isinstance(fact, str):
        return one_line(fact) or None
    return [_flat(part) for part in fact] if isinstance(fact, list) else fact


def _web_address(link: str | None) -> str | None:
    """The link if it is one to a page; anything else is better not clicked on."""
    return link if link and link.startswith(("https://", "http://")) else None


def _paragraphs(source: str, link: str | None) -> list[Paragraph]:
    blocks = (one_line(block) for block in re.split(r"\n\s*\n", source.strip()))
    return [_paragraph(words, link) for words in blocks]


def _paragraph(words: str, link: str | None) -> Paragraph:
    if link is not None and words.endswith(link):
        return Paragraph(words.removesuffix(link).rstrip(" :"), link)
    return Paragraph(words)
