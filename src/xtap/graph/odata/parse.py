"""How is a ``$filter`` read: precedence climbing over the tokens. Names and types are checked later, in ``bind``.

From tight to loose (section 5.1.1.17, operator precedence): ``/`` and calls; ``in has``; ``not``; ``gt ge lt le``;
``eq ne``; ``and``; ``or``. Hence ``not a eq b`` means ``(not a) eq b``. Operators, functions, ``any`` and ``all``
are read in any case (section 5.1.1.1: 4.01 services must).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, cast

from xtap.graph.odata.shape import Scalar
from xtap.graph.odata.tokens import Token, Tokens, fault
from xtap.graph.odata.tree import Call, Compare, Comparison, EnumLiteral, In, Lambda, Literal, Logic, Not, Path

if TYPE_CHECKING:
    from xtap.graph.odata.tree import Node

MAX_DEPTH: Final = 50
"""Deepest nesting of groups, negations, calls, lambdas and chained comparisons: far from Python's own limit."""
_MAX_DIGITS: Final = 40

_BINDING: Final = {"or": 1, "and": 2, "eq": 3, "ne": 3, "gt": 4, "ge": 4, "lt": 4, "le": 4, "in": 6, "has": 6}
_LOOSEST: Final = 1
_TIGHTER_THAN_NOT: Final = 6
_CONSTANTS: Final[dict[str, tuple[Scalar | None, bool | None]]] = {
    "null": (None, None),
    "true": (Scalar.BOOLEAN, True),
    "false": (Scalar.BOOLEAN, False),
}


def parse(text: str) -> Node:
    """Read a filter expression.

    Raises:
        UnsupportedQuery: the text is no expression, or is too long or nested too deep; with the column.
    """
    tokens = Tokens(text, "filter")
    node = _expression(tokens, _LOOSEST, 0)
    if tokens.peek.kind != "end":
        raise tokens.unexpected("an operator or the end")
    return node


def _expression(tokens: Tokens, floor: int, depth: int) -> Node:
    """Read operands joined by operators that bind at least as tight as ``floor``."""
    _check_depth(tokens, depth)
    left = _operand(tokens, depth)
    while (binding := _BINDING.get(operator := _operator(tokens), 0)) >= floor:
        at = tokens.take().at
        match operator:
            case "and" | "or":
                operands = [left, _expression(tokens, binding + 1, depth + 1)]
                while _operator(tokens) == operator:
                    tokens.take()
                    operands.append(_expression(tokens, binding + 1, depth + 1))
                left = Logic(operator, tuple(operands), at)
            case "in":
                left = In(left, _choices(tokens), at)
            case _:
                right = _expression(tokens, binding + 1, depth + 1)
                left = Compare(cast("Comparison", operator), left, right, at)
        # INVARIANT: the tree is never deeper than ``depth`` says; a chain ``a eq b eq c`` leans to the left.
        depth += 1
        _check_depth(tokens, depth)
    return left


def _check_depth(tokens: Tokens, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise fault(tokens.option, f"The expression is nested deeper than {MAX_DEPTH} levels.", tokens.peek.at)


def _operator(tokens: Tokens) -> str:
    return tokens.peek.text.lower() if tokens.peek.kind == "name" else ""


def _operand(tokens: Tokens, depth: int) -> Node:
    token = tokens.peek
    if token.kind == "name":
        return _named(tokens, depth)
    if tokens.accept("("):
        inner = _expression(tokens, _LOOSEST, depth + 1)
        tokens.expect(")")
        return inner
    return _constant(tokens)


def _named(tokens: Tokens, depth: int) -> Node:
    token = tokens.take()
    word = token.text.lower()
    if word == "not":
        return Not(_expression(tokens, _TIGHTER_THAN_NOT, depth + 1), token.at)
    if word in _CONSTANTS:
        return Literal(*_CONSTANTS[word], token.at)
    if tokens.accept("("):
        return Call(word, _arguments(tokens, depth), token.at)
    return _path(tokens, token, depth)


def _arguments(tokens: Tokens, depth: int) -> tuple[Node, ...]:
    if tokens.accept(")"):
        return ()
    arguments = [_expression(tokens, _LOOSEST, depth + 1)]
    while tokens.accept(","):
        arguments.append(_expression(tokens, _LOOSEST, depth + 1))
    tokens.expect(")")
    return tuple(arguments)


def _path(tokens: Tokens, first: Token, depth: int) -> Path | Lambda:
    names = [first.text]
    while tokens.accept("/"):
        if tokens.peek.kind != "name":
            raise tokens.unexpected("a property name")
        token = tokens.take()
        word = token.text.lower()
        if word in {"any", "all"} and tokens.accept("("):
            return _lambda(tokens, Path(tuple(names), first.at), token, depth)
        names.append(token.text)
    return Path(tuple(names), first.at)


def _lambda(tokens: Tokens, source: Path, token: Token, depth: int) -> Lambda:
    if token.text.lower() == "any" and tokens.accept(")"):
        return Lambda(source, "any", at=token.at)
    if tokens.peek.kind != "name" or tokens.peek.text.startswith("$"):
        raise tokens.unexpected("a range variable")
    variable = tokens.take().text
    tokens.expect(":")
    body = _expression(tokens, _LOOSEST, depth + 1)
    tokens.expect(")")
    return Lambda(source, "any" if token.text.lower() == "any" else "all", variable, body, token.at)


def _choices(tokens: Tokens) -> tuple[Literal | EnumLiteral, ...]:
    tokens.expect("(")
    if tokens.accept(")"):
        return ()
    choices = [_constant(tokens)]
    while tokens.accept(","):
        choices.append(_constant(tokens))
    tokens.expect(")")
    return tuple(choices)


def _constant(tokens: Tokens) -> Literal | EnumLiteral:
    token = tokens.peek
    match token.kind:
        case "string":
            node: Literal | EnumLiteral = Literal(Scalar.STRING, _unquoted(token.text), token.at)
        case "enum":
            type_name, _, member = token.text.partition("'")
            node = EnumLiteral(type_name, _unquoted(f"'{member}"), token.at)
        case "guid":
            node = Literal(Scalar.GUID, token.text, token.at)
        case "datetime":
            node = Literal(Scalar.DATETIME, token.text, token.at)
        case "number":
            node = _number(tokens, token)
        case "name" if token.text.lower() in _CONSTANTS:
            node = Literal(*_CONSTANTS[token.text.lower()], token.at)
        case _:
            raise tokens.unexpected("a value")
    tokens.take()
    return node


def _number(tokens: Tokens, token: Token) -> Literal:
    # Python refuses to read very long integers, and takes time for long ones.
    if len(token.text) > _MAX_DIGITS:
        raise fault(tokens.option, f"The number has more than {_MAX_DIGITS} characters.", token.at)
    if token.text.lstrip("+-").isdecimal():
        return Literal(Scalar.INT, int(token.text), token.at)
    value = float(token.text)
    if math.isinf(value):
        raise fault(tokens.option, "The number is too large.", token.at)
    return Literal(Scalar.DOUBLE, value, token.at)


def _unquoted(text: str) -> str:
    return text[1:-1].replace("''", "'")
