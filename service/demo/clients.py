"""The two servers as the tour calls them: Planshift with its API key, Stripe as others would."""

from __future__ import annotations

import uuid
from typing import Any

import requests

STRIPE_KEY = "sk_test_sandbox"
TIMEOUT_S = 30


class Unexpected(Exception):
    """An answer that nobody announced: which request, its status, and what it said."""

    def __init__(self, request: str, status: int, body: Any) -> None:
        told = body if isinstance(body, dict) else {}
        error = told.get("error")
        said = told.get("detail") or (error.get("message") if isinstance(error, dict) else error)
        code = f" {told['code']}" if "code" in told else ""
        super().__init__(f"{request} was answered {status}{code}: {said or body}")
        self.status = status
        self.body = told


class _Client:
    def __init__(self, url: str, key: str) -> None:
        self.url = url
        self._session = requests.Session()
        # Neither a proxy nor a .netrc of the user's has anything to do with loopback.
        self._session.trust_env = False
        self._session.headers["Authorization"] = f"Bearer {key}"

    def _ask(self, method: str, path: str, **arguments: Any) -> Any:
        answer = self._session.request(method, self.url + path, timeout=TIMEOUT_S, **arguments)
        try:
            body = answer.json()
        except requests.JSONDecodeError:
            body = answer.text
        if not answer.ok:
            raise Unexpected(f"{method} {path}", answer.status_code, body)
        return body

    def _answers(self, path: str) -> bool:
        try:
            self._ask("GET", path)
        except (requests.RequestException, Unexpected):
            return False
        return True


class Planshift(_Client):
    """The service's HTTP API."""

    def is_ready(self) -> bool:
        return self._answers("/readyz")

    def get(self, path: str) -> Any:
        """Raises Unexpected, as all of these."""
        return self._ask("GET", path)

    def put(self, path: str, body: Any) -> Any:
        return self._ask("PUT", path, json=body)

    def post(self, path: str, body: Any) -> Any:
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        return self._ask("POST", path, json=body, headers=headers)

    def delete(self, path: str) -> Any:
        return self._ask("DELETE", path)


class Stripe(_Client):
    """The sandbox: its v1 API, called as a front end or the dashboard would, and its controls."""

    def __init__(self, url: str) -> None:
        super().__init__(url, STRIPE_KEY)

    def is_up(self) -> bool:
        return self._answers("/_sandbox/state")

    def call(self, method: str, path: str, **params: Any) -> Any:
        """A request with form-encoded parameters. Raises Unexpected."""
        kind = "params" if method == "GET" else "data"
        return self._ask(method, path, **{kind: params})

    def visit(self, page: str, **form: str) -> int:
        """Fill in a page of Stripe's, as a customer does; the status it answers with.

        A page that asks for the bank's answer, or declines, answers 200 and 402; success leads on.
        """
        answer = self._session.post(page, data=form, timeout=TIMEOUT_S, allow_redirects=False)
        declined = "result=declined" in answer.headers.get("Location", "")
        return 402 if declined else answer.status_code

    def state(self) -> Any:
        """Its clock (unix seconds), counts of objects, and deliveries under way."""
        return self._ask("GET", "/_sandbox/state")

    def advance(self, to: int) -> None:
        """Let its clock run to a moment in unix seconds, and everything due on the way happen."""
        self._ask("POST", "/_sandbox/clock", json={"to": to})
