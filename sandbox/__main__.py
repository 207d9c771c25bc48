"""`python -m sandbox`: a Stripe on this machine."""

from __future__ import annotations

import argparse
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from .server import open_server


def main() -> None:
    parser = argparse.ArgumentParser(prog="sandbox", description="A Stripe on this machine.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=12111)
    parser.add_argument("--forward-to", metavar="URL", help="send every event there, signed")
    parser.add_argument("--start", metavar="ISO", help="freeze the clock at this moment (UTC)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--record",
        metavar="FILE",
        type=Path,
        default=os.environ.get("SANDBOX_RECORD") or None,
        help="append every exchange and event there, a JSON line each (default: $SANDBOX_RECORD)",
    )
    chosen = parser.parse_args()
    start = datetime.fromisoformat(chosen.start) if chosen.start else None
    if start is not None and start.tzinfo is None:
        start = start.replace(tzinfo=UTC)
    try:
        open_server(
            chosen.host,
            chosen.port,
            forward_to=chosen.forward_to,
            start=start,
            seed=chosen.seed,
            record=chosen.record,
        ).run(lambda line: print(line, flush=True))  # noqa: T201
    except KeyboardInterrupt:
        sys.exit(0)


if __name__ == "__main__":
    main()
