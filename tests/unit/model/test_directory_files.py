"""Files of users, groups and applications: what is read, and what is refused with its place."""

from __future__ import annotations

import json

import pytest

from xtap.errors import InvalidInput
from xtap.model.directory import ServicePrincipal, StoredGroup, User
from xtap.model.directory_files import read

ADELE, MEGAN = "c0000000-0000-4000-8000-00000000000a", "c0000000-0000-4000-8000-00000000000b"
SALES, ALL = "c0000000-0000-4000-8000-000000000100", "c0000000-0000-4000-8000-000000000200"
WIKI = "c0000000-0000-4000-8000-00000000a001"


def as_json(document: object, name: str = "d.json") -> tuple[str, bytes]:
    return name, json.dumps(document).encode()


def test_a_whole_directory():
    found = read(
        [
            as_json(
                {
                    "users": [
                        {"id": ADELE.upper(), "userPrincipalName": "Adele@contoso.example", "mail": None, "x": 1}
                    ],
                    "groups": [{"id": SALES, "displayName": "Sales", "members": [ADELE.upper(), {"id": ALL}, ADELE]}],
                    "servicePrincipals": [{"id": ALL, "appId": WIKI.upper(), "displayName": "Wiki"}],
                }
            )
        ]
    )
    assert found == (
        User(ADELE, "Adele@contoso.example"),
        StoredGroup(SALES, "Sales", members=(ADELE, ALL)),
        ServicePrincipal(ALL, WIKI, "Wiki"),
    )


@pytest.mark.parametrize("context", ["https://x/v1.0/$metadata#users", "#users(id,mail)", "x#users/$entity"])
def test_a_list_answer_of_graph(context: str) -> None:
    answer = {"@odata.context": context, "value": [{"id": ADELE, "userPrincipalName": "a@b.example"}]}
    assert read([as_json(answer)]) == (User(ADELE, "a@b.example"),)


def test_tables():
    users = (
        f"id,DisplayName,userPrincipalName,accountEnabled,Department\r\n{ADELE},Adele,a@b.example,True,Sales\r\n\r\n"
    )
    groups = f"id,displayName\n{SALES},Sales\n"
    members = f"groupId,memberId\n{SALES},{ADELE.upper()}\n{SALES},{MEGAN}\n{SALES},{ADELE}\n"
    found = read([("u.csv", b"\xef\xbb\xbf" + users.encode()), ("g.CSV", groups.encode()), ("m.csv", members.encode())])
    assert found == (
        User(ADELE, "a@b.example", "Adele", account_enabled=True),
        StoredGroup(SALES, "Sales", members=(ADELE, MEGAN)),
    )


REFUSED = [
    ("a.json", b"{", "a.json: Not JSON"),
    ("a.json", b"[]", "a.json: Expected an object with users"),
    ("a.json", b"\xff", "a.json: Expected text in UTF-8"),
    ("a.json", b"{}", "a.json: The file has no users, groups or applications"),
    ("a.json", b'{"users": []}', "a.json: The file has no users, groups or applications"),
    ("a.json", b'{"user": [], "groups": [1]}', "a.json: 'user' is not known. There are users, groups"),
    ("a.json", b'{"people": [1]}', "a.json: 'people' is not known. There are users, groups"),
    ("a.json", b'{"users": {"id": 1}}', "a.json: 'users' is no list"),
    ("a.csv", b"", "a.csv: The table has no rows"),
    ("a.csv", b"id,displayName\n", "a.csv: The table has no rows"),
    ("a.json", b'{"users": [{"id": "x", "userPrincipalName": "y"}]}', "a.json: users[0]: Expected an object id (GUID)"),
    ("a.json", b'{"users": [{"userPrincipalName": "y"}]}', "a.json: users[0]: Object missing required field `id`"),
    ("a.json", b'{"users": [], "@odata.nextLink": "https://x"}', "complete with all pages"),
    ("a.csv", b"groupId,memberId\nx,y\n", "Members of group 'x' are given, but not the group"),
    ("a.csv", b"id,displayName\nx,y,z\n", "a.csv: line 2 has more cells than the header has columns"),
    ("a.csv", f"id,appId,displayName\n{ALL},x,Wiki\n".encode(), "Expected an application id (GUID), found 'x'"),
]


@pytest.mark.parametrize(("name", "content", "message"), REFUSED)
def test_what_cannot_be_understood(name: str, content: bytes, message: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read([(name, content)])
    assert message in refused.value.violations[0].message


def test_nobody_stands_there_twice():
    twice = {"users": [{"id": ADELE, "userPrincipalName": "a@b"}, {"id": ADELE.upper(), "userPrincipalName": "c@d"}]}
    with pytest.raises(InvalidInput, match="stands in the files twice"):
        read([as_json(twice)])
    same = {"users": [{"id": ADELE, "userPrincipalName": "a@b"}, {"id": MEGAN, "userPrincipalName": "A@B"}]}
    with pytest.raises(InvalidInput, match="Two users are called 'A@B'"):
        read([as_json(same)])


def test_all_reasons_at_once():
    with pytest.raises(InvalidInput) as refused:
        read([("a.json", b"{"), as_json({"users": [1, {"id": "x", "userPrincipalName": "y"}]}, "b.json")])
    assert [each.path for each in refused.value.violations] == ["a.json", "b.json: users[0]", "b.json: users[1]"]
