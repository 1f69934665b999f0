"""Which words does a ``$filter`` or ``$orderby`` consist of, and where does each one stand?

One regular expression, one pass, bounded in length and number, so that no input costs more than its size.
What the words mean together is in ``parse``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from xtap.errors import UnsupportedQuery

if TYPE_CHECKING:
    from xtap.errors import InvalidInput

MAX_LENGTH: Final = 20_000
"""Longest clause, in characters: room for an ``in`` list of nearly 500 GUIDs."""
MAX_TOKENS: Final = 1_000
"""Most tokens in a clause."""

# Possessive groups (``*+``) keep an unterminated string from being read again at each doubled quote.
# A blank before the hours of an offset is a ``+`` that form decoding took away.
_TOKEN: Final = re.compile(
    r"""
    (?P<space>[ \t]+)
  | (?P<string>'(?:[^']|'')*+')
  | (?P<enum>(?:[A-Za-z_]\w*\.)+[A-Za-z_]\w*'(?:[^']|'')*+')
  | (?P<guid>[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}(?![\w-]))
  | (?P<datetime>\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,12})?)?(?:Z|[-+ ]\d\d:\d\d)?)?(?![\w.-]))
  | (?P<number>[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?(?![\w.-]))
  | (?P<name>\$?[A-Za-z_]\w*)
  | (?P<sign>[(),/:])
  | (?P<quote>')
    """,
    re.VERBOSE | re.ASCII | re.IGNORECASE,
)


class Token(Struct, frozen=True):
    """One word: its kind (a group of the expression above, or ``end``), its text, and its offset from 0."""

    kind: str
    text: str
    at: int


def fault(option: str, message: str, at: int) -> InvalidInput:
    """Build the error for one place of a clause; ``at`` is an offset, people read columns from 1."""
    return UnsupportedQuery.at(f"${option}", f"Invalid {option} clause: {message} (column {at + 1})")


class Tokens:
    """The tokens of one clause, read from left to right."""

    def __init__(self, text: str, option: str) -> None:
        """Split the text.

        Args:
            text: the decoded clause.
            option: its option without ``$``, for messages.

        Raises:
            UnsupportedQuery: a character starts no token, or there are too many.
        """
        self.option = option
        self._tokens = _split(text, option)
        self._next = 0

    @property
    def peek(self) -> Token:
        """The next token, which stays next."""
        return self._tokens[self._next]

    def take(self) -> Token:
        """Return the next token and go on; the end stays the end."""
        token = self.peek
        self._next += token.kind != "end"
        return token

    def accept(self, sign: str) -> bool:
        """Go on if the next token is this sign, and say whether it was."""
        found = self.peek.kind == "sign" and self.peek.text == sign
        self._next += found
        return found

    def expect(self, sign: str) -> None:
        """Go on past this sign.

        Raises:
            UnsupportedQuery: something else comes next.
        """
        if not self.accept(sign):
            raise self.unexpected(f"'{sign}'")

    def unexpected(self, wanted: str) -> InvalidInput:
        """Build the error for a next token that is not what the grammar wants."""
        return fault(self.option, f"Syntax error: {wanted} expected, found {_shown(self.peek)}.", self.peek.at)


def _shown(token: Token) -> str:
    if token.kind == "end":
        return "the end"
    return f"'{token.text}'" if len(token.text) <= 60 else f"'{token.text[:57]}...'"


def _split(text: str, option: str) -> list[Token]:
    if len(text) > MAX_LENGTH:
        raise fault(option, f"The clause is longer than {MAX_LENGTH} characters.", MAX_LENGTH)
    tokens: list[Token] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise fault(option, f"Syntax error: character {text[at]!r} is not understood here.", at)
        kind = match.lastgroup or ""
        if kind == "quote":
            raise fault(option, "There is an unterminated string literal.", at)
        if len(tokens) == MAX_TOKENS:
            raise fault(option, f"The clause has more than {MAX_TOKENS} tokens.", at)
        if kind != "space":
            tokens.append(Token(kind, match.group(), at))
        at = match.end()
    tokens.append(Token("end", "", at))
    return tokens
