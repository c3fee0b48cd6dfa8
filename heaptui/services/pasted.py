"""Somebody else's keys, as they stand in a chat message: each is tried in every role, nothing is kept."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from heaptui.clients.braze import CohortImport, reason
from heaptui.clients.http import Http
from heaptui.errors import UsageError
from heaptui.model.instances import check_host, instance_of, normal_endpoint
from heaptui.model.runs import Reason
from heaptui.model.secret import Secret
from heaptui.services.cluster_finder import (
    CHECK_SECONDS,
    PROBED,
    Cluster,
    ask,
    import_accepted,
    rest_accepted,
    rest_probe,
)
from heaptui.services.key_checks import PLACEHOLDER, Given

UUID_SHAPED = re.compile(r"(?i)\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")
_ADDRESS = re.compile(r"(?i)\b(?:https?://)?(?:rest|dashboard)[a-z0-9.-]*\.braze\.(?:com|eu)\b|https?://[^\s\"'<>]+")
_LONG_WORD = re.compile(r"(?<![\w./:-])[A-Za-z0-9_\-+/=]{20,}(?![\w./-])")
_SAYS = (
    ("Data Import Key", re.compile(r"(?i)data.?import|client.?secret")),
    ("partner key", re.compile(r"(?i)partner")),
    ("REST key", re.compile(r"(?i)rest\b|api.?key")),
)


@dataclass(frozen=True, slots=True)
class Token:
    """One key of a message, and what the message calls it."""

    secret: Secret
    said: str = ""


@dataclass(frozen=True, slots=True)
class Pasted:
    """What a message holds. `others` are long words not shaped like Braze's keys: they are tried only if asked."""

    endpoint: str
    address: str
    tokens: tuple[Token, ...]
    others: tuple[Token, ...]

    @property
    def summary(self) -> str:
        """`1 address, 2 keys`."""
        keys = f"{len(self.tokens)} key{'s' if len(self.tokens) != 1 else ''}"
        return f"{1 if self.endpoint else 0} address{'' if self.endpoint else 'es'}, {keys}"


@dataclass(frozen=True, slots=True)
class Sorted:
    """What the keys turned out to be, and sentences about those that were called something else."""

    given: Given
    notes: tuple[str, ...] = field(default=())


def read_message(text: str) -> Pasted:
    """Find addresses and keys in whatever was pasted."""
    endpoint = address = ""
    for found in _ADDRESS.finditer(text):
        try:
            wanted = normal_endpoint(found[0])
        except UsageError:
            continue
        if not endpoint or instance_of(wanted):
            endpoint, address = wanted, found[0]
    rest = _ADDRESS.sub(lambda found: " " * len(found[0]), text)
    tokens = _tokens(rest, UUID_SHAPED)
    others = _tokens(UUID_SHAPED.sub(lambda found: " " * len(found[0]), rest), _LONG_WORD)
    return Pasted(endpoint, address, tokens, others)


def _tokens(text: str, shape: re.Pattern[str]) -> tuple[Token, ...]:
    tokens: dict[str, Token] = {}
    for found in shape.finditer(text):
        before = text[: found.start()].rsplit("\n", 1)[-1][-60:] or text[: found.start()].rstrip().rsplit("\n", 1)[-1]
        said = next((name for name, words in _SAYS if words.search(before)), "")
        tokens.setdefault(found[0], Token(Secret(found[0], "pasted"), said))
    return tuple(tokens.values())


async def sort_out(
    pasted: Pasted,
    *,
    partner_keys: Mapping[str, Secret],
    partner_name: str = "heap",
    with_others: bool = False,
    seconds: float = CHECK_SECONDS,
) -> Sorted:
    """Try every key in every role at the address of the message, and say which is which.

    `partner_keys` are those that are kept, by region.

    Raises:
        UsageError: keys may not be sent to that address.
    """
    check_host(pasted.endpoint)
    tokens = [*pasted.tokens, *(pasted.others if with_others else ())]
    region = instance.region if (instance := instance_of(pasted.endpoint)) else "US"
    async with Http(pasted.endpoint, read_timeout=seconds) as http:
        roles = await asyncio.gather(*(_role(http, token, partner_name, seconds) for token in tokens))
        by_role = {role: token for role, token in zip(roles, tokens, strict=True) if role}
        kept = partner_keys.get(region)
        partner = by_role["partner key"].secret if "partner key" in by_role else kept
        left = [token for role, token in zip(roles, tokens, strict=True) if not role]
        imported = await _import_key(http, left, partner, partner_name, seconds)
    if imported is not None:
        by_role["Data Import Key"] = imported
    notes = [
        f"What you gave as {token.said} is a {role}."
        for role, token in by_role.items()
        if token.said and token.said != role
    ]
    notes += [
        f"A key that {token.secret.describe()} is nothing that this address takes."
        for token in left
        if token is not imported and not token.said
    ]
    given = Given(pasted.endpoint, partner_name, partner_key=partner)
    given = replace(given, other_partner_key=partner_keys.get("EU" if region == "US" else "US"))
    rest = by_role.get("REST key") or _called("REST key", left, imported)
    return Sorted(
        replace(
            given,
            data_import_key=imported.secret if imported else None,
            rest_api_key=rest.secret if rest else None,
            partner_key=partner or _secret(_called("partner key", left, imported)),
        ),
        tuple(notes),
    )


async def _role(http: Http, token: Token, partner_name: str, seconds: float) -> str:
    """REST key, partner key, or nothing that can be told alone."""
    as_rest, as_partner = await asyncio.gather(
        ask(http, rest_probe(token.secret), seconds),
        ask(http, CohortImport(partner_name, token.secret, PLACEHOLDER).probe(PROBED), seconds),
    )
    if rest_accepted(as_rest):
        return "REST key"
    named = as_partner is not None and reason(as_partner) is Reason.DATA_IMPORT_KEY
    return "partner key" if named or import_accepted(as_partner) else ""


async def _import_key(
    http: Http, left: Sequence[Token], partner: Secret | None, partner_name: str, seconds: float
) -> Token | None:
    """The key that the partner's call takes; without a partner key, the one that is called so, or the only one."""
    if partner is not None:
        answers = await asyncio.gather(
            *(ask(http, CohortImport(partner_name, partner, token.secret).probe(PROBED), seconds) for token in left)
        )
        for token, answer in zip(left, answers, strict=True):
            if import_accepted(answer):
                return token
    called = [token for token in left if token.said == "Data Import Key"]
    unnamed = [token for token in left if not token.said]
    return called[0] if called else unnamed[0] if len(unnamed) == 1 else None


def _called(name: str, tokens: Sequence[Token], besides: Token | None) -> Token | None:
    return next((token for token in tokens if token.said == name and token is not besides), None)


def _secret(token: Token | None) -> Secret | None:
    return token.secret if token else None


async def find_address(
    pasted: Pasted, clusters: Sequence[Cluster], *, partner_keys: Mapping[str, Secret], seconds: float = CHECK_SECONDS
) -> Pasted:
    """The same message with the address of the first cluster that takes one of its keys, where it names none.

    Whoever calls this has the consent to send the keys to all of these clusters.
    """
    from heaptui.services.cluster_finder import Keys, find_cluster

    tries = [Keys(rest_api_key=token.secret) for token in pasted.tokens]
    tries += [Keys(data_import_key=token.secret, partner_keys=partner_keys) for token in pasted.tokens if partner_keys]
    for found in await asyncio.gather(*(find_cluster(keys, clusters, seconds=seconds) for keys in tries)):
        if found:
            return replace(pasted, endpoint=found[0].endpoint, address=found[0].name)
    return pasted
