"""The tables. Times are seconds since 1970; a person is `platform:id`, as in every list of ours."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
)

metadata = MetaData()
# Counted by the database; SQLite counts integers only.
_Number = BigInteger().with_variant(Integer(), "sqlite")
# Anything that somebody can type; PostgreSQL's text has no place for the character zero.
_Typed = Text().with_variant(JSON(), "postgresql")

# Requests that were accepted and whose final message is not known to have been sent.
jobs = Table(
    "jobs",
    metadata,
    Column("reference", Text, primary_key=True),
    Column("platform", Text, nullable=False, index=True),
    Column("user", BigInteger, nullable=False),
    Column("place", BigInteger),
    Column("language", Text, nullable=False),
    Column("phrase", _Typed, nullable=False),
    Column("options", JSON, nullable=False),
    Column("private", Boolean, nullable=False),
    Column("origin", JSON, nullable=False),
    Column("asked", Float, nullable=False),
    Column("process", Text, index=True),  # that answers it, where there are several
)

# Events as the platforms deliver them, by the platform's own key. What is not handled yet keeps
# its body; of the others the key stays for a while, so that a second delivery is known.
events = Table(
    "events",
    metadata,
    Column("platform", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("body", JSON(none_as_null=True)),
    Column("received", Float, nullable=False, index=True),
    Column("process", Text),  # that handles it, where there are several
)

# What the limits count, without a word of what was asked.
requests = Table(
    "requests",
    metadata,
    Column("id", _Number, primary_key=True),
    Column("person", Text, nullable=False, index=True),
    Column("server", Text),
    Column("at", Float, nullable=False, index=True),
)
asked_there = Index("requests_of_servers", requests.c.server, requests.c.at)

blocks = Table(
    "blocks",
    metadata,
    Column("person", Text, primary_key=True),
    Column("until", Float, nullable=False),
)

memory = Table(
    "memory",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", JSON, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("id", _Number, primary_key=True),
    Column("at", Float, nullable=False, index=True),
    Column("who", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("details", JSON, nullable=False),
)

# Processes that share the database, as long as they say that they live.
processes = Table(
    "processes",
    metadata,
    Column("id", Text, primary_key=True),
    Column("state", JSON, nullable=False),
    Column("expires", Float, nullable=False),  # by the database's clock
)

# What exactly one of them does.
leases = Table(
    "leases",
    metadata,
    Column("name", Text, primary_key=True),
    Column("process", Text, nullable=False),
    Column("expires", Float, nullable=False),
)
