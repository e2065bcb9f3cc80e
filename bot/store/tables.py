"""The tables. Times are seconds since 1970; a person or a server is `platform:id`."""

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
# Assigned by the database; SQLite assigns integers only.
_Number = BigInteger().with_variant(Integer(), "sqlite")
# Any text a person can type; PostgreSQL's text type has no NUL character.
_Typed = Text().with_variant(JSON(), "postgresql")

# Accepted jobs whose final message is not known to have arrived.
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
    Column("process", Text, index=True),  # its owner, if several share the database
)

# Events of the platforms, by the platform's own key. An unhandled event has a body; the key of a
# handled one stays for a while, so that a second delivery is recognised.
events = Table(
    "events",
    metadata,
    Column("platform", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("body", JSON(none_as_null=True)),
    Column("received", Float, nullable=False, index=True),
    Column("process", Text),  # its owner, if several share the database
)

# Requests as the limits count them, without their phrases.
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

# Processes that share the database.
processes = Table(
    "processes",
    metadata,
    Column("id", Text, primary_key=True),
    Column("state", JSON, nullable=False),
    Column("expires", Float, nullable=False),  # by the database's clock
)

# Roles that one of them has at a time.
leases = Table(
    "leases",
    metadata,
    Column("name", Text, primary_key=True),
    Column("process", Text, nullable=False),
    Column("expires", Float, nullable=False),
)
