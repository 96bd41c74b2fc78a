"""The tables of the store of labels, as SQLAlchemy knows them; the migrations make them."""

from sqlalchemy import (
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
