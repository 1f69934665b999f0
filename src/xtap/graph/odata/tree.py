"""What does a ``$filter`` look like once it is read: its nodes, and how they are written back as text.

``parse(str(node)) == node`` for every node that ``parse`` can return; the tests hold this as a law. ``at`` is the
offset of the node in the text that it came from, for messages; it is no part of equality.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal as OneOf
from typing import TypeAlias

from xtap.graph.odata.shape import Scalar

Comparison: TypeAlias = OneOf["eq", "ne", "gt", "ge", "lt", "le", "has"]


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant; the type None belongs to null. GUIDs and dates keep the text of the query as their value."""

    type: Scalar | None
    value: str | float | bool | None
    at: int = field(default=0, compare=False)

    def __str__(self) -> str:
        match self.type:
            case None:
                return "null"
            case Scalar.BOOLEAN:
                return "true" if self.value else "false"
            case Scalar.STRING:
                return quote(str(self.value))
            case _:
                return str(self.value)


@dataclass(frozen=True, slots=True)
class EnumLiteral:
    """A member with the name of its type: ``microsoft.graph.x'allowed'``."""

    type_name: str
    value: str
    at: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return self.type_name + quote(self.value)


@dataclass(frozen=True, slots=True)
class Path:
    """Names joined by ``/``; the first may be ``$it`` or a range variable, the last may be ``$count``."""

    names: tuple[str, ...]
    at: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return "/".join(self.names)


@dataclass(frozen=True, slots=True)
class Call:
    """A function with its arguments; the name is in lower case."""

    name: str
    arguments: tuple[Node, ...]
    at: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return f"{self.name}({','.join(map(str, self.arguments))})"


@dataclass(frozen=True, slots=True)
class Lambda:
    """``any`` or ``all`` over a collection; only ``any`` may have neither variable nor body."""

    source: Path
    quantifier: OneOf["any", "all"]
    variable: str | None = None
    body: Node | None = None
    at: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return f"{self.source}/{self.quantifier}({'' if self.body is None else f'{self.variable}:{self.body}'})"


@dataclass(frozen=True, slots=True)
class Not:
    """Logical negation."""

    operand: Node
    at: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return f"not {_grouped(self.operand)}"


@dataclass(frozen=True, slots=True)
class Compare:
    """Two operands and a comparison operator."""

    operator: Comparison
    left: Node
    right: Node
    at: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return f"{_grouped(self.left)} {self.operator} {_grouped(self.right)}"


@dataclass(frozen=True, slots=True)
class In:
    """Membership in a list of constants."""

    left: Node
    choices: tuple[Literal | EnumLiteral, ...]
    at: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return f"{_grouped(self.left)} in ({','.join(map(str, self.choices))})"


@dataclass(frozen=True, slots=True)
class Logic:
    """Two or more operands joined by the same connective; flat, so that a long chain is not a deep tree."""

    connective: OneOf["and", "or"]
    operands: tuple[Node, ...]
    at: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return f" {self.connective} ".join(map(_grouped, self.operands))


Node: TypeAlias = Literal | EnumLiteral | Path | Call | Lambda | Not | Compare | In | Logic


def quote(text: str) -> str:
    """Write a string constant; a quote inside is doubled (ABNF rule ``string``)."""
    return "'" + text.replace("'", "''") + "'"


def _grouped(node: Node) -> str:
    return f"({node})" if isinstance(node, Not | Compare | In | Logic) else str(node)
