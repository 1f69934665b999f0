"""``xtap tenant``: the tenants that the server knows; a running server notices new ones by itself."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from xtap.cli.main import add_settings, settings_of
from xtap.errors import ConfigurationError, NotFound

if TYPE_CHECKING:
    import argparse

    from xtap.model.directory import Application, Tenant
    from xtap.store.protocol import Store


CLOUDS = ("microsoftonline.com", "microsoftonline.us", "partner.microsoftonline.cn")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the flags."""
    commands = parser.add_subparsers(
        dest="action", required=True, metavar="add|list|show|import|import-signins|decisions"
    )
    add = commands.add_parser("add", help="register a tenant, and an application of it")
    add.add_argument("name", help="display name")
    add.add_argument("--id", help="tenant id (GUID; default: a new one)")
    add.add_argument("--domain", action="append", default=[], help="verified domain; repeat for more")
    add.add_argument("--cloud", default=CLOUDS[0], choices=CLOUDS, help="the Microsoft cloud it lives in")
    add.add_argument("--client-id", help="also register this application; its secret is XTAP_CLIENT_SECRET or printed")
    add.add_argument("--role", action="append", help="application permission of it; repeat (default: all)")
    listing = commands.add_parser("list", help="list the registered tenants")
    show = commands.add_parser("show", help="show one tenant and its applications")
    show.add_argument("name", help="name, id or domain")
    for command in (add, listing, show):
        command.add_argument("--output", choices=("table", "json"), default="table")
    bring = commands.add_parser("import", help="put users, groups and applications into a tenant's directory")
    bring.add_argument("name", help="name, id or domain")
    bring.add_argument("file", nargs="+", help="JSON or CSV, as Graph answers or Entra exports")
    bring.add_argument("--replace", action="store_true", help="remove whoever is not in these files")
    sign_ins = commands.add_parser("import-signins", help="put exported sign-ins into a tenant's log")
    sign_ins.add_argument("name", help="name, id or domain")
    sign_ins.add_argument("file", nargs="+", help="JSON of Graph or of diagnostic settings, or CSV of the admin center")
    decisions = commands.add_parser("decisions", help="print the decisions that a tenant asked for, as JSON lines")
    decisions.add_argument("name", help="name, id or domain")
    decisions.add_argument("--after", type=int, default=0, metavar="N", help="only those behind this number")
    for command in (add, listing, show, bring, sign_ins, decisions):
        add_settings(command, "data", "database", "database-password-file")


def run(args: argparse.Namespace) -> int:
    """Run the sub-command."""
    asyncio.run(_run(args))
    return 0


async def _run(args: argparse.Namespace) -> None:
    from xtap.server.storage import open_store  # noqa: PLC0415 - 'xtap tenant --help' needs no store

    store = open_store(settings_of(args), exclusive=False)
    try:
        await _ACTIONS[args.action](store, args)
    finally:
        await store.close()


async def _add(store: Store, args: argparse.Namespace) -> None:
    from xtap.model.directory import Tenant  # noqa: PLC0415 - see _run
    from xtap.model.enums import CloudEndpoint  # noqa: PLC0415
    from xtap.model.ids import parse_tenant_id  # noqa: PLC0415
    from xtap.service import tenants  # noqa: PLC0415

    if not args.name.strip():
        raise ConfigurationError("A tenant needs a name.")
    tenant_id = parse_tenant_id(args.id or str(uuid4()), "--id")
    domains = tuple(domain.lower() for domain in args.domain)
    tenant = Tenant(
        id=tenant_id, display_name=args.name, domains=domains, cloud=CloudEndpoint(args.cloud), created=_now()
    )
    if args.role:
        known_roles(args.role)
    await tenants.add(store, tenant, unique_name=True)
    made, secret = _application(args, tenant) if args.client_id else (None, None)
    if made is not None:
        await tenants.add_application(store, tenant_id, made)
    _print(args, [tenant], [] if made is None else [made], secret)


def known_roles(roles: list[str]) -> tuple[str, ...]:
    """Return application permissions as the service writes them.

    Raises:
        NotFound: one is none.
    """
    from xtap.service.permissions import PERMISSIONS  # noqa: PLC0415 - see _run

    unknown = [role for role in roles if role not in PERMISSIONS]
    if unknown:
        raise NotFound(f"There is no application permission '{unknown[0]}'. Known: {', '.join(PERMISSIONS)}.")
    return tuple(roles)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


