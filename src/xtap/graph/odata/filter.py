"""Does an object match a ``$filter``: text in, a function over wire objects out."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from xtap.graph.odata.shape import Shape


def compile_filter(text: str, shape: Shape, *, ignore_case: bool = False) -> Callable[[Mapping[str, object]], bool]:
    """Compile a filter expression (section 5.1.2).

    Args:
        text: the decoded value of ``$filter``.
        shape: the type of the objects to be filtered.
        ignore_case: property names match without regard to case, as the sign-in log of Graph does.

    Returns:
        a total function over objects of that shape with wire names; true only where the expression is true, so that
        null does not match.

    Raises:
        UnsupportedQuery: the text is no filter for this shape, or is beyond the limits of ``tokens`` and ``parse``;
            the message says where.
    """
    from xtap.graph.odata.bind import Binder  # noqa: PLC0415 - a server starts sooner without
    from xtap.graph.odata.parse import parse  # noqa: PLC0415 - see above

    condition = Binder(shape, ignore_case).condition(parse(text))
    return lambda item: condition((item,)) is True
