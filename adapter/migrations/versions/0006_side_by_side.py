"""customers are chosen by how long their events wait"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pending = sa.text("state = 'pending'")
    op.create_index(
        "ix_events_due",
        "events",
        ["next_at", "seq", "owner"],
        sqlite_where=pending,
        postgresql_where=pending,
    )
