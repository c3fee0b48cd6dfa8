"""What a key is, found out by trying it in every role at one cluster."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from enum import StrEnum

from heaptui.clients.braze_probe import Says, partner_call, partner_says, permission_call, rest_says
from heaptui.clients.http import Answer, Http, NoAnswer, NotSent, Request
from heaptui.model.secret import Secret


class Role(StrEnum):
    """What a key may be, as people call it."""

    PARTNER = "partner key"
    DATA_IMPORT = "Data Import Key"
    REST = "REST key"


_NOBODYS_KEY = Secret("heaptui-check")


async def roles_of(
    http: Http, partner_name: str, keys: Sequence[Secret], partner_keys: Sequence[Secret] = ()
) -> dict[Secret, Role]:
    """The role in which each key is accepted; a key that is accepted in none is left out.

    `partner_keys` are known ones that help to recognise a Data Import Key. Everything goes to the host of `http` only.
    """
    roles: dict[Secret, Role] = {}
    # A key in both places: a partner key is recognised by the complaint about the other one.
    nobodys_rest, nobodys_partner, *both = await asyncio.gather(
        _says_rest(http, _NOBODYS_KEY),
        _says_partner(http, partner_name, _NOBODYS_KEY, _NOBODYS_KEY),
        *(_says_rest(http, key) for key in keys),
        *(_says_partner(http, partner_name, key, key) for key in keys),
    )
    for key, rest, partner in zip(keys, both[: len(keys)], both[len(keys) :], strict=True):
        # Where nobody's key is answered the same, the answer is not about keys: an inactive account, say.
        if rest in (Says.ACCEPTED, Says.DENIED) and rest is not nobodys_rest:
            roles[key] = Role.REST
        elif partner in (Says.ACCEPTED, Says.NOT_ENABLED, Says.DATA_IMPORT_REFUSED) and partner is not nobodys_partner:
            roles[key] = Role.PARTNER
    partners = [*partner_keys, *(key for key, role in roles.items() if role is Role.PARTNER)]
    rest_of = [key for key in keys if key not in roles]
    pairs = [(partner, key) for partner in partners for key in rest_of]
    said = await asyncio.gather(*(_says_partner(http, partner_name, *pair) for pair in pairs))
    for (_, key), says in zip(pairs, said, strict=True):
        if says in (Says.ACCEPTED, Says.NOT_ENABLED):
            roles[key] = Role.DATA_IMPORT
    return roles


async def _says_rest(http: Http, key: Secret) -> Says:
    answer = await _sent(http, permission_call("segments.list", key))
    return rest_says(answer) if answer else Says.NOTHING


async def _says_partner(http: Http, partner_name: str, partner_key: Secret, data_import_key: Secret) -> Says:
    answer = await _sent(http, partner_call(partner_name, partner_key, data_import_key))
    return partner_says(answer) if answer else Says.NOTHING


async def _sent(http: Http, call: Request) -> Answer | None:
    try:
        return await http.send(call)
    except (NotSent, NoAnswer):
        # The checks of the host say why; here it only means that nothing was learnt.
        return None
