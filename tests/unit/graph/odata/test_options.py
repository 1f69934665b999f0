from __future__ import annotations

import pytest

from xtap.errors import UnsupportedQuery
from xtap.graph.odata.options import OPTIONS, QueryOptions, parse_options

NO_NUMBER = (
    "Invalid value '{value}' for ${option} query option found. "
    "The ${option} query option requires a non-negative integer value."
)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (b"", QueryOptions()),
        (b"&&", QueryOptions()),
        (
            b"$select=tenantId&$expand=a($select=b;$expand=c)",
            QueryOptions(select="tenantId", expand="a($select=b;$expand=c)"),
        ),
        (b"%24top=1&%24skip=0", QueryOptions(top=1, skip=0)),
        (
            b"$filter=isServiceProvider%20eq%20true&$count=true",
            QueryOptions(filter="isServiceProvider eq true", count=True),
        ),
        (b"$filter=a+eq+'b%2Bc'", QueryOptions(filter="a eq 'b+c'")),
        (b"$filter=a%20eq%20'%C3%A9=%26'", QueryOptions(filter="a eq 'é=&'")),
        ("$filter=a eq 'é'".encode(), QueryOptions(filter="a eq 'é'")),
        (b"$top=999", QueryOptions(top=999)),
        (b"$count=False", QueryOptions(count=False)),
        (
            b"$SkipToken=x%3D&$orderBy=y&$search=z&$format=json&$apply=w",
            QueryOptions(
                skiptoken="x=",
                orderby="y",
                search="z",
                format="json",
                apply="w",
            ),
        ),
        (b"$select=", QueryOptions(select="")),
        (b"$select", QueryOptions(select="")),
        (b"api-version=1&top=5&foo&top=6", QueryOptions()),
    ],
)
def test_what_is_read(query: bytes, expected: QueryOptions) -> None:
    assert parse_options(query, allowed=OPTIONS, beta=False) == expected


def test_beta_needs_no_dollar() -> None:
    query = b"top=5&Filter=x&api-version=1&id=2"
    assert parse_options(query, allowed=OPTIONS, beta=True) == QueryOptions(top=5, filter="x")


def test_a_resource_may_have_larger_pages() -> None:
    assert parse_options(b"$top=1000", allowed=OPTIONS, beta=False, max_top=1000).top == 1000


@pytest.mark.parametrize(
    ("query", "path", "message"),
    [
        (b"$top=1000", "$top", "Invalid page size specified: '1000'. Must be between 1 and 999 inclusive."),
        (b"$top=0", "$top", "Invalid page size specified: '0'. Must be between 1 and 999 inclusive."),
        (
            b"$top=ten",
            "$top",
            NO_NUMBER.format(value="ten", option="top"),
        ),
        (
            b"$skip=-1",
            "$skip",
            NO_NUMBER.format(value="-1", option="skip"),
        ),
        (b"$skip=2147483648", "$skip", None),
        (b"$skip=" + b"9" * 5000, "$skip", None),
        (b"$top=%D9%A1", "$top", None),
        (b"$top=", "$top", None),
        (
            b"$count=yes",
            "$count",
            "Invalid value 'yes' for $count query option found. Valid values are 'true', 'false'.",
        ),
        (
            b"$top=1&%24Top=1",
            "$top",
            "Query option '$top' was specified more than once, but it must be specified at most once.",
        ),
        (b"$foo=1", "$", "The query parameter '$foo' is not supported."),
        (b"$=1", "$", "The query parameter '$' is not supported."),
        (b"$$top=1", "$", "The query parameter '$$top' is not supported."),
        (b"$search=x", "$search", "Query option '$search' is not supported by this resource."),
        (b"$compute=x", "$compute", "Query option '$compute' is not supported by this resource."),
        (b"$deltatoken=x", "$deltatoken", "Query option '$deltatoken' is not supported by this resource."),
        (b"$filter=%", "$", "The query string has a '%' that is not followed by two hexadecimal digits."),
        (b"foo=%zz", "$", "The query string has a '%' that is not followed by two hexadecimal digits."),
        (b"$filter=%ff", "$", "The query string is not valid UTF-8 once it is percent-decoded."),
        (b"$filter=\xff", "$", "The query string is not valid UTF-8 once it is percent-decoded."),
        (b"$filter=" + b"a" * 70_000, "$", "The query string is longer than 65536 bytes."),
    ],
)
def test_what_is_refused(query: bytes, path: str, message: str | None) -> None:
    with pytest.raises(UnsupportedQuery) as caught:
        parse_options(query, allowed=OPTIONS - {"search"}, beta=False)
    assert caught.value.violations[0].path == path
    assert message is None or caught.value.message == message


def test_beta_refuses_duplicates_across_spellings() -> None:
    with pytest.raises(UnsupportedQuery, match="more than once"):
        parse_options(b"$top=1&top=1", allowed=OPTIONS, beta=True)


def test_beta_refuses_what_a_resource_does_not_serve() -> None:
    with pytest.raises(UnsupportedQuery, match=r"'\$search' is not supported by this resource"):
        parse_options(b"search=x", allowed=OPTIONS - {"search"}, beta=True)
