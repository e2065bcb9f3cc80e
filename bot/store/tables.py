"""The tables. Times are seconds since 1970; a person is `platform:id`, as in every list of ours."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Boolean, Column, Float, Integer, MetaData, Table, Text

metadata = MetaData()

# Requests that were accepted and whose final message is not known to have been sent.
jobs = Table(
    "jobs",
    metadata,
    Column("reference", Text, primary_key=True),
    Column("platform", Text, nullable=False, index=True),
    Column("user", BigInteger, nullable=False),
    Column("place", BigInteger),
    Column("language", Text, nullable=False),
    Column("phrase", Text, nullable=False),
    Column("options", JSON, nullable=False),
    Column("private", Boolean, nullable=False),
    Column("origin", JSON, nullable=False),
    Column("asked", Float, nullable=False),
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
)

# What the limits count, without a word of what was asked.
requests = Table(
    "requests",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("person", Text, nullable=False, index=True),
    Column("server", Text),
    Column("at", Float, nullable=False, index=True),
)

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
    Column("id", Integer, primary_key=True),
    Column("at", Float, nullable=False, index=True),
    Column("who", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("details", JSON, nullable=False),
)
