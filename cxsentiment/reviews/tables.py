"""The tables of the store of labels, as SQLAlchemy knows them; the migrations make them."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData()

# Append-only: a verdict that is replaced stays, and superseded_by names the one that took its place.
labels = Table(
    "labels",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("digest", String(64), nullable=False),
    Column("superseded_by", String(64), ForeignKey("labels.digest", deferrable=True, initially="DEFERRED")),
    Column("contact_id", Text, nullable=False),
    Column("item", Text, nullable=False),
    Column("grader", Text, nullable=False),
    Column("verdict", String(16), nullable=False),
    Column("points", Float),
    Column("purpose", String(16), nullable=False),
    Column("inclusion_probability", Float),
    Column("rated_at", String(40), nullable=False),
    Column("rubric_name", Text, nullable=False),
    Column("rubric_version", Text, nullable=False),
    Column("rubric_sha256", String(64), nullable=False),
    Column("comment", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("imported_at", String(40), nullable=False),
    Column("stratum", Text, nullable=False, server_default=""),
    UniqueConstraint("digest", name="uq_labels_digest"),
    CheckConstraint("verdict IN ('met', 'not_met', 'not_applicable', 'points')", name="ck_labels_verdict"),
    CheckConstraint("purpose IN ('random', 'double', 'targeted', 'coaching')", name="ck_labels_purpose"),
    CheckConstraint("points IS NULL OR (points >= 0 AND points <= 1)", name="ck_labels_points"),
    CheckConstraint(
        "inclusion_probability IS NULL OR (inclusion_probability > 0 AND inclusion_probability <= 1)",
        name="ck_labels_inclusion_probability",
    ),
)

# One verdict of a grader is the current one; two writers at once cannot make two.
Index(
    "uq_labels_current",
    labels.c.contact_id,
    labels.c.item,
    labels.c.grader,
    labels.c.rubric_name,
    labels.c.rubric_version,
    unique=True,
    sqlite_where=labels.c.superseded_by.is_(None),
    postgresql_where=labels.c.superseded_by.is_(None),
)
Index("ix_labels_superseded_by", labels.c.superseded_by)

audit = Table(
    "audit",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("at", String(40), nullable=False),
    Column("who", Text, nullable=False),
    Column("action", String(40), nullable=False),
    Column("subject", Text, nullable=False),
    Column("details", Text, nullable=False),
)

# The people who use the pages. A user without a password comes in through a proxy that has checked who it is.
users = Table(
    "users",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("name", String(64), nullable=False, unique=True),
    Column("role", String(16), nullable=False),
    Column("agent_id", Text),
    Column("password_hash", Text),
    Column("disabled", Boolean, nullable=False, default=False),
    Column("created_at", String(40), nullable=False),
)

# Times of sessions and failures are seconds since 1970. Of a token only the hash is kept.
sessions = Table(
    "sessions",
    metadata,
    Column("token_sha256", String(64), primary_key=True),
    Column("user_name", String(64), nullable=False),
    Column("local", Boolean, nullable=False),
    Column("csrf", String(64), nullable=False),
    Column("started", BigInteger, nullable=False),
    Column("seen", BigInteger, nullable=False),
)
login_failures = Table(
    "login_failures",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("last", BigInteger, nullable=False),
)

# What people are asked to grade: a batch of one kind, and in it one row a contact and grader.
batches = Table(
    "batches",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("run", String(64), nullable=False),
    Column("name", Text, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("purpose", String(16), nullable=False),
    Column("seed", Integer, nullable=False),
    Column("created_by", String(64), nullable=False),
    Column("created_at", String(40), nullable=False),
    CheckConstraint("kind IN ('random', 'double', 'calibration', 'picked')", name="ck_batches_kind"),
)
Index(
    "uq_batches_picked",
    batches.c.run,
    unique=True,
    sqlite_where=batches.c.kind == "picked",
    postgresql_where=batches.c.kind == "picked",
)
# `version` counts the times it was saved: who saves names the one they saw, and a later one is not written over.
assignments = Table(
    "assignments",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("batch_id", Integer, ForeignKey("batches.id"), nullable=False),
    Column("contact_id", Text, nullable=False),
    Column("grader", String(64), nullable=False),
    Column("inclusion_probability", Float),
    Column("done_at", String(40)),
    Column("version", Integer, nullable=False),
    UniqueConstraint("batch_id", "contact_id", "grader", name="uq_assignments"),
)
Index("ix_assignments_grader", assignments.c.grader, assignments.c.done_at)

# A verdict that somebody contests, and what was decided; `machine_*` is what the run said, `human_*` what holds now.
disputes = Table(
    "disputes",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("run", String(64), nullable=False),
    Column("contact_id", Text, nullable=False),
    Column("item", Text, nullable=False),
    Column("machine_verdict", String(16), nullable=False),
    Column("machine_points", Float),
    Column("machine_p", Float),
    Column("opened_by", String(64), nullable=False),
    Column("opened_at", String(40), nullable=False),
    Column("reason", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("decided_by", String(64)),
    Column("decided_at", String(40)),
    Column("decision", Text),
    Column("human_verdict", String(16)),
    Column("human_points", Float),
    Column("version", Integer, nullable=False),
    CheckConstraint("state IN ('open', 'upheld', 'changed', 'withdrawn')", name="ck_disputes_state"),
)
Index(
    "uq_disputes_open",
    disputes.c.run,
    disputes.c.contact_id,
    disputes.c.item,
    unique=True,
    sqlite_where=disputes.c.state == "open",
    postgresql_where=disputes.c.state == "open",
)

# What a person reads in one turn, for retraining; append-only, the current one has no replaced_at.
turn_labels = Table(
    "turn_labels",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("run", String(64), nullable=False),
    Column("contact_id", Text, nullable=False),
    Column("turn", Integer, nullable=False),
    Column("speaker", String(16), nullable=False),
    Column("grader", String(64), nullable=False),
    Column("sentiment", String(16)),
    Column("acts", Text),
    Column("labelled_at", String(40), nullable=False),
    Column("replaced_at", String(40)),
)
Index(
    "uq_turn_labels_current",
    turn_labels.c.run,
    turn_labels.c.contact_id,
    turn_labels.c.turn,
    turn_labels.c.grader,
    unique=True,
    sqlite_where=turn_labels.c.replaced_at.is_(None),
    postgresql_where=turn_labels.c.replaced_at.is_(None),
)

OF_CONTACTS = (assignments, disputes, turn_labels)
"""The tables beside the labels that hold something of single contacts."""
