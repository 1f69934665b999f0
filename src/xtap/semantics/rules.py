"""Which rules decide? Every rule once: its id, one sentence, its source, and how sure that is.

The id stands at the branch that applies it, in the steps of a decision, in explanations, in the cases of
``conformance/`` and in ``docs/semantics.md``. Tests hold these places together.
"""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Mapping


class Certainty(StrEnum):
    """How sure a rule is: a page says so, third parties saw it, or nothing was found and this project decided."""

    DOCUMENTED = "documented"
    OBSERVED = "observed"
    CHOSEN = "chosen"


class Rule(Struct, frozen=True):
    """One rule.

    Attributes:
        id: its name everywhere.
        sentence: what it says.
        source: the documentation page or observation, or for a choice the decision record.
        certainty: how sure it is.
    """

    id: str
    sentence: str
    source: str
    certainty: Certainty


OVERVIEW = "Entra: cross-tenant access overview"
GRAPH = "Graph: cross-tenant access settings API overview, Interpreting the API response"
PARTNER = "Graph: crossTenantAccessPolicyConfigurationPartner"
DEFAULT = "Graph: crossTenantAccessPolicyConfigurationDefault"
TARGET = "Graph: crossTenantAccessPolicyTarget"
COLLABORATION = "Entra: configure B2B collaboration settings"
CONNECT = "Entra: B2B direct connect overview"
CONDITIONAL = "Entra: authentication and Conditional Access for External ID"
RESTRICTIONS = "Entra: tenant restrictions v2"
CLOUDS = "Entra: configure Microsoft cloud settings"
CONSENT = "Entra: automatic redemption setting"
REDEMPTION = "Graph: invitationRedemptionIdentityProviderConfiguration"
FLOW = "Entra: B2B invitation redemption"
DOMAINS = "Entra: allow or block invitations by domain"
SYNC = "Entra: configure cross-tenant synchronization"
ADR = "docs/adr/0007-silent-sources.md"

_DOCUMENTED = (
    ("XT-SCOPE-2", "The policy speaks of Microsoft Entra tenants only; other accounts are not governed.", OVERVIEW),
    ("XT-SCOPE-4", "B2B collaboration and B2B direct connect are separate settings.", CONNECT),
    ("XT-GDAP-2", "A tenant can keep its own people from acting as service providers elsewhere.", PARTNER),
    ("XT-INH-1", "What the partner entry configures takes precedence over the default policy.", PARTNER),
    ("XT-INH-2", "What the partner entry leaves open is taken from the default policy.", PARTNER),
    ("XT-INH-3", "What nobody configured is taken from the service default.", DEFAULT),
    ("XT-INH-5", "Each consent flag stands alone, and only a partner entry can set it.", PARTNER),
    ("XT-USER-1", "AllUsers names everybody of the home tenant.", TARGET),
    ("XT-USER-2", "A listed user id names that user of the home tenant.", COLLABORATION),
    ("XT-USER-3", "A listed group id names the members of that group of the home tenant.", COLLABORATION),
    ("XT-USER-4", "Who is not listed, and in no listed group, is not named.", COLLABORATION),
    ("XT-APP-1", "AllApplications names every application.", TARGET),
    ("XT-APP-3", "Office365 names the applications of the Office 365 suite.", TARGET),
    ("XT-APP-5", "An application that is not listed is not named.", COLLABORATION),
    ("XT-CELL-1", "Allowed users and allowed applications: only listed users with listed applications pass.", GRAPH),
    ("XT-CELL-2", "Allowed users and blocked applications: listed users pass, except with listed ones.", GRAPH),
    ("XT-CELL-3", "Blocked users and allowed applications: unlisted users pass with listed ones only.", GRAPH),
    ("XT-CELL-4", "Blocked users and blocked applications: only the pair of both is blocked.", GRAPH),
    ("XT-ACC-1", "The outbound settings of the home tenant must let the access pass.", CONDITIONAL),
    ("XT-ACC-2", "The inbound settings of the resource tenant must let the access pass.", CONDITIONAL),
    ("XT-ACC-4", "Trust never opens what access settings block.", CONDITIONAL),
    ("XT-CLOUD-1", "B2B direct connect does not work between clouds.", CLOUDS),
    ("XT-CLOUD-2", "Both tenants must have enabled the cloud of the other.", CLOUDS),
    ("XT-CLOUD-3", "Between clouds each tenant must have added the other as a partner.", CLOUDS),
    ("XT-CLOUD-4", "Only the commercial cloud can be paired with another one.", CLOUDS),
    ("XT-TRUST-1", "Trusted multifactor authentication of the home tenant satisfies the demand.", CONDITIONAL),
    ("XT-TRUST-2", "Trusted but not done, multifactor authentication is asked for in the home tenant.", CONDITIONAL),
    ("XT-TRUST-3", "Without trust, a guest does multifactor authentication in the resource tenant.", CONDITIONAL),
    ("XT-TRUST-4", "Without trust, a demand for multifactor authentication blocks direct connect.", CONNECT),
    ("XT-TRUST-5", "A trusted device claim of the home tenant satisfies the demand.", CONDITIONAL),
    ("XT-TRUST-6", "A device demand without trusted claim blocks.", CONDITIONAL),
    ("XT-TRUST-7", "Multifactor authentication of service providers is always trusted.", CONDITIONAL),
    ("XT-TRUST-8", "An authentication strength accepts home methods with trust, a few without.", CONDITIONAL),
    ("XT-TRUST-9", "Some controls cannot be fulfilled by people from outside.", CONDITIONAL),
    ("XT-TRUST-10", "Guests accept terms of use in the resource tenant.", CONDITIONAL),
    ("XT-CONS-1", "Redemption is automatic if the home allows it outbound and the resource inbound.", CONSENT),
    ("XT-CONS-2", "Otherwise the person sees a consent prompt at the first access.", CONSENT),
    ("XT-TR-1", "Tenant restrictions never apply to the tenant's own accounts, or own open resources.", RESTRICTIONS),
    ("XT-TR-3", "Foreign accounts pass tenant restrictions by the same 2x2 rule.", RESTRICTIONS),
    ("XT-TR-5", "Anonymous access to other tenants is blocked while restrictions are enforced.", RESTRICTIONS),
    ("XT-TR-6", "Without the signal of a proxy or device nothing is enforced.", RESTRICTIONS),
    ("XT-RED-1", "The first listed identity provider that the invitee has redeems the invitation.", REDEMPTION),
    ("XT-RED-2", "The default fallback is an existing Microsoft account, a passcode if enabled, a new account.", FLOW),
    ("XT-RED-3", "Another fallback redeems as configured.", REDEMPTION),
    ("XT-INV-1", "A domain on the block list is never invited.", DOMAINS),
    ("XT-INV-2", "With an allow list, a domain that is not on it is never invited.", DOMAINS),
    ("XT-SYNC-1", "The source tenant must allow automatic consent outbound.", SYNC),
    ("XT-SYNC-2", "The target tenant must allow automatic consent inbound.", SYNC),
    ("XT-SYNC-3", "The target tenant must allow user synchronization from the source.", SYNC),
)

