"""``xtap token``: a bearer token from the embedded issuer, made from its keys; no server needs to run."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from xtap.cli.main import add_settings, no_issuer, settings_of
from xtap.errors import ConfigurationError, NotFound

if TYPE_CHECKING:
    import argparse

    from xtap.identity.embedded import Delegation
    from xtap.model.directory import Tenant
    from xtap.server.settings import Settings

EPILOG = """\
examples:
  xtap token --tenant contoso
      app-only, with every application permission
  xtap token --tenant contoso --role Policy.Read.All
      app-only, with one application permission
  xtap token --tenant contoso --scope Policy.Read.All --role "Security Reader"
      delegated: a scope, and a directory role of the user"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the flags."""
    parser.epilog = EPILOG
    parser.add_argument("--tenant", required=True, help="name, id or domain of a registered tenant")
    parser.add_argument("--scope", action="append", help="delegated permission; repeat for more")
    parser.add_argument("--role", action="append", help="application permission, or directory role with --scope")
    parser.add_argument("--app-only", action="store_true", help="an app-only token (the default without --scope)")
    parser.add_argument("--user", default="admin", help="user of a delegated token (default: admin)")
    parser.add_argument("--lifetime", type=int, default=3600, metavar="SECONDS", help="default: 3600")
    add_settings(parser, "data", "database", "database-password-file", "host", "tls-port", "public-url")


def run(args: argparse.Namespace) -> int:
    """Print the token."""
    settings = settings_of(args)
    if not settings.embedded_issuer:
        raise no_issuer(args, ", so no token of it would be accepted")
    if args.app_only and args.scope:
        raise ConfigurationError("--app-only and --scope exclude each other: scopes belong to delegated tokens.")
    print(asyncio.run(_token(settings, args)))
    return 0


async def _token(settings: Settings, args: argparse.Namespace) -> str:
    from xtap.cli.tenant import known_roles  # noqa: PLC0415 - 'xtap token --help' needs none of it
    from xtap.model.directory import Application  # noqa: PLC0415
    from xtap.model.pristine import derived_id  # noqa: PLC0415
    from xtap.server.storage import open_store  # noqa: PLC0415
    from xtap.server.trust import embedded_issuer  # noqa: PLC0415
    from xtap.service import tenants  # noqa: PLC0415
    from xtap.service.permissions import PERMISSIONS  # noqa: PLC0415

    store = open_store(settings, exclusive=False)
    try:
        tenant = await tenants.named(store, args.tenant)
    finally:
        await store.close()
    issuer = embedded_issuer(settings, store)
    audience = "https://graph.microsoft.com"
    if args.scope:
        return issuer.mint_delegated(tenant.id, _delegation(tenant, args), audience, args.lifetime)
    application = Application(
        client_id="xtap",
        display_name="xtap token",
        object_id=derived_id(tenant.id, "xtap"),
        secret="",
        permissions=known_roles(args.role) if args.role else PERMISSIONS,
    )
    return issuer.mint_app(tenant.id, application, audience, args.lifetime)


def _delegation(tenant: Tenant, args: argparse.Namespace) -> Delegation:
    from xtap.identity.embedded import Delegation  # noqa: PLC0415 - see _token
    from xtap.model.pristine import derived_id  # noqa: PLC0415
    from xtap.service.permissions import DIRECTORY_ROLES  # noqa: PLC0415

    unknown = [role for role in args.role or () if role not in DIRECTORY_ROLES]
    if unknown:
        raise NotFound(f"There is no directory role '{unknown[0]}'. Known: {', '.join(DIRECTORY_ROLES)}.")
    domain = tenant.domains[0] if tenant.domains else f"{tenant.id}.example"
    return Delegation(
        username=args.user if "@" in args.user else f"{args.user}@{domain}",
        object_id=derived_id(tenant.id, args.user),
        scopes=tuple(args.scope),
        directory_roles=tuple(DIRECTORY_ROLES[role] for role in args.role or ()),
    )
