"""``xtap decide``: may this person of one tenant use this application of another, why, and what would change it?"""

from __future__ import annotations

import argparse
import json
from datetime import datetime
from typing import TYPE_CHECKING

from xtap.cli.source import add_source, server_of
from xtap.errors import ConfigurationError
from xtap.model.ids import is_guid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import TypeAlias

    from xtap.client.server import Server
    from xtap.model.ids import TenantId
    from xtap.semantics.repair import Change
    from xtap.semantics.request import Access
    from xtap.semantics.telling import Telling

    Names: TypeAlias = Mapping[TenantId, str]
    """Display names of tenants."""

_KNOWN = {"yes": True, "no": False, None: None}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the flags."""
    from xtap.semantics.request import Channel, Control  # noqa: PLC0415 - other commands need no engine

    parser.epilog = (
        "exit code: 0 allowed now (or inside one tenant that is known), "
        "2 blocked, unknown, not governed or pending, 1 error\n"
        "what is not said is not known: the answer is then 'unknown' where it would decide\n"
        "a --server fills in the groups of people that its directory knows"
    )
    add_source(parser)
    parser.add_argument("--home", required=True, metavar="TENANT", help="the person's tenant: id or displayName")
    parser.add_argument("--resource", required=True, metavar="TENANT", help="the application's tenant")
    parser.add_argument(
        "--channel", choices=[*map(str, Channel)], default=str(Channel.COLLABORATION), help="default: %(default)s"
    )
    parser.add_argument("--user", metavar="ID", help="object id in the home tenant; a --server also knows names")
    groups = parser.add_mutually_exclusive_group()
    groups.add_argument(
        "--group", metavar="ID", type=_guid, action="append", help="group in the home tenant; repeat: all that count"
    )
    groups.add_argument("--no-groups", action="store_true", help="the person is in no group")
    parser.add_argument("--client-app", metavar="ID", type=_guid, help="application id of the client")
    parser.add_argument("--app", metavar="ID", type=_guid, help="application id of the resource")
    for flag, claim in _CLAIMS.items():
        parser.add_argument(flag, choices=("yes", "no"), help=f"{claim}; counts with --require")
    parser.add_argument(
        "--require",
        choices=[*map(str, Control)],
        action="append",
        help="Conditional Access demands it; repeat: all are needed",
    )
    parser.add_argument(
        "--as-of", metavar="TIME", type=_moment, help="by the policies of then, such as 2026-11-01T12:00:00Z (--server)"
    )
    parser.add_argument("--output", choices=("text", "json"), default="text")


_CLAIMS = {
    "--mfa": "multifactor authentication was done at home",
    "--compliant-device": "the device is compliant at home",
    "--hybrid-joined": "the device is hybrid joined at home",
}


def run(args: argparse.Namespace) -> int:
    """Print the answer."""
    from msgspec import to_builtins  # noqa: PLC0415 - 'xtap decide --help' needs no engine

    server = server_of(args)
    access, told, names = _from_files(args) if server is None else _from_server(server, args)
    if args.output == "json":
        print(json.dumps(to_builtins(told), indent=2))
    else:
        print("\n".join(_text(access, told, names)))
    return 0 if told.decision else 2


def _from_files(args: argparse.Namespace) -> tuple[Access, Telling, Names]:
    from xtap.files import load  # noqa: PLC0415 - see run
    from xtap.semantics.questions import decide, repair  # noqa: PLC0415
    from xtap.semantics.telling import tell  # noqa: PLC0415

    if args.as_of is not None:
        raise ConfigurationError("--as-of asks a --server: files have no history.")
    if args.user is not None and not is_guid(args.user):
        raise ConfigurationError(f"--user: '{args.user[:64]}' is no GUID. Only a --server knows people by their names.")
    policies = load(*args.files)
    access = _access(args, policies.named)
    decision = decide(policies, access)
    fix = repair(policies, decision) if decision.outcome == "blocked" else None
    names = {policy.tenant_id: policy.display_name for policy in policies if policy.display_name}
    return access, tell(decision, policies, fix), names


def _from_server(server: Server, args: argparse.Namespace) -> tuple[Access, Telling, Names]:
    from xtap.client.evaluation import evaluate  # noqa: PLC0415 - see run
    from xtap.client.tenant import own_tenant, tenant_named  # noqa: PLC0415

    with server:
        own = None if is_guid(args.home) and is_guid(args.resource) else own_tenant(server)
        access = _access(args, lambda name: tenant_named(name, own))
        names = {} if own is None else {own.id: own.display_name}
        return access, evaluate(server, access, args.as_of), names


def _guid(text: str) -> str:
    if not is_guid(text):
        raise argparse.ArgumentTypeError(f"'{text[:64]}' is no GUID")
    return text


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = datetime.min  # noqa: DTZ901 - it has no zone, like a time that was written without one
    if moment.tzinfo is None:
        raise argparse.ArgumentTypeError(f"'{text[:64]}' is no time with a zone, such as 2026-11-01T12:00:00Z")
    return moment


def _access(args: argparse.Namespace, named: Callable[[str], TenantId]) -> Access:
    from xtap.semantics.request import Access, Channel, Claims, Control, Requirements  # noqa: PLC0415 - see run

    return Access(
        home=named(args.home),
        resource=named(args.resource),
        channel=Channel(args.channel),
        user=args.user,
        groups=frozenset(args.group or ()) if args.group or args.no_groups else None,
        client_app=args.client_app,
        resource_app=args.app,
        claims=Claims(
            mfa=_KNOWN[args.mfa],
            compliant_device=_KNOWN[args.compliant_device],
            hybrid_joined_device=_KNOWN[args.hybrid_joined],
        ),
        requires=Requirements(controls=frozenset(map(Control, args.require))) if args.require else None,
    )


def _text(access: Access, told: Telling, names: Names) -> Iterator[str]:
    from xtap.semantics.codes import find_code  # noqa: PLC0415 - see run

    summary, *sentences = told.reason_admin
    first = " once something is done" if told.pending else ""
    yield f"{told.outcome}{first}: {access.channel} from {_name(names, access.home)} to {_name(names, access.resource)}"
    yield from ("", told.reason_user, summary)
    code = find_code(told.error_code or "")
    if code is not None:
        yield from ("", f"{code.code}: {code.meaning}", code.remedy)
    if told.missing:
        yield from ("", f"Not known, and needed: {', '.join(told.missing)}.")
    if told.pending:
        yield from ("", f"To be done first: {', '.join(told.pending)}.")
    if told.consent_prompt is not None:
        yield from ("", f"Consent prompt: {told.consent_prompt}.")
    yield from ("", "Steps:")
    yield from (f"{number:>3}. {sentence}" for number, sentence in enumerate(sentences, 1))
    yield from _fix(told, names)


def _name(names: Names, tenant: TenantId) -> str:
    return f"{names[tenant]} ({tenant})" if tenant in names else tenant


def _fix(told: Telling, names: Names) -> Iterator[str]:
    if told.fix_impossible is not None:
        yield from ("", f"No change helps: {told.fix_impossible}")
    if told.fix or told.fix_withheld:
        yield from ("", "To allow it, with the smallest change of these settings:")
    for change in told.fix:
        yield from _request(change, names)
    for tenant in told.fix_withheld:
        yield from ("", f"{_name(names, tenant)} must change something; what, is told to that tenant only.")


def _request(change: Change, names: Names) -> Iterator[str]:
    """Show a change as the HTTP request that makes it; its path is below the address of Graph."""
    yield from ("", f"An administrator of {_name(names, change.tenant)} sends", "")
    yield from (f"{change.method} /{change.version}{change.path}", "Content-Type: application/json", "")
    yield json.dumps(change.body, indent=2)
