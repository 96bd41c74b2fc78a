"""The stratum that a contact was drawn from, and an index for what was superseded."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the column and the index."""
    op.add_column("labels", sa.Column("stratum", sa.Text, nullable=False, server_default=""))
    op.create_index("ix_labels_superseded_by", "labels", ["superseded_by"])
