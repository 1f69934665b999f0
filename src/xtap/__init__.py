"""xtap: the cross-tenant access policy system of Microsoft Graph, open and self-hosted."""

__version__ = "0.1.0"
