"""Labels and the audit log."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "labels",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column(
            "superseded_by", sa.String(64), sa.ForeignKey("labels.digest", deferrable=True, initially="DEFERRED")
        ),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("contact_id", "item", "grader")),
        sa.Column("verdict", sa.String(16), nullable=False),
        sa.Column("points", sa.Float),
        sa.Column("purpose", sa.String(16), nullable=False),
        sa.Column("inclusion_probability", sa.Float),
        sa.Column("rated_at", sa.String(40), nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("rubric_name", "rubric_version")),
        sa.Column("rubric_sha256", sa.String(64), nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("comment", "source")),
        sa.Column("imported_at", sa.String(40), nullable=False),
        sa.UniqueConstraint("digest", name="uq_labels_digest"),
        sa.CheckConstraint("verdict IN ('met', 'not_met', 'not_applicable', 'points')", name="ck_labels_verdict"),
        sa.CheckConstraint("purpose IN ('random', 'double', 'targeted', 'coaching')", name="ck_labels_purpose"),
        sa.CheckConstraint("points IS NULL OR (points >= 0 AND points <= 1)", name="ck_labels_points"),
        sa.CheckConstraint(
            "inclusion_probability IS NULL OR (inclusion_probability > 0 AND inclusion_probability <= 1)",
            name="ck_labels_inclusion_probability",
        ),
    )
    current = sa.text("superseded_by IS NULL")
    op.create_index(
        "uq_labels_current",
        "labels",
        ["contact_id", "item", "grader", "rubric_name", "rubric_version"],
        unique=True,
        sqlite_where=current,
        postgresql_where=current,
    )
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("at", sa.String(40), nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("action", sa.String(40), nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("details", sa.Text, nullable=False),
    )
