"""The walk-through with the Stripe CLI is walked: every command of the page, as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

from service.demo.processes import free_ports
from tests.support.documents import blocks, type_all
from tests.support.stripe_cli import find_cli

PAGE = "testing-with-the-stripe-cli.md"
CI = Path(__file__).resolve().parent.parent / ".ci" / "run"


def test_every_command_of_the_page_does_what_it_should(tmp_path: Path) -> None:
    tools = tmp_path / "node_modules" / ".bin"
    tools.mkdir(parents=True)
    (tools / "stripe").symlink_to(find_cli())
    # The CLI's check for a newer version of itself fails at once and silently.
    env = {"HOME": str(tmp_path), "HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": "127.0.0.1"}
    ports = dict(zip((12111, 8000), free_ports(2), strict=True))
    assert type_all(PAGE, tmp_path, ports, env) >= 11


def test_the_page_installs_what_ci_installs() -> None:
    """It is not typed: nothing that is tested comes from the internet."""
    (install,) = [block.text for block in blocks(PAGE) if block.kind == "sh install"]
    (version,) = re.findall(r"^STRIPE_CLI_VERSION=(\S+)$", CI.read_text(), re.MULTILINE)
    assert f"@stripe/cli@{version}\n" in install


def test_no_block_of_the_page_is_overlooked() -> None:
    kinds = {" ".join(block.kind.split()[:2]) for block in blocks(PAGE)}
    assert kinds == {"sh", "sh install", "sh everywhere", "sh background"}
