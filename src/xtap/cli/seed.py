"""``xtap seed``: the policies of tenants on a local server become those of files, for tests and demonstrations."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from xtap.cli.main import add_settings, no_issuer, settings_of

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the flags."""
    parser.add_argument("files", nargs="+", metavar="FILE", help="tenants' documents, or folders of them")
    add_settings(parser, "data", "database", "database-password-file", "host", "port", "tls-port")


def run(args: argparse.Namespace) -> int:
    """Read every file, then seed each tenant; a tenant that is not known is registered."""
    from xtap.cli.emulator import LocalEmulator, registered  # noqa: PLC0415 - help needs none of it
    from xtap.files import documents, load  # noqa: PLC0415
    from xtap.model.directory import Tenant  # noqa: PLC0415
    from xtap.semantics.loading import tenant_policy  # noqa: PLC0415

    settings = settings_of(args)
    if not settings.embedded_issuer:
        raise no_issuer(args, ", so there is no emulator")
    load(*args.files)
    found = [(tenant_policy(document, path), document) for _, path, document in documents(args.files)]
    wanted = [Tenant(policy.tenant_id, policy.display_name or policy.tenant_id) for policy, _ in found]
    _, new, issuer = asyncio.run(registered(settings, wanted))
    emulator = LocalEmulator(settings, issuer)
    for policy, document in found:
        emulator.post(policy.tenant_id, "seed", document)
        made = "  (newly registered)" if policy.tenant_id in {tenant.id for tenant in new} else ""
        print(
            f"{policy.tenant_id}  {policy.display_name or ''}  {len(policy.partners)} partners{made}".replace(
                "    ", "  "
            )
        )
    return 0
