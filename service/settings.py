"""Settings: read from the environment once, checked as a whole, handed around as a value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from adapter.gateway.client import READ_TIMEOUT_S

DEFAULT_DATABASE = "sqlite:///planshift.db"
DEFAULT_CATALOGUE = "operations"
# Where `planshift serve` listens unless told otherwise.
DEFAULT_PUBLIC_URL = "http://127.0.0.1:8000"
YES = frozenset({"1", "true", "yes", "on"})
NO = frozenset({"", "0", "false", "no", "off"})


class SettingsError(Exception):
    """The settings do not allow a start; the text is one line that says which and what to do."""


@dataclass(frozen=True)
class Settings:
    """Everything that is configured. Secrets never appear in its repr."""

    stripe_api_key: str
    stripe_api_base: str | None
    webhook_secrets: tuple[str, ...]
    database_url: str
    catalogue: str
    smtp_url: str | None
    mail_from: str | None
    sales_email: str | None
    public_url: str
    livemode: bool
    stripe_timeout_s: float

    def __repr__(self) -> str:
        return f"Settings(catalogue={self.catalogue!r}, livemode={self.livemode})"

    @classmethod
    def from_environment(
        cls, environ: Mapping[str, str], *, needs: tuple[str, ...] = ()
    ) -> Settings:
        """Read and check the settings; ``needs`` names those this command cannot do without.

        Raises:
            SettingsError: one is missing, malformed, or contradicts another.
        """

        def read(name: str) -> str | None:
            return environ.get(name, "").strip() or None

        for name in needs:
            if read(name) is None:
                raise SettingsError(f"{name} is not set. {_HELP[name]}")
        secrets = [read("STRIPE_WEBHOOK_SECRET") or ""]
        secrets += (read("STRIPE_WEBHOOK_SECRET_FALLBACKS") or "").split(",")
        settings = cls(
            stripe_api_key=read("STRIPE_API_KEY") or "",
            stripe_api_base=read("STRIPE_API_BASE"),
            webhook_secrets=tuple(secret.strip() for secret in secrets if secret.strip()),
            database_url=read("PLANSHIFT_DATABASE_URL") or DEFAULT_DATABASE,
            catalogue=read("PLANSHIFT_CATALOGUE") or DEFAULT_CATALOGUE,
            smtp_url=read("PLANSHIFT_SMTP_URL"),
            mail_from=read("PLANSHIFT_MAIL_FROM"),
            sales_email=read("PLANSHIFT_SALES_EMAIL"),
            public_url=read("PLANSHIFT_PUBLIC_URL") or DEFAULT_PUBLIC_URL,
            livemode=_flag("PLANSHIFT_LIVEMODE", environ.get("PLANSHIFT_LIVEMODE", "")),
            stripe_timeout_s=_seconds("PLANSHIFT_STRIPE_TIMEOUT", environ),
        )
        settings._refuse_contradictions()
        return settings

    def _refuse_contradictions(self) -> None:
        key = self.stripe_api_key
        if self.livemode and "_test_" in key:
            raise SettingsError(
                "PLANSHIFT_LIVEMODE is on but STRIPE_API_KEY is a test key; use a live key or "
                "switch it off."
            )
        if not self.livemode and "_live_" in key:
            raise SettingsError(
                "STRIPE_API_KEY is a live key but PLANSHIFT_LIVEMODE is off; set "
                "PLANSHIFT_LIVEMODE=1 if real money is meant to move."
            )
        if self.livemode and self.stripe_api_base:
            raise SettingsError(
                "STRIPE_API_BASE is for the sandbox; unset it in live mode, or a live key would "
                "be sent to another server."
            )
        if self.sales_email and not re.fullmatch(r"[^@\s<>]+@[^@\s<>]+", self.sales_email):
            raise SettingsError(
                f"PLANSHIFT_SALES_EMAIL is {self.sales_email!r}; use a bare address, such as "
                "sales@acme.example."
            )
        if self.smtp_url and not self.mail_from:
            raise SettingsError(
                "PLANSHIFT_SMTP_URL is set without PLANSHIFT_MAIL_FROM, the sender's address."
            )


def _flag(name: str, text: str) -> bool:
    word = text.strip().lower()
    if word in YES | NO:
        return word in YES
    raise SettingsError(f"{name} is {text!r}; use 1 or 0.")


def _seconds(name: str, environ: Mapping[str, str]) -> float:
    text = environ.get(name, "").strip() or str(READ_TIMEOUT_S)
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.1 <= seconds <= 300:
        raise SettingsError(f"{name} is {text!r}; use seconds between 0.1 and 300.")
    return seconds


_HELP = {
    "STRIPE_API_KEY": "Use your Stripe secret key, or sk_test_sandbox with 'planshift sandbox'.",
    "STRIPE_WEBHOOK_SECRET": "It is shown where the webhook endpoint was made (whsec_…).",
}
