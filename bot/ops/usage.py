"""Spanish sentences for mistakes in the command line, which typer describes in English."""

from __future__ import annotations

import re

import typer
from typer.core import TyperGroup

from bot.texts import say
from bot.texts.catalogue import did_you_mean
from bot.texts.formatting import program, shorten

# typer has no exception type for these two.
_UNKNOWN = re.compile(r"No such command '(.*?)'\.", re.DOTALL)
_EXTRA = re.compile(r"Got unexpected extra argument(?:s|\(s\))? \((.*)\)", re.DOTALL)


def describe_usage_error(error: typer.TyperException) -> str:
    """A sentence with the mistake and the command whose help explains the usage."""
    context: typer.Context | None = getattr(error, "ctx", None)
    command = program() if context is None else context.command_path
    return say("usage", problem=_problem(error, context), command=command)


def _problem(error: typer.TyperException, context: typer.Context | None) -> str:
    option, param = getattr(error, "option_name", None), getattr(error, "param", None)
    if option is not None and hasattr(error, "possibilities"):
        hint = did_you_mean(option, error.possibilities or ())
        is_phrase = re.fullmatch(r"--[a-z-]+", option) is None
        if not hint and is_phrase and context is not None and context.command.name == "escribe":
            hint = say("dash_phrase")
        return say("no_option", name=shorten(option), hint=hint)
    if option is not None:
        return say("missing_value", name=option)
    if param is not None and error.message:
        return f"--{param.name}: {error.message}"
    if param is not None:
        return say("missing_argument", name=param.name)
    if (unknown := _UNKNOWN.match(error.message)) is not None:
        hint = did_you_mean(unknown[1], _commands_of(context))
        return say("no_command", name=shorten(unknown[1]), hint=hint)
    if (extra := _EXTRA.match(error.message)) is not None:
        return say("too_much", words=shorten(extra[1]))
    return error.format_message().rstrip(".")


def _commands_of(context: typer.Context | None) -> list[str]:
    group = None if context is None else context.command
    return group.list_commands(context) if context and isinstance(group, TyperGroup) else []
