"""The command line, with the settings of a deployment."""

from __future__ import annotations

from collections.abc import Callable

from click.testing import CliRunner, Result

from service.cli import main
from tests.support.world import SECRET

Planshift = Callable[..., Result]


def planshift_on(database_url: str, **settings: str) -> Planshift:
    """Runs `planshift` in this process; names in capitals are further settings of a call."""
    environment = {
        "STRIPE_API_KEY": "sk_test_planshift_tests",
        "STRIPE_WEBHOOK_SECRET": SECRET,
        "PLANSHIFT_DATABASE_URL": database_url,
        **settings,
    }

    def run(*arguments: str, **more: str) -> Result:
        return CliRunner().invoke(main, arguments, env={**environment, **more})

    return run
