"""A schema of the tests: large enough to have every kind of property, in the words of the real one."""

from __future__ import annotations

import pytest

from xtap.graph.odata.shape import Collection, EnumType, Navigation, Scalar, Shape

ACCESS = EnumType("microsoft.graph.accessType", ("allowed", "blocked", "unknownFutureValue"))
LEVEL = EnumType("microsoft.graph.level", ("none", "newPartners", "existingPartners"), flags=True)
TARGET = Shape("microsoft.graph.target", {"target": Scalar.STRING, "targetType": Scalar.STRING})
CONFIGURATION = Shape("microsoft.graph.configuration", {"accessType": ACCESS, "targets": Collection(TARGET)})
SETTING = Shape("microsoft.graph.setting", {"usersAndGroups": CONFIGURATION, "applications": CONFIGURATION})
TRUST = Shape("microsoft.graph.trust", {"isMfaAccepted": Scalar.BOOLEAN, "isCompliantDeviceAccepted": Scalar.BOOLEAN})
SYNC_INBOUND = Shape("microsoft.graph.syncInbound", {"isSyncAllowed": Scalar.BOOLEAN})
SYNC = Shape(
    "microsoft.graph.sync",
    {"tenantId": Scalar.GUID, "displayName": Scalar.STRING, "userSyncInbound": SYNC_INBOUND},
)
CAPABILITY = Shape("microsoft.graph.capability", {"name": Scalar.STRING})
PARTNER = Shape(
    "microsoft.graph.partner",
    {
        "tenantId": Scalar.GUID,
        "displayName": Scalar.STRING,
        "isServiceProvider": Scalar.BOOLEAN,
        "level": LEVEL,
        "members": Scalar.INT,
        "score": Scalar.DOUBLE,
        "createdDateTime": Scalar.DATETIME,
        "clouds": Collection(Scalar.STRING),
        "inboundTrust": TRUST,
        "b2bCollaborationInbound": SETTING,
        "settings": Collection(SETTING),
        "identitySynchronization": Navigation(SYNC),
        "m365Capabilities": Navigation(CAPABILITY, many=True),
        "serviceProviderConstraints": Navigation(CAPABILITY, expandable=False),
    },
)

CONTOSO: dict[str, object] = {
    "tenantId": "3d0f5dec-5d3d-455c-8016-e2af1ae4d31a",
    "displayName": "Contoso's",
    "isServiceProvider": True,
    "level": "newPartners,existingPartners",
    "members": 12,
    "score": 0.5,
    "createdDateTime": "2026-03-01T10:00:00.1234567Z",
    "clouds": ["microsoftonline.us", "partner.microsoftonline.cn"],
    "inboundTrust": {"isMfaAccepted": True, "isCompliantDeviceAccepted": None},
    "b2bCollaborationInbound": {
        "usersAndGroups": {
            "accessType": "allowed",
            "targets": [{"target": "AllUsers", "targetType": "user"}],
        },
        "applications": {
            "accessType": "blocked",
            "targets": [
                {"target": "Office365", "targetType": "application"},
                {"target": "AllApplications", "targetType": "application"},
            ],
        },
    },
    "settings": [
        {"applications": {"accessType": "allowed", "targets": [{"target": "a", "targetType": "x"}]}},
        {"applications": None},
    ],
}


@pytest.fixture(scope="session")
def partner() -> Shape:
    return PARTNER


@pytest.fixture(scope="session")
def contoso() -> dict[str, object]:
    return CONTOSO


@pytest.fixture(scope="session")
def unset() -> dict[str, object]:
    return dict.fromkeys(PARTNER.properties) | {"tenantId": "00000000-0000-0000-0000-000000000000"}
