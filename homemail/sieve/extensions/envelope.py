# SPDX-License-Identifier: MIT
"""The test ``envelope`` (RFC 5228 §5.4)."""

from __future__ import annotations

from homemail.model.address import Address
from homemail.sieve.compiler import Compiler
from homemail.sieve.core.match import fold_ascii
from homemail.sieve.diagnostic import Wrong
from homemail.sieve.extension import Extension, TestSpec
from homemail.sieve.interpret import Predicate, Run
from homemail.sieve.syntax import Kind
from homemail.sieve.validate import Bound

_PARTS = ("from", "to")


def _envelope(bound: Bound, compiler: Compiler) -> Predicate:
    texts = compiler.texts(bound.strings(0))
    for item, name in zip(bound.strings(0).items, texts.constant or (), strict=False):
        if fold_ascii(name) not in _PARTS:
            raise Wrong(item.at, f'"{name[:60]}" is no part of the envelope: "from" or "to"')
    part = compiler.part(bound)
    matcher = compiler.matcher(bound, bound.strings(1))

    key = None if texts.constant is None else ("envelope", part, texts.constant)

    def value_of(address: Address | None, run: Run) -> str | None:
        if address is None:
            return ""  # the null reverse-path, whatever part of it is asked for
        return part(address.local_part, str(address.domain), run)

    def envelope(run: Run) -> bool:
        if key is not None and (kept := run.kept.get(key)) is not None:
            return matcher(run, kept)
        paths = {"from": run.envelope.reverse_path, "to": run.envelope.forward_path}
        names = (fold_ascii(name) for name in texts.of(run))
        found = (value_of(paths[name], run) for name in names if name in paths)
        values = [value for value in found if value is not None]
        if key is not None:
            run.kept[key] = values
        return matcher(run, values)

    return envelope


ENVELOPE = Extension(
    name="envelope",
    tests={
        "envelope": TestSpec(
            (Kind.STRINGS, Kind.STRINGS), matches=True, address_parts=True, build=_envelope
        )
    },
)
