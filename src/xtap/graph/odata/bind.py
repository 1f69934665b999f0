"""Do the names and types of a ``$filter`` fit the schema: each node is bound to a type and to what computes it.

What a bound node computes is in ``evaluate``. Errors are found here, before any object is looked at.

INVARIANT: a lambda inside a lambda ranges over a collection of the nearest range variable, so that the time to
evaluate a filter is bounded by the size of the filter times the size of the object.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, assert_never

from msgspec import Struct

from xtap.graph.odata import evaluate
from xtap.graph.odata.evaluate import Reader
from xtap.graph.odata.shape import Collection, EnumType, Navigation, PropertyType, Scalar, Shape, name_of, no_property
from xtap.graph.odata.tokens import fault
from xtap.graph.odata.tree import Call, Compare, EnumLiteral, In, Lambda, Literal, Logic, Not, Path
from xtap.graph.odata.values import canonical, flags

if TYPE_CHECKING:
    from xtap.errors import InvalidInput
    from xtap.graph.odata.tree import Node

_KIND: Final = {
    "eq": "Equal",
    "ne": "NotEqual",
    "gt": "GreaterThan",
    "ge": "GreaterThanOrEqual",
    "lt": "LessThan",
    "le": "LessThanOrEqual",
    "has": "Has",
    "and": "And",
    "or": "Or",
    "in": "In",
}


class _Function(Struct, frozen=True):
    arity: int
    result: Scalar
    apply: Callable[..., object]


_TEXTS: Final = frozenset({Scalar.STRING, Scalar.TEXT})

_FUNCTIONS: Final = {
    "contains": _Function(2, Scalar.BOOLEAN, operator.contains),
    "endswith": _Function(2, Scalar.BOOLEAN, str.endswith),
    "startswith": _Function(2, Scalar.BOOLEAN, str.startswith),
    "length": _Function(1, Scalar.INT, len),
    "tolower": _Function(1, Scalar.STRING, str.lower),
    "toupper": _Function(1, Scalar.STRING, str.upper),
}


class Bound(Struct, frozen=True):
    """A node with its type (None is the type of null) and what computes it."""

    type: PropertyType | None
    read: Reader


class _Variable(Struct, frozen=True):
    name: str
    type: PropertyType


def _fault(node: Node, message: str) -> InvalidInput:
    return fault("filter", message, node.at)


class Binder(Struct, frozen=True):
    """Binds nodes to a schema; ``variables`` are the range variables in scope, outermost first."""

    shape: Shape
    ignore_case: bool
    variables: tuple[_Variable, ...] = ()

    def condition(self, node: Node) -> Reader:
        """Bind a node that must be a condition: true, false or null.

        Raises:
            UnsupportedQuery: a name is unknown, or types do not fit.
        """
        bound = self._bind(node)
        if bound.type not in {Scalar.BOOLEAN, None}:
            raise _fault(node, f"A boolean expression is expected, found one of type '{name_of(bound.type)}'.")
        return bound.read

    def _bind(self, node: Node, expected: PropertyType | None = None) -> Bound:  # noqa: PLR0911 - one return for each kind of node
        match node:
            case Literal() | EnumLiteral():
                return _constant(node, expected)
            case Path():
                return self._path(node)
            case Call():
                return self._call(node)
            case Lambda():
                return self._lambda(node)
            case Compare():
                return self._compare(node)
            case In():
                return self._in(node)
            case Not():
                return Bound(Scalar.BOOLEAN, evaluate.negation(self._operand_of_not(node)))
            case Logic():
                operands = tuple(map(self.condition, node.operands))
                return Bound(Scalar.BOOLEAN, evaluate.logic(operands, decisive=node.connective == "or"))
            case _:
                assert_never(node)

    def _operand_of_not(self, node: Not) -> Reader:
        bound = self._bind(node.operand)
        if bound.type not in {Scalar.BOOLEAN, None}:
            raise _fault(
                node,
                "A unary operator with an incompatible type was detected. Found operand type "
                f"'{name_of(bound.type)}' for operator kind 'Not': put the comparison after 'not' in parentheses.",
            )
        return bound.read

    def _path(self, node: Path) -> Bound:
        slot, kind, names = self._start(node)
        keys: list[str] = []
        for position, name in enumerate(names, 1):
            if isinstance(kind, Collection):
                if name == "$count" and position == len(names):
                    return Bound(Scalar.INT, evaluate.length(evaluate.walk(slot, keys)))
                raise _fault(node, f"'{'/'.join(keys)}' is a collection: use any, all or $count.")
            found = kind.find(name, ignore_case=self.ignore_case) if isinstance(kind, Shape) else None
            if found is None:
                raise _fault(node, no_property(name, kind))
            key, kind = found
            if isinstance(kind, Navigation):
                raise _fault(node, f"Filtering by the navigation property '{key}' is not supported.")
            keys.append(key)
        return Bound(kind, evaluate.converted(evaluate.walk(slot, keys), kind))

    def _start(self, node: Path) -> tuple[int, PropertyType, tuple[str, ...]]:
        """Say in which slot of the scope a path begins, of which type that is, and which names follow."""
        head = node.names[0]
        if head == "$it":
            return 0, self.shape, node.names[1:]
        for slot, variable in enumerate(self.variables, 1):
            if variable.name == head:
                return slot, variable.type, node.names[1:]
        return 0, self.shape, node.names

    def _lambda(self, node: Lambda) -> Bound:
        if self.variables and node.source.names[0] != self.variables[-1].name:
            raise _fault(node.source, f"A collection of '{self.variables[-1].name}' is expected inside this lambda.")
        source = self._path(node.source)
        if not isinstance(source.type, Collection):
            raise _fault(node, f"'{node.quantifier}' needs a collection, found type '{name_of(source.type)}'.")
        if node.variable is None or node.body is None:
            return Bound(Scalar.BOOLEAN, lambda scope: bool(source.read(scope)))
        if any(variable.name == node.variable for variable in self.variables):
            raise _fault(node, f"The range variable '{node.variable}' is declared already.")
        inner = (*self.variables, _Variable(node.variable, source.type.of))
        body = Binder(self.shape, self.ignore_case, inner).condition(node.body)
        return Bound(Scalar.BOOLEAN, evaluate.quantified(source.read, body, stop_at=node.quantifier == "any"))

    def _call(self, node: Call) -> Bound:
        function = _FUNCTIONS.get(node.name)
        if function is None:
            raise _fault(node, f"An unknown function with name '{node.name}' was found.")
        if len(node.arguments) != function.arity:
            raise _fault(
                node, f"Function '{node.name}' takes {function.arity} argument(s), found {len(node.arguments)}."
            )
        arguments: list[Bound] = []
        for argument in node.arguments:
            bound = self._bind(argument, arguments[0].type if arguments else None)
            if bound.type not in {*_TEXTS, Scalar.GUID, None}:
                raise _fault(argument, f"Function '{node.name}' needs a string, found type '{name_of(bound.type)}'.")
            arguments.append(bound)
        return Bound(function.result, evaluate.applied(function.apply, [argument.read for argument in arguments]))

    def _compare(self, node: Compare) -> Bound:
        if isinstance(node.left, Literal | EnumLiteral):
            right = self._bind(node.right)
            left = self._bind(node.left, right.type)
        else:
            left = self._bind(node.left)
            right = self._bind(node.right, left.type)
        if not _comparable(node.operator, left.type, right.type):
            raise _incompatible(node, node.operator, left.type, right.type)
        return Bound(Scalar.BOOLEAN, evaluate.comparison(node.operator, left.read, right.read))

    def _in(self, node: In) -> Bound:
        left = self._bind(node.left)
        chosen: set[object] = set()
        for choice in node.choices:
            constant = _constant(choice, left.type)
            if isinstance(left.type, Shape) or not _comparable("eq", left.type, constant.type):
                raise _incompatible(choice, "in", left.type, constant.type)
            chosen.add(constant.read(()))
        read, choices = left.read, frozenset(chosen)
        return Bound(Scalar.BOOLEAN, lambda scope: read(scope) in choices)


def _constant(node: Literal | EnumLiteral, expected: PropertyType | None) -> Bound:
    """Bind a constant, read as the type of the other operand where that is allowed."""
    value: object = node.value
    kind: PropertyType | None
    if isinstance(expected, EnumType) and (isinstance(node, EnumLiteral) or node.type is Scalar.STRING):
        kind, value = expected, _member(node, expected)
    elif isinstance(node, EnumLiteral):
        raise _fault(node, f"A value of type '{name_of(expected)}' is expected, found one of '{node.type_name}'.")
    elif expected in {Scalar.GUID, Scalar.TEXT} and node.type is Scalar.STRING:
        kind = expected
    else:
        kind = node.type
    convert = canonical(kind)
    if convert is not None and isinstance(value, str):
        try:
            value = convert(value)
        except ValueError:
            raise _fault(node, f"Unrecognized '{name_of(kind)}' literal '{node.value}'.") from None
    return Bound(kind, lambda _scope: value)


def _member(node: Literal | EnumLiteral, expected: EnumType) -> str:
    text = str(node.value)
    if isinstance(node, EnumLiteral) and node.type_name != expected.type_name:
        raise _fault(node, f"A value of type '{expected.type_name}' is expected, found one of '{node.type_name}'.")
    if not (flags(text) if expected.flags else {text}) <= set(expected.members):
        raise _fault(
            node,
            f"The string '{text[:60]}' is not a valid enumeration type constant of '{expected.type_name}': "
            f"one of {', '.join(expected.members)} is expected.",
        )
    return text


def _comparable(name: str, left: PropertyType | None, right: PropertyType | None) -> bool:
    for kind in (left, right):
        if isinstance(kind, Collection | Navigation):
            return False
        if isinstance(kind, Shape | EnumType) and name in evaluate.ORDER:
            return False
        if name == "has" and not (kind is None or (isinstance(kind, EnumType) and kind.flags)):
            return False
    if left is None or right is None:
        return True
    alike = any(left in kinds and right in kinds for kinds in ({Scalar.INT, Scalar.DOUBLE}, _TEXTS))
    return not isinstance(left, Shape) and (left == right or alike)


def _incompatible(node: Node, name: str, left: PropertyType | None, right: PropertyType | None) -> InvalidInput:
    return _fault(
        node,
        f"A binary operator with incompatible types was detected. Found operand types '{name_of(left)}' and "
        f"'{name_of(right)}' for operator kind '{_KIND[name]}'.",
    )
