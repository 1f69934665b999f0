"""``xtap decide``: may this person of one tenant use this application of another, why, and what would change it?"""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from xtap.model.ids import is_guid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xtap.semantics.crossing import Decision
    from xtap.semantics.policies import Policies
    from xtap.semantics.repair import Change, Repair
    from xtap.semantics.request import Access

_KNOWN = {"yes": True, "no": False, None: None}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the flags."""
    from xtap.semantics.request import Channel, Control  # noqa: PLC0415 - other commands need no engine

    parser.epilog = (
        "exit code: 0 allowed (or inside one tenant), 2 blocked, unknown or not governed, 1 error\n"
        "what is not said is not known: the answer is then 'unknown' where it would decide"
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="JSON file with policies, or a folder of such")
    parser.add_argument("--home", required=True, metavar="TENANT", help="the person's tenant: id or displayName")
    parser.add_argument("--resource", required=True, metavar="TENANT", help="the application's tenant")
    parser.add_argument("--channel", choices=[*Channel], default=Channel.COLLABORATION, help="default: %(default)s")
    parser.add_argument("--user", metavar="ID", type=_guid, help="object id in the home tenant")
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
        "--require", choices=[*Control], action="append", help="Conditional Access demands it; repeat: all are needed"
    )
    parser.add_argument("--output", choices=("text", "json"), default="text")


_CLAIMS = {
    "--mfa": "multifactor authentication was done at home",
    "--compliant-device": "the device is compliant at home",
    "--hybrid-joined": "the device is hybrid joined at home",
}


def run(args: argparse.Namespace) -> int:
    """Print the answer."""
    from xtap.files import load  # noqa: PLC0415 - 'xtap decide --help' needs no files
    from xtap.semantics.explain import to_json  # noqa: PLC0415 - see above
    from xtap.semantics.questions import decide, repair  # noqa: PLC0415 - see above

    policies = load(*args.files)
    decision = decide(policies, _access(args, policies))
    fix = repair(policies, decision) if decision.outcome == "blocked" else None
    if args.output == "json":
        print(json.dumps(to_json(decision, fix), indent=2))
    else:
        print("\n".join(_text(decision, fix, policies)))
    return _exit_code(decision)


def _guid(text: str) -> str:
    if not is_guid(text):
        raise argparse.ArgumentTypeError(f"'{text[:64]}' is no GUID")
    return text


def _access(args: argparse.Namespace, policies: Policies) -> Access:
    from xtap.semantics.request import Access, Channel, Claims, Control, Requirements  # noqa: PLC0415 - see run

    return Access(
        home=policies.named(args.home),
        resource=policies.named(args.resource),
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


def _exit_code(decision: Decision) -> int:
    """Nothing is fine that the policies do not allow, except what crosses no border."""
    inside = decision.outcome == "notApplicable" and decision.access.home == decision.access.resource
    return 0 if decision.allowed or inside else 2


def _text(decision: Decision, fix: Repair | None, policies: Policies) -> Iterator[str]:
    from xtap.semantics.codes import find_code  # noqa: PLC0415 - see run
    from xtap.semantics.explain import explain  # noqa: PLC0415 - see run

    access, words = decision.access, explain(decision)
    summary, *sentences = words.admin
    home, resource = (_name(policies, tenant) for tenant in (access.home, access.resource))
    yield f"{decision.outcome}: {access.channel} from {home} to {resource}"
    yield from ("", words.user, summary)
    code = find_code(decision.error_code or "")
    if code is not None:
        yield from ("", f"{code.code}: {code.meaning}", code.remedy)
    if decision.missing:
        yield from ("", f"Not known, and needed: {', '.join(decision.missing)}.")
    if decision.allowed:
        yield from ("", f"Consent prompt: {decision.consent_prompt}.")
    yield from ("", "Steps:")
    yield from (f"{number:>3}. {sentence}" for number, sentence in enumerate(sentences, 1))
    if fix is not None:
        yield ""
        yield from _fix(fix, policies)


def _name(policies: Policies, tenant: str) -> str:
    found = next((policy for policy in policies if policy.tenant_id == tenant), None)
    return f"{found.display_name} ({tenant})" if found is not None and found.display_name else tenant


def _fix(fix: Repair, policies: Policies) -> Iterator[str]:
    if fix.impossible is not None:
        yield f"No change helps: {fix.impossible}"
        return
    yield "To allow it, with the smallest change of these settings:"
    for change in fix.changes:
        yield from _request(change, policies)


def _request(change: Change, policies: Policies) -> Iterator[str]:
    """Show a change as the HTTP request that makes it; its path is below the address of Graph."""
    yield from ("", f"An administrator of {_name(policies, change.tenant)} sends", "")
    yield from (f"{change.method} /{change.version}{change.path}", "Content-Type: application/json", "")
    yield json.dumps(change.body, indent=2)
