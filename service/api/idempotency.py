"""``Idempotency-Key`` on every POST of the API: the same key brings the same answer."""

from __future__ import annotations

import hashlib
from datetime import timedelta

from flask import Flask, Response, g, json, request
from sqlalchemy import delete, select

from adapter.clock import Clock
from adapter.database import Database
from adapter.ids import new_id
from adapter.rows import insert_once
from adapter.tables import AnsweredRequestRow

from .problems import problem

# A request that never got its answer (the process died) gives its key up after this.
ABANDONED = timedelta(minutes=5)
LIFETIME = timedelta(hours=24)


class Idempotency:
    """Remembers the answers of POSTs that carry a key."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def install(self, app: Flask) -> None:
        """Look before every request, remember after it."""
        app.before_request(self._before)
        app.after_request(self._after)

    def _before(self) -> Response | None:
        key = request.headers.get("Idempotency-Key")
        caller = g.get("caller")
        if request.method != "POST" or key is None or caller is None:
            return None
        if not 1 <= len(key) <= 255:
            return problem(422, "invalid_idempotency_key", "Use 1 to 255 characters.")
        row = {
            "id": new_id("idem"),
            "api_key_id": caller.key_id,
            "key": key,
            "fingerprint": _fingerprint(),
            "started_at": self._clock.now(),
        }
        with self._database.write() as tx:
            self._forget_old(tx.execute)
            if insert_once(tx, AnsweredRequestRow, row):
                g.answers_to = row["id"]
                return None
            known = tx.scalars(
                select(AnsweredRequestRow).where(
                    AnsweredRequestRow.api_key_id == caller.key_id, AnsweredRequestRow.key == key
                )
            ).one()
        return _replay(known, row["fingerprint"])

    def _forget_old(self, execute: object) -> None:
        now = self._clock.now()
        assert callable(execute)
        table = AnsweredRequestRow
        execute(delete(table).where(table.started_at < now - LIFETIME))
        execute(delete(table).where(table.status.is_(None), table.started_at < now - ABANDONED))

    def _after(self, response: Response) -> Response:
        row_id = g.pop("answers_to", None)
        if row_id is None:
            return response
        with self._database.write() as tx:
            row = tx.get(AnsweredRequestRow, row_id)
            if row is None:
                return response
            if response.status_code >= 500:
                tx.delete(row)  # nothing was decided: the key may be used again
            else:
                row.status = response.status_code
                row.body = {"json": response.get_json(), "type": response.content_type}
        return response


def _replay(known: AnsweredRequestRow, fingerprint: str) -> Response:
    if known.fingerprint != fingerprint:
        return problem(
            422,
            "idempotency_key_reused",
            "This Idempotency-Key was used with another request; use a new one.",
        )
    if known.status is None or known.body is None:
        return problem(409, "idempotency_in_progress", "The first request is still running.")
    body = json.dumps(known.body["json"])
    response = Response(body, known.status, content_type=known.body["type"])
    response.headers["Idempotent-Replayed"] = "true"
    return response


def _fingerprint() -> str:
    # The query in bytes as it came: it need not be text.
    told = (request.method.encode(), request.path.encode(), request.query_string)
    return hashlib.sha256(b" ".join((*told, request.get_data()))).hexdigest()
