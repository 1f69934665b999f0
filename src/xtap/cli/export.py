"""``xtap export``: the policies of tenants as JSON, for version control and for every command that reads files."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING

from xtap.cli.main import add_settings, settings_of
from xtap.errors import ConfigurationError

if TYPE_CHECKING:
    import argparse

    from xtap.model.directory import Tenant
    from xtap.model.schema import Document
    from xtap.server.settings import Settings


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the flags."""
    parser.add_argument("name", nargs="*", help="name, id or domain of a tenant")
    parser.add_argument("--all", action="store_true", help="every registered tenant")
    parser.add_argument("--to", metavar="FOLDER", help="write a file for each tenant, ID.json, instead of printing")
    add_settings(parser, "data", "database", "database-password-file")


def run(args: argparse.Namespace) -> int:
    """Print one document, or a list of them, or write a file for each."""
    if bool(args.name) == args.all:
        raise ConfigurationError("Name the tenants to export, or pass --all.")
    documents = asyncio.run(_documents(settings_of(args), args.name))
    if args.to is None:
        print(_text(documents[0] if len(documents) == 1 else list(documents)))
        return 0
    folder = Path(args.to)
    for document in documents:
        file = folder / f"{document['tenantId']}.json"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{_text(document)}\n", encoding="utf-8")
        except OSError as error:
            raise ConfigurationError(f"{file} cannot be written: {error.strerror}.") from None
        print(file)
    return 0


async def _documents(settings: Settings, names: list[str]) -> list[Document]:
    from xtap.server.storage import open_store  # noqa: PLC0415 - 'xtap export --help' needs no store
    from xtap.service import export, tenants  # noqa: PLC0415

    store = open_store(settings, exclusive=False)
    try:
        found: list[Tenant] = [await tenants.named(store, name) for name in names] or await tenants.listing(store)
        return [export.document(tenant, await store.refresh(tenant.id)) for tenant in found]
    finally:
        await store.close()


def _text(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
