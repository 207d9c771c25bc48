"""What every test stands on: no network beyond loopback, and both databases."""

from __future__ import annotations

import gc
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from zlib import crc32

import pytest
import stripe
from hypothesis import settings

from adapter.database import Database, open_database
from adapter.migrations import migrate
from tests.support import engines
from tests.support.postgres import NoPostgres, PostgresServer, find_server

# Stripe's own document judges every sandbox of every test.
pytest_plugins = ["tests.judges.plugin"]

# Every worker, and every process a test starts, imports the same modules: compiling them anew each
# time takes longer than most of what they do, so bytecode is kept even where the machine says not.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# Nothing here goes through a proxy; for every request `requests` would look for one.
os.environ["NO_PROXY"] = os.environ["no_proxy"] = (
    "127.0.0.1,localhost,api.stripe.com,planshift.test"
)

engines.install()

DATABASES = ("sqlite", "postgresql")

# `make test` samples the laws, the same way every time; `make soak` tries to break them.
settings.register_profile("test", deadline=None, derandomize=True, print_blob=True)
settings.register_profile("soak", deadline=None, max_examples=2000, print_blob=True)
settings.load_profile("soak" if os.environ.get("SOAK") else "test")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "by_turns: each test on one database, SOAK=1 on both")


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test marked ``by_turns`` takes one of the databases, always the same one.

    For stories about something else: both databases meet every part of the code, though not in
    every story. Those of a row (``test_row_*``) are told on both, whatever their module says.
    """
    test = metafunc.definition
    if os.environ.get("SOAK") or "database_url" not in metafunc.fixturenames:
        return
    chosen = any("database_url" in mark.args[0] for mark in test.iter_markers("parametrize"))
    marked = test.get_closest_marker("by_turns") and not test.name.startswith("test_row_")
    if marked and not chosen:
        turn = DATABASES[crc32(test.name.encode()) % len(DATABASES)]
        test.add_marker(pytest.mark.parametrize("database_url", [turn], indirect=True))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What tests have counted or measured, for people: ``record_property("numbers", …)``."""
    reports = [
        report for kind in ("passed", "failed") for report in terminalreporter.getreports(kind)
    ]
    lines = [
        f"{report.nodeid.rpartition('::')[2]}: {text}"
        for report in reports
        if report.when == "call"
        for name, text in report.user_properties
        if name == "numbers"
    ]
    if lines:
        terminalreporter.section("numbers")
        for line in sorted(lines):
            terminalreporter.write_line(line)


def pytest_collection_finish() -> None:
    """What is loaded by now stays: the garbage collector need not look through it again.

    And it looks less often: nothing a test makes is large.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK's pause before its retry is no part of what is tested."""
    monkeypatch.setattr(stripe.HTTPClient, "_sleep_time_seconds", lambda *_: 0.0)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL server: TEST_DATABASE_URL, or one started here on a private socket."""
    try:
        server = find_server()
    except NoPostgres as reason:
        if os.environ.get("CI"):
            pytest.fail(f"CI must test PostgreSQL: {reason}")
        pytest.skip(f"*** POSTGRESQL NOT TESTED: {reason} ***")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file; each test gets a copy, which is faster than migrating anew."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    database = open_database(f"sqlite:///{path}")
    migrate(database)
    engines.share(database.engine)
    database.dispose()
    return path


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """The URL of an empty, migrated SQLite database, for matrices the database has no part in."""
    shutil.copy(sqlite_template, tmp_path / "test.db")
    return f"sqlite:///{tmp_path / 'test.db'}"


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of an empty, migrated database of each kind."""
    if request.param == "sqlite":
        yield request.getfixturevalue("sqlite_url")
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    with server.lend_database() as url:
        yield url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """An empty, migrated database of each kind."""
    opened = open_database(database_url)
    yield opened
    opened.dispose()