async def _list(store: Store, args: argparse.Namespace) -> None:
    from xtap.service import tenants  # noqa: PLC0415 - see _run

    _print(args, await tenants.listing(store), [], None)


async def _show(store: Store, args: argparse.Namespace) -> None:
    from xtap.service import tenants  # noqa: PLC0415 - see _run

    tenant = await tenants.named(store, args.name)
    _print(args, [tenant], await tenants.applications(store, tenant.id), None)


async def _import(store: Store, args: argparse.Namespace) -> None:
    from xtap.model.directory_files import read  # noqa: PLC0415 - see _run
    from xtap.service import directory, tenants  # noqa: PLC0415

    tenant = await tenants.named(store, args.name)
    objects = read((name, _content(name)) for name in args.file)
    await directory.put_objects(store, tenant.id, objects, whole=args.replace)
    counts = Counter(str(directory.KINDS[type(each)]) for each in objects)
    print(f"{tenant.display_name}: " + ", ".join(f"{counts[kind]} {word}" for kind, word in _WORDS.items()))


async def _import_sign_ins(store: Store, args: argparse.Namespace) -> None:
    from xtap.model.sign_in_files import read  # noqa: PLC0415 - see _run
    from xtap.service import sign_ins, tenants  # noqa: PLC0415

    tenant = await tenants.named(store, args.name)
    found = read((name, _content(name)) for name in args.file)
    await sign_ins.bring(store, tenant.id, found.sign_ins)
    passed = f", {found.passed_over} records of other kinds passed over" if found.passed_over else ""
    print(f"{tenant.display_name}: {len(found.sign_ins)} sign-ins{passed}")


def _content(name: str) -> bytes:
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{name} cannot be read: {error.strerror}.") from None


async def _decisions(store: Store, args: argparse.Namespace) -> None:
    from xtap.service import tenants  # noqa: PLC0415 - see _run

    tenant = await tenants.named(store, args.name)
    after = args.after
    while page := await store.logged(tenant.id, after=after, limit=1_000):
        for number, document in page:
            print(json.dumps({"number": number, **json.loads(document)}))
            after = number


_ACTIONS = {
    "add": _add,
    "list": _list,
    "show": _show,
    "import": _import,
    "import-signins": _import_sign_ins,
    "decisions": _decisions,
}
_WORDS = {"user": "users", "group": "groups", "servicePrincipal": "applications"}


def _application(args: argparse.Namespace, tenant: Tenant) -> tuple[Application, str | None]:
    """Return the application, and its secret if it was made up here."""
    from xtap.identity.client_secrets import hash_secret  # noqa: PLC0415 - see _run
    from xtap.model.directory import Application  # noqa: PLC0415
    from xtap.model.pristine import derived_id  # noqa: PLC0415
    from xtap.service.permissions import PERMISSIONS  # noqa: PLC0415

    given = os.environ.get("XTAP_CLIENT_SECRET")
    secret = given or secrets.token_urlsafe(24)
    application = Application(
        client_id=args.client_id,
        display_name=args.client_id,
        object_id=derived_id(tenant.id, args.client_id),
        secret=hash_secret(secret),
        permissions=tuple(args.role or PERMISSIONS),
    )
    return application, None if given else secret


def _print(args: argparse.Namespace, found: list[Tenant], applications: list[Application], secret: str | None) -> None:
    apps = [{"clientId": app.client_id, "permissions": list(app.permissions)} for app in applications]
    if args.output == "json":
        shown = [
            {"id": each.id, "displayName": each.display_name, "domains": list(each.domains), "cloud": each.cloud}
            for each in found
        ]
        whole: object = shown if args.action == "list" else shown[0] | {"applications": apps}
        print(json.dumps(whole | {"clientSecret": secret} if secret and isinstance(whole, dict) else whole, indent=2))
        return
    width = max((len(tenant.display_name) for tenant in found), default=0)
    for tenant in found:
        print(f"{tenant.id}  {tenant.display_name:<{width}}  {', '.join(tenant.domains)}".rstrip())
    for app in apps:
        print(f"  application {app['clientId']}: {', '.join(app['permissions'])}")
    if secret:
        print(f"  client secret (shown once): {secret}")