_OBSERVED = (
    ("XT-TR-2", "Toward a tenant for which no restriction was created, nothing is enforced.", "new tenant, 2022"),
)

_CHOSEN = (
    ("XT-SCOPE-1", "Inside one tenant no border is crossed, so the policy does not apply."),
    ("XT-SCOPE-3", "What is not known of a tenant answers unknown, unless the known side blocks."),
    ("XT-GDAP-1", "B2B settings do not govern service providers."),
    ("XT-INH-4", "A missing half of a setting inherits from the next configured one."),
    ("XT-INH-6", "A partner's inbound trust replaces the default's whole; a flag it lacks is false."),
    ("XT-USER-5", "A person, or a target, that is not known may match: unknown where that decides."),
    ("XT-APP-2", "A listed id names an access if it is the client's or the resource's."),
    ("XT-APP-4", "AllMicrosoftApps names known Microsoft applications; for others it is not known."),
    ("XT-APP-6", "An application, or a target, that is not known may match: unknown where that decides."),
    ("XT-CELL-5", "An access type that no rule knows blocks."),
    ("XT-ACC-3", "If both sides block, the outbound side is named first."),
    ("XT-TR-4", "Restrictions are looked up by the account's home tenant, and by the resource's if it differs."),
    ("XT-INV-3", "Invitees with other than Microsoft Entra accounts are governed by domain lists only."),
    ("XT-INV-4", "An invitation is blocked if the inbound settings let nobody of that tenant in."),
    ("XT-INV-5", "An invitation is blocked if the invitee's tenant lets nobody out."),
)

RULES: Mapping[str, Rule] = MappingProxyType(
    {
        rule.id: rule
        for rule in (
            *(Rule(*row, Certainty.DOCUMENTED) for row in _DOCUMENTED),
            *(Rule(*row, Certainty.OBSERVED) for row in _OBSERVED),
            *(Rule(*row, ADR, Certainty.CHOSEN) for row in _CHOSEN),
        )
    }
)
"""Every rule by its id."""
