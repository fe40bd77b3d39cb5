# SPDX-License-Identifier: MIT
"""What there is to say about a command, and its three forms: help text, Markdown, man page."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

Rows = Sequence[tuple[str, str]]
_WIDTH = 80
_INDENT = 26  # where explanations begin


@dataclass(frozen=True, slots=True)
class Page:
    """One command. ``common`` are the options that every command has."""

    program: str
    usage: str
    summary: str
    details: str
    commands: Rows
    arguments: Rows
    options: Rows
    common: Rows
    examples: Sequence[str]

    def sections(self) -> list[tuple[str, Rows]]:
        """Return the lists of words with explanations, those that are not empty."""
        every = (
            ("Commands", self.commands),
            ("Arguments", self.arguments),
            ("Options", self.options),
            ("Options of every command", self.common),
        )
        return [(title, rows) for title, rows in every if rows]


def help_text(page: Page) -> str:
    """Return the text of ``--help``."""
    usage = textwrap.fill(f"Usage: {page.usage}", _WIDTH, subsequent_indent=" " * 9)
    parts = [usage, _filled(page.summary)]
    parts += [_filled(paragraph) for paragraph in _paragraphs(page.details)]
    for title, rows in page.sections():
        parts.append("\n".join([f"{title}:", *(_row(*row) for row in rows)]))
    if page.examples:
        parts.append("\n".join(["Examples:", *(f"  {example}" for example in page.examples)]))
    return "\n\n".join(part for part in parts if part) + "\n"


def _paragraphs(text: str) -> list[str]:
    return [" ".join(paragraph.split()) for paragraph in text.split("\n\n") if paragraph.strip()]


def _filled(text: str) -> str:
    sentence = text[:1].upper() + text[1:]
    if sentence and sentence[-1] not in ".:":
        sentence += "."
    return textwrap.fill(sentence, _WIDTH)


def _row(words: str, explanation: str) -> str:
    lines = textwrap.wrap(explanation, _WIDTH - _INDENT)
    if len(words) > _INDENT - 4:
        return "\n".join([f"  {words}", *(" " * _INDENT + line for line in lines)])
    first, *rest = lines or [""]
    start = f"  {words}".ljust(_INDENT)
    return "\n".join([f"{start}{first}".rstrip(), *(" " * _INDENT + line for line in rest)])


def markdown(pages: Sequence[Page]) -> str:
    """Return ``docs/commands.md``."""
    text = [
        "# Commands",
        "",
        '<!-- Made from the program by "make docs"; change homemail/cli instead. -->',
        "",
        "Every command takes `--config FILE` or `--directory DIR`, before or after its own words.",
        "It exits with 0 when all went well, 1 when it failed (the reason is one line on stderr)",
        "and 2 when its words were wrong.",
    ]
    for number, page in enumerate(pages):
        shown = replace(page, common=()) if number else page  # once is enough
        text += ["", f"## {page.program}", "", "```text", help_text(shown).rstrip(), "```"]
    return "\n".join(text) + "\n"


def man_page(pages: Sequence[Page]) -> str:
    """Return the manual page of the program whose first page is the program's own."""
    program, *commands = pages
    text = [
        r'.\" Made from the program by "make docs".',
        ".TH HOMEMAIL 1",
        ".SH NAME",
        _roff(f"homemail - {program.summary}"),
        ".SH SYNOPSIS",
        _roff(program.usage),
        ".SH DESCRIPTION",
        *(line for paragraph in _paragraphs(program.details) for line in (".PP", _roff(paragraph))),
        ".SH OPTIONS",
        *_man_rows([*program.options, *program.common]),
        ".SH COMMANDS",
        *(line for page in commands for line in _man_command(page)),
        ".SH EXAMPLES",
        ".nf",
        *(_roff(example) for page in pages for example in page.examples),
        ".fi",
        ".SH EXIT STATUS",
        "0 when all went well, 1 when it failed (the reason is one line on stderr), 2 when the",
        "words of the command line were wrong.",
        ".SH FILES",
        ".TP",
        "/etc/homemail/homemail.toml",
        "the settings, where neither --config nor --directory is given",
    ]
    return "\n".join(text) + "\n"


def _man_command(page: Page) -> Iterator[str]:
    yield f".SS {_roff(page.program)}"
    yield _roff(page.usage)
    for paragraph in (_filled(page.summary), *_paragraphs(page.details)):
        yield ".PP"
        yield _roff(paragraph.replace("\n", " "))
    yield from _man_rows([*page.arguments, *page.options])


def _man_rows(rows: Rows) -> Iterator[str]:
    for words, explanation in rows:
        yield from (".TP", f".B {_roff(words)}", _roff(explanation))


def _roff(text: str) -> str:
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    return "\\&" + escaped if escaped[:1] in (".", "'") else escaped
