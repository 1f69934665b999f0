"""What does a column of the admin center's download of sign-ins mean? From a row to the shape that Graph shows.

Columns come and go, two of them end in a space, and one is there twice: they are known by name, the first value wins.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from xtap.model.schema import Document, Json

COLUMNS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "date (utc)": "createdDateTime",
        "request id": "id",
        "user agent": "userAgent",
        "correlation id": "correlationId",
        "user id": "userId",
        "user": "userDisplayName",
        "username": "userPrincipalName",
        "user type": "userType",
        "cross tenant access type": "crossTenantAccessType",
        "incoming token type": "incomingTokenType",
        "authentication protocol": "authenticationProtocol",
        "unique token identifier": "uniqueTokenIdentifier",
        "application": "appDisplayName",
        "application id": "appId",
        "app owner tenant id": "appOwnerTenantId",
        "resource": "resourceDisplayName",
        "resource id": "resourceId",
        "resource tenant id": "resourceTenantId",
        "resource owner tenant id": "resourceOwnerTenantId",
        "home tenant id": "homeTenantId",
        "home tenant name": "homeTenantName",
        "ip address": "ipAddress",
        "location": "location",
        "status": "status",
        "sign-in error code": "status/errorCode",
        "failure reason": "status/failureReason",
        "client app": "clientAppUsed",
        "device id": "deviceDetail/deviceId",
        "browser": "deviceDetail/browser",
        "operating system": "deviceDetail/operatingSystem",
        "compliant": "deviceDetail/isCompliant",
        "managed": "deviceDetail/isManaged",
        "join type": "deviceDetail/trustType",
        "multifactor authentication result": "status/additionalDetails",
        "authentication requirement": "authenticationRequirement",
        "sign-in identifier": "signInIdentifier",
        "session id": "sessionId",
        "ip address (seen by resource)": "ipAddressFromResourceProvider",
        "through global secure access": "isThroughGlobalSecureAccess",
        "global secure access ip address": "globalSecureAccessIpAddress",
        "flagged for review": "flaggedForReview",
        "token issuer type": "tokenIssuerType",
        "token issuer name": "tokenIssuerName",
        "latency": "processingTimeInMilliseconds",
        "conditional access": "conditionalAccessStatus",
    }
)
"""The property of each column, by its name in lower case without blanks around it; others are passed over."""

_WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "crossTenantAccessType": {
        "none": "none",
        "b2bcollaboration": "b2bCollaboration",
        "b2bdirectconnect": "b2bDirectConnect",
        "microsoftsupport": "microsoftSupport",
        "serviceprovider": "serviceProvider",
        "passthrough": "passthrough",
    },
    "userType": {"member": "member", "guest": "guest", "external": "external"},
    "authenticationRequirement": {
        "singlefactorauthentication": "singleFactorAuthentication",
        "multifactorauthentication": "multiFactorAuthentication",
    },
    "conditionalAccessStatus": {"success": "success", "failure": "failure", "notapplied": "notApplied"},
}
"""Values of closed vocabularies without case, blanks and hyphens; a word that is not known is no known value."""

_EVENTS: Final = (
    ("noninteractive", "nonInteractiveUser"),
    ("interactive", "interactiveUser"),
    ("application", "servicePrincipal"),
    ("msi", "managedIdentity"),
)
"""What the names of downloaded files say of the sign-ins in them, in the order to look."""

_NUMBERS: Final = frozenset({"status/errorCode", "processingTimeInMilliseconds"})
_BOOLEANS: Final = frozenset(
    {"deviceDetail/isCompliant", "deviceDetail/isManaged", "isThroughGlobalSecureAccess", "flaggedForReview"}
)
_YES: Final = frozenset({"true", "yes"})


def document_of(columns: Sequence[str], row: Sequence[str], file: str) -> Document:
    """Return a row as a sign-in; empty cells are not known.

    Args:
        columns: the header.
        row: the cells.
        file: the name of the file, which says whether sign-ins were interactive.
    """
    document: Document = {}
    for column, cell in zip(columns, row, strict=False):
        path = COLUMNS.get(column.strip().lower())
        value = None if path is None or not cell.strip() else _value(path, cell.strip())
        if path is not None and value is not None:
            _put(document, path, value)
    stem = file.replace("\\", "/").rpartition("/")[2].lower()
    event = next((event for word, event in _EVENTS if word in stem), None)
    if event is not None:
        document["signInEventTypes"] = [event]
    return document


def _put(document: Document, path: str, value: Json) -> None:
    parent, _, name = path.rpartition("/")
    if not parent:
        place = document
    else:
        inner = document.setdefault(parent, {})
        if not isinstance(inner, dict):
            return
        place = inner
    if isinstance(value, dict) and isinstance(there := place.get(name), dict):
        place[name] = value | there
    else:
        place.setdefault(name, value)


def _value(path: str, cell: str) -> Json:
    if path in _NUMBERS:
        return int(cell) if cell.lstrip("-").isdecimal() else None
    if path in _BOOLEANS:
        return cell.lower() in _YES
    if path == "status":  # the word says no more than the code, but for success, which may have none
        return {"errorCode": 0} if cell.lower() == "success" else {}
    if path == "location":
        parts = [part.strip() for part in cell.split(",")]
        return dict(zip(("city", "state", "countryOrRegion"), parts, strict=False)) if len(parts) == 3 else None
    words = _WORDS.get(path)
    folded = cell.lower().replace(" ", "").replace("-", "")
    return cell if words is None else words.get(folded, "unknownFutureValue")
