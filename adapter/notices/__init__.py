"""Notices: the e-mails that follow from what happened, one row per occasion.

``queue`` is called in the transaction of the transition it tells of, so there is no e-mail
without its cause and no cause without its e-mail. ``sending`` hands the rows to SMTP.
"""

from .outbox import queue

__all__ = ["queue"]
