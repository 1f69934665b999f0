"""Which cloud is this? The document from which Terraform providers and the Azure CLI learn their addresses.

    GET /metadata/endpoints?api-version=2022-09-01      one cloud
    GET /metadata/endpoints?api-version=2019-05-01      a list of clouds, for older clients

It needs no token. Services that this server has no counterpart of are left empty; the members are all there, because
the Azure CLI reads them without asking.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlsplit

if TYPE_CHECKING:
    from xtap.server.settings import Settings

PATH: Final = "/metadata/endpoints"
NAME: Final = "global"
"""What providers call the cloud they take when nothing else is asked for (``ARM_ENVIRONMENT``)."""

_LATEST, _LIST = "2022-09-01", "2019-05-01"
_ABSENT: Final = (
    *("portal", "media", "gallery", "batch", "sqlManagement", "vmImageAliasDoc", "activeDirectoryDataLake"),
    *("appInsightsResourceId", "appInsightsTelemetryChannelResourceId", "attestationResourceId"),
    *("logAnalyticsResourceId", "ossrDbmsResourceId", "synapseAnalyticsResourceId"),
)
_ABSENT_SUFFIXES: Final = (
    *("acrLoginServer", "azureDataLakeAnalyticsCatalogAndJob", "azureDataLakeStoreFileSystem", "keyVaultDns"),
    *("mariadbServerEndpoint", "mhsmDns", "mysqlServerEndpoint", "postgresqlServerEndpoint", "sqlServerHostname"),
    *("storage", "synapseAnalytics", "attestationEndpoint", "azureFrontDoorEndpointSuffix"),
    "storageSyncEndpointSuffix",
)


def answer(settings: Settings, query: bytes) -> tuple[int, object]:
    """Return status and body of the answer to a request with this query string."""
    version = dict(parse_qsl(query.decode("latin-1"))).get("api-version", "")
    if version == _LATEST:
        return 200, _cloud(settings)
    if version == _LIST:
        return 200, [_cloud(settings)]
    message = f"The api-version '{version[:32]}' is not supported. There are '{_LIST}' and '{_LATEST}'."
    return 400, {"error": {"code": "InvalidApiVersionParameter", "message": message}}


def _cloud(settings: Settings) -> dict[str, object]:
    graph = f"{settings.https_url}/"
    return {
        **dict.fromkeys(_ABSENT, ""),
        "name": NAME,
        "authentication": {
            "loginEndpoint": _login(settings),
            "audiences": [graph],
            "tenant": "common",
            "identityProvider": "AAD",
        },
        "graph": graph,
        "graphAudience": graph,
        "microsoftGraphResourceId": graph,
        "resourceManager": graph,
        "suffixes": dict.fromkeys(_ABSENT_SUFFIXES, ""),
    }


def _login(settings: Settings) -> str:
    """Return where tokens come from: this server, or the configured issuer."""
    if settings.embedded_issuer or not settings.issuer:
        return settings.https_url
    parts = urlsplit(settings.issuer)
    return f"{parts.scheme}://{parts.netloc}"
