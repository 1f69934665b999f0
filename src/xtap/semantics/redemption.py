"""Who signs a guest in? The order in which identity providers redeem an invitation (XT-RED-1 to -3, R7.3, R7.5)."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

from xtap.model.enums import IdentityProvider
from xtap.semantics.decision import Step

if TYPE_CHECKING:
    from xtap.semantics.documents import Redemption

NAME = "invitationRedemptionIdentityProviderConfiguration"


class Invitee(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """What is known of an invited person; None is "not known".

    Attributes:
        entra_account: has a (managed) account of Microsoft Entra.
        federated_domain: the address belongs to a domain that is federated by SAML or WS-Fed.
        social_account: has an account of a configured social provider, such as Google.
        microsoft_account: has a personal Microsoft account.
        passcode_enabled: the inviting tenant has enabled one-time passcodes.
    """

    entra_account: bool | None = None
    federated_domain: bool | None = None
    social_account: bool | None = None
    microsoft_account: bool | None = None
    passcode_enabled: bool | None = None


class RedeemedBy(StrEnum):
    """Who redeems."""

    ENTRA = "azureActiveDirectory"
    FEDERATION = "externalFederation"
    SOCIAL = "socialIdentityProviders"
    MICROSOFT_ACCOUNT = "microsoftAccount"
    PASSCODE = "emailOneTimePasscode"
    NEW_MICROSOFT_ACCOUNT = "newMicrosoftAccount"
    UNKNOWN = "unknown"


class RedemptionAnswer(Struct, frozen=True, kw_only=True, gc=False):
    """Who redeems, by which rule; with the facts that are missing if it is not known."""

    provider: RedeemedBy
    steps: tuple[Step, ...]
    missing: tuple[str, ...] = ()


_FACTS = {
    IdentityProvider.AZURE_ACTIVE_DIRECTORY: (RedeemedBy.ENTRA, "entra_account", "entraAccount"),
    IdentityProvider.EXTERNAL_FEDERATION: (RedeemedBy.FEDERATION, "federated_domain", "federatedDomain"),
    IdentityProvider.SOCIAL_IDENTITY_PROVIDERS: (RedeemedBy.SOCIAL, "social_account", "socialAccount"),
}


def redeem(configuration: Redemption, invitee: Invitee) -> RedemptionAnswer:
    """Say who redeems an invitation.

    Args:
        configuration: the inviting tenant's order and fallback.
        invitee: what is known of the invited person.

    A primary provider that the configuration leaves out is disabled; a word that no rule knows makes the answer
    unknown from there on.
    """
    for provider in configuration.primary_identity_provider_precedence_order:
        if provider not in _FACTS:
            return _unknown(f"the meaning of '{provider}' in {NAME}")
        redeemed_by, name, fact = _FACTS[IdentityProvider(provider)]
        known = getattr(invitee, name)
        if known is None:
            return _unknown(fact)
        if known:
            return _redeemed(redeemed_by, "XT-RED-1")
    return _fallback(configuration.fallback_identity_provider, invitee)


def _fallback(provider: str, invitee: Invitee) -> RedemptionAnswer:
    match provider:
        case IdentityProvider.EMAIL_ONE_TIME_PASSCODE:
            return _redeemed(RedeemedBy.PASSCODE, "XT-RED-3")
        case IdentityProvider.MICROSOFT_ACCOUNT:
            return _microsoft_account(invitee, "XT-RED-3")
        case IdentityProvider.DEFAULT_CONFIGURED_IDP:
            return _default_fallback(invitee)
        case _:
            return _unknown(f"the meaning of '{provider}' in {NAME}")


def _default_fallback(invitee: Invitee) -> RedemptionAnswer:
    if invitee.microsoft_account is None:
        return _unknown("microsoftAccount")
    if invitee.microsoft_account:
        return _redeemed(RedeemedBy.MICROSOFT_ACCOUNT, "XT-RED-2")
    if invitee.passcode_enabled is None:
        return _unknown("passcodeEnabled")
    return _redeemed(RedeemedBy.PASSCODE if invitee.passcode_enabled else RedeemedBy.NEW_MICROSOFT_ACCOUNT, "XT-RED-2")


def _microsoft_account(invitee: Invitee, rule: str) -> RedemptionAnswer:
    if invitee.microsoft_account is None:
        return _unknown("microsoftAccount")
    return _redeemed(
        RedeemedBy.MICROSOFT_ACCOUNT if invitee.microsoft_account else RedeemedBy.NEW_MICROSOFT_ACCOUNT, rule
    )


def _redeemed(provider: RedeemedBy, rule: str) -> RedemptionAnswer:
    return RedemptionAnswer(provider=provider, steps=(Step(rule, setting=NAME, result=provider),))


def _unknown(fact: str) -> RedemptionAnswer:
    return RedemptionAnswer(provider=RedeemedBy.UNKNOWN, steps=(), missing=(fact,))
