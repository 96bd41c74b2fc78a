"""What the pages need: users and their sessions, assignments, disputes, labelled turns."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the tables."""
    _people()
    _work()


def _people() -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("name", sa.String(64), nullable=False, unique=True),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("agent_id", sa.Text),
        sa.Column("password_hash", sa.Text),
        sa.Column("disabled", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.String(40), nullable=False),
    )
    op.create_table(
        "sessions",
        sa.Column("token_sha256", sa.String(64), primary_key=True),
        sa.Column("user_name", sa.String(64), nullable=False),
        sa.Column("local", sa.Boolean, nullable=False),
        sa.Column("csrf", sa.String(64), nullable=False),
        sa.Column("started", sa.BigInteger, nullable=False),
        sa.Column("seen", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "login_failures",
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("last", sa.BigInteger, nullable=False),
    )


def _work() -> None:
    op.create_table(
        "batches",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("run", sa.String(64), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("purpose", sa.String(16), nullable=False),
        sa.Column("seed", sa.Integer, nullable=False),
        sa.Column("created_by", sa.String(64), nullable=False),
        sa.Column("created_at", sa.String(40), nullable=False),
        sa.CheckConstraint("kind IN ('random', 'double', 'calibration', 'picked')", name="ck_batches_kind"),
    )
    _one_at_a_time("uq_batches_picked", "batches", ["run"], "kind = 'picked'")
    op.create_table(
        "assignments",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("batch_id", sa.Integer, sa.ForeignKey("batches.id"), nullable=False),
        sa.Column("contact_id", sa.Text, nullable=False),
        sa.Column("grader", sa.String(64), nullable=False),
        sa.Column("inclusion_probability", sa.Float),
        sa.Column("done_at", sa.String(40)),
        sa.Column("version", sa.Integer, nullable=False),
        sa.UniqueConstraint("batch_id", "contact_id", "grader", name="uq_assignments"),
    )
    op.create_index("ix_assignments_grader", "assignments", ["grader", "done_at"])
    op.create_table(
        "disputes",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("run", sa.String(64), nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("contact_id", "item")),
        sa.Column("machine_verdict", sa.String(16), nullable=False),
        *(sa.Column(name, sa.Float) for name in ("machine_points", "machine_p")),
        sa.Column("opened_by", sa.String(64), nullable=False),
        sa.Column("opened_at", sa.String(40), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("decided_by", sa.String(64)),
        sa.Column("decided_at", sa.String(40)),
        sa.Column("decision", sa.Text),
        sa.Column("human_verdict", sa.String(16)),
        sa.Column("human_points", sa.Float),
        sa.Column("version", sa.Integer, nullable=False),
        sa.CheckConstraint("state IN ('open', 'upheld', 'changed', 'withdrawn')", name="ck_disputes_state"),
    )
    _one_at_a_time("uq_disputes_open", "disputes", ["run", "contact_id", "item"], "state = 'open'")
    op.create_table(
        "turn_labels",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("run", sa.String(64), nullable=False),
        sa.Column("contact_id", sa.Text, nullable=False),
        sa.Column("turn", sa.Integer, nullable=False),
        sa.Column("speaker", sa.String(16), nullable=False),
        sa.Column("grader", sa.String(64), nullable=False),
        sa.Column("sentiment", sa.String(16)),
        sa.Column("acts", sa.Text),
        sa.Column("labelled_at", sa.String(40), nullable=False),
        sa.Column("replaced_at", sa.String(40)),
    )
    columns = ["run", "contact_id", "turn", "grader"]
    _one_at_a_time("uq_turn_labels_current", "turn_labels", columns, "replaced_at IS NULL")


def _one_at_a_time(name: str, table: str, columns: list[str], condition: str) -> None:
    """At most one row of these columns for which the condition holds, whoever writes at once."""
    where = sa.text(condition)
    op.create_index(name, table, columns, unique=True, sqlite_where=where, postgresql_where=where)
