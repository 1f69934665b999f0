"""``xtap compare``: who gains and who loses access when one policy of a tenant becomes another?"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from xtap.model.schema import Json
    from xtap.semantics.compare import Comparison, Difference


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the flags."""
    parser.epilog = "exit code: 0 equivalent, 2 differences, 1 error"
    parser.add_argument("before", metavar="BEFORE", help="JSON file with the policy as it is")
    parser.add_argument("after", metavar="AFTER", help="JSON file with the policy as it is to be")
    parser.add_argument("--tenant", help="id or displayName, if the files hold several tenants")
    parser.add_argument(
        "--no-new-access", action="store_true", help="exit code 2 only if something is newly allowed, otherwise 0"
    )
    parser.add_argument("--output", choices=("text", "json"), default="text")


def run(args: argparse.Namespace) -> int:
    """Print every difference, with an access that shows it."""
    from xtap.files import load  # noqa: PLC0415 - 'xtap compare --help' needs no engine
    from xtap.semantics.questions import compare  # noqa: PLC0415 - see above

    found = compare(load(args.before), load(args.after), args.tenant)
    if args.output == "json":
        print(json.dumps(_json(found), indent=2))
    else:
        print("\n".join(_text(found)))
    return 0 if (found.no_new_access if args.no_new_access else found.equivalent) else 2


def _json(found: Comparison) -> Json:
    from msgspec import json as fast  # noqa: PLC0415 - see run

    differences: Json = fast.decode(fast.encode(found.differences, order="deterministic"))
    return {"equivalent": found.equivalent, "noNewAccess": found.no_new_access, "differences": differences}


def _text(found: Comparison) -> Iterator[str]:
    count = len(found.differences)
    if not count:
        yield "Equivalent: what was allowed is allowed, and nothing else. (Blocked or unknown is not compared.)"
        return
    yield f"{count} difference{'s' if count > 1 else ''}:"
    for difference in found.differences:
        yield from _difference(difference)


_EFFECTS = {"newlyAllowed": "newly allowed", "newlyBlocked": "newly blocked", "different": "different"}


def _difference(difference: Difference) -> Iterator[str]:
    other = difference.other or "any tenant without an entry of its own"
    cloud = f" in {difference.cloud}" if difference.cloud else ""
    everybody = difference.setting.startswith("invitationRedemption")
    whom = "" if everybody else f", {other}{cloud}"
    yield f"  {_EFFECTS[difference.effect]}: {difference.setting}{whom}"
    if difference.witness is not None:
        yield f"    for example {_witness(difference)}"


def _witness(difference: Difference) -> str:
    from xtap.semantics.request import Access  # noqa: PLC0415 - see run

    used = difference.witness
    if used is None:
        return ""
    if not isinstance(used, Access) and used.anonymous:
        return f"anonymous access to tenant {used.resource}"
    groups = f" in group {', '.join(sorted(used.groups))}" if used.groups else ""
    who = f"user {used.user}{groups}" if used.user else "anybody"
    apps = f" with application {used.resource_app}" if used.resource_app else ""
    client = f" (client {used.client_app})" if used.client_app not in {None, used.resource_app} else ""
    channel = f" by {used.channel}" if isinstance(used, Access) else ""
    demands = ", ".join(sorted(used.requires.controls)) if isinstance(used, Access) and used.requires else ""
    required = f" where {demands} is required" if demands else ""
    return f"{who} of {used.home} in {used.resource}{apps}{client}{channel}{required}"
