# SPDX-License-Identifier: MIT
"""Tests of MIME parts, and loops over them (RFC 5703): ``mime``, ``foreverypart``, ``extracttext``.

``replace`` and ``enclose`` of the same document are not there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from homemail.message.parameters import decoded_parameter, parse_value
from homemail.sieve.compiler import Compiler
from homemail.sieve.core.match import fold_ascii
from homemail.sieve.diagnostic import Wrong
from homemail.sieve.extension import CommandSpec, Extension, Extract, Sources, TagSpec, Texts
from homemail.sieve.extensions.variables import SET_TAGS, assign, modifiers_of, variable_name
from homemail.sieve.interpret import Broken, Run, Step
from homemail.sieve.syntax import Kind
from homemail.sieve.validate import Bound
from homemail.sieve.view import FieldsView, PartView

DEEPEST_LOOP = 4
_PART = 50  # the work of coming to a part


def _parts(part: PartView) -> Iterator[PartView]:
    yield part
    for child in part.children:
        yield from _parts(child)


def _sources(bound: Bound, compiler: Compiler) -> Sources:
    if "mime" not in bound.tags:
        raise Wrong(bound.at, '":anychild" and what is asked of a field need ":mime"')
    with_children = "anychild" in bound.tags

    def sources(run: Run) -> Sequence[FieldsView]:
        here = run.part
        if with_children:
            found = tuple(_parts(here or run.message.top_part()))
            run.spend(_PART * len(found))
            return found
        return (here or run.message,)

    return sources


def _of_value(read: Callable[[str, str, str], str]) -> Callable[[Bound, Compiler], Extract]:
    """Return what makes an ``Extract`` of ``read(field name, type, subtype)``."""

    def make(bound: Bound, compiler: Compiler) -> Extract:
        def extract(run: Run, name: str, bodies: Sequence[str]) -> Sequence[str]:
            found = []
            for body in bodies:
                value = parse_value(body.encode("utf-8", "replace"))[0].decode("utf-8", "replace")
                kind, _, subtype = value.partition("/")
                found.append(read(name, kind.strip(), subtype.strip()))
            return found

        return extract

    return make


def _type(name: str, kind: str, subtype: str) -> str:
    return kind if name in ("content-type", "content-disposition") else ""


def _subtype(name: str, kind: str, subtype: str) -> str:
    return subtype if name == "content-type" else ""


def _content_type(name: str, kind: str, subtype: str) -> str:
    return f"{kind}/{subtype}" if name == "content-type" and subtype else _type(name, kind, subtype)


def _param(bound: Bound, compiler: Compiler) -> Extract:
    given = bound.tag_strings("param")
    names = compiler.texts(given) if given else Texts.fixed(())

    def extract(run: Run, name: str, bodies: Sequence[str]) -> Sequence[str]:
        wanted = [fold_ascii(text).encode("utf-8", "replace") for text in names.of(run)]
        parsed = [parse_value(body.encode("utf-8", "replace"))[1] for body in bodies]
        found = (decoded_parameter(one, parameter) for one in parsed for parameter in wanted)
        return [value for value in found if value is not None]

    return extract


_ASKED = "thing to ask of a field"
_WHERE = {"mime": TagSpec(sources=_sources), "anychild": TagSpec(sources=_sources)}
_TAGS = {
    **_WHERE,
    "type": TagSpec(group=_ASKED, sources=_sources, extract=_of_value(_type)),
    "subtype": TagSpec(group=_ASKED, sources=_sources, extract=_of_value(_subtype)),
    "contenttype": TagSpec(group=_ASKED, sources=_sources, extract=_of_value(_content_type)),
    "param": TagSpec(Kind.STRINGS, group=_ASKED, sources=_sources, extract=_param),
}

MIME = Extension(name="mime", tags={"header": _TAGS, "address": _WHERE, "exists": _WHERE})


def _for_every_part(bound: Bound, compiler: Compiler) -> Step:
    if len(compiler.loops) >= DEEPEST_LOOP:
        raise Wrong(bound.at, f"more than {DEEPEST_LOOP} loops inside each other")
    name = bound.tag_string("name")
    loop = compiler.new_loop(compiler.constant(name, "the name of a loop") if name else "")
    body = compiler.block(bound.block)
    compiler.loops.pop()

    def for_every_part(run: Run) -> None:
        outer = run.part
        top = run.message.top_part()
        # The outermost loop comes to the message itself, where it is all there is.
        parts = tuple(_parts(outer))[1:] if outer else (tuple(_parts(top))[1:] or (top,))
        try:
            for part in parts:
                run.spend(_PART)
                run.part = part
                body(run)
        except Broken as broken:
            if broken.loop != loop:
                raise
        finally:
            run.part = outer

    return for_every_part


def _break(bound: Bound, compiler: Compiler) -> Step:
    given = bound.tag_string("name")
    name = compiler.constant(given, "the name of a loop") if given else None
    for known, loop in reversed(compiler.loops):
        if name in (None, known):
            found = loop
            break
    else:
        text = f'there is no loop "{name[:60]}" around it' if name else "there is no loop around it"
        raise Wrong(bound.at, text)

    def leave(run: Run) -> None:
        raise Broken(found)

    return leave


FOREVERYPART = Extension(
    name="foreverypart",
    commands={
        "foreverypart": CommandSpec(
            tags={"name": TagSpec(Kind.STRING)}, block=True, build=_for_every_part
        ),
        "break": CommandSpec(tags={"name": TagSpec(Kind.STRING)}, build=_break),
    },
)


def _extract_text(bound: Bound, compiler: Compiler) -> Step:
    if "variables" not in compiler.required:
        raise Wrong(bound.at, '"extracttext" needs: require "variables";')
    if not compiler.loops:
        raise Wrong(bound.at, '"extracttext" stands outside of "foreverypart"')
    name, at = variable_name(bound.string(0), compiler), bound.at
    first = bound.tag_number("first")
    modifiers = modifiers_of(bound)

    def extract_text(run: Run) -> None:
        text = run.part.text() if run.part else ""
        run.spend(len(text) >> 8)
        if first:
            text = text[: first.value]
        text = text[: run.limits.variable_octets]
        for modify in modifiers:
            text = modify(text)
        assign(run, name, text, at)

    return extract_text


EXTRACTTEXT = Extension(
    name="extracttext",
    commands={
        "extracttext": CommandSpec(
            (Kind.STRING,), tags={**SET_TAGS, "first": TagSpec(Kind.NUMBER)}, build=_extract_text
        )
    },
)
