"""The mailer of a deployment: SMTP if it is configured, else none (notices are kept unsent)."""

from __future__ import annotations

from adapter.notices.smtp import Mailer, SmtpMailer

from .settings import Settings

SMTP_TIMEOUT_S = 15.0


def mailer_of(settings: Settings) -> Mailer | None:
    """The mailer, or None without PLANSHIFT_SMTP_URL."""
    return SmtpMailer(settings.smtp_url, SMTP_TIMEOUT_S) if settings.smtp_url else None
