"""`heaptui profile`: Braze workspaces and their keys."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from heaptui.cli.context import Settings, emit, run
from heaptui.cli.output import say, table
from heaptui.errors import UsageError

if TYPE_CHECKING:
    from heaptui.config import Profile
    from heaptui.model.settings import SettingNow
    from heaptui.services.profiles import ProfileService


@click.group()
def profile() -> None:
    """Braze workspaces and their keys."""


def _service(settings: Settings) -> ProfileService:
    from heaptui.services.profiles import ProfileService

    return ProfileService(settings.home, settings.environ)


@profile.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def list_profiles(settings: Settings, *, as_json: bool) -> None:
    """List the profiles.

    \b
    Example:
      heaptui profile list
    """
    from heaptui.config import load_config

    profiles = load_config(settings.home).profiles
    if as_json or settings.json:
        emit({"profiles": [_settings_json(found) for found in profiles.values()]})
        return
    if not profiles:
        say("No profile yet. Make one: heaptui profile set NAME endpoint=https://rest.iad-03.braze.com")
        return
    rows = [
        (found.name, found.label or "·", found.instance_name or "no endpoint", "read-only" if found.read_only else "·")
        for found in profiles.values()
    ]
    table(("profile", "label", "instance", "may send"), rows)


def _settings_json(found: Any) -> dict[str, Any]:
    import msgspec

    settings: dict[str, Any] = msgspec.structs.asdict(found)
    for told_elsewhere in ("from_environment", "one_of_several"):
        settings.pop(told_elsewhere)
    return settings


@profile.command()
@click.argument("name", required=False)
@click.option("--settings", "every", is_flag=True, help="Every setting, its value, and where that comes from.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def show(settings: Settings, name: str | None, *, every: bool, as_json: bool) -> None:
    """Show a profile and where its keys come from; never the keys.

    \b
    Examples:
      heaptui profile show acme-jp
      heaptui profile show acme-jp --settings
    """
    from heaptui.config import load_config, resolve_profile

    chosen = resolve_profile(load_config(settings.home), name or settings.profile, settings.environ)
    if every:
        _show_settings(run(_service(settings).settings(chosen)), as_json=as_json or settings.json)
        return
    facts = run(_service(settings).show(chosen))
    if as_json or settings.json:
        emit({**_settings_json(facts.profile), "ways": facts.ways, "keys": dict(facts.keys), "notes": facts.notes})
        return
    found = facts.profile
    marks = (found.label, "read-only" if found.read_only else "")
    click.echo(" · ".join([found.name, *filter(None, marks)]))
    click.echo(f"endpoint   {found.endpoint or 'none'}  {found.instance_name}")
    click.echo(f"way        {facts.way}")
    for key, origin in facts.keys.items():
        click.echo(f"{key:<16} {origin}")
    for note in facts.notes:
        click.echo(f"! {note}")


def _show_settings(found: list[SettingNow], *, as_json: bool) -> None:
    if as_json:
        emit({"settings": {one.facts.name: {"value": one.value, "from": one.origin} for one in found}})
        return
    rows = [(one.facts.name, one.shown, one.facts.variable if one.overridden else one.origin) for one in found]
    table(("setting", "value", "from"), rows)


class _WithSettings(click.Command):
    """A command whose help ends with every setting."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """What each setting means, in the words of the dashboard."""
        del ctx
        from heaptui.model.settings import settings_help

        with formatter.section("Settings"):
            formatter.write_dl(settings_help())


@profile.command("set", cls=_WithSettings)
@click.argument("name")
@click.argument("items", nargs=-1, metavar="[SETTING=VALUE | KEY]...")
@click.option("--store", type=click.Choice(["keyring", "file"]), help="Where keys are kept.")
@click.option("--same-workspace", is_flag=True, help="A key was rotated: the ledger stays with the profile.")
@click.pass_obj
def set_profile(
    settings: Settings, name: str, items: tuple[str, ...], *, store: str | None, same_workspace: bool
) -> None:
    """Make or change a profile. Keys are asked for, or read from stdin a line each; never given as arguments.

    \b
    Examples:
      heaptui profile set acme-jp endpoint=https://rest.jp-01.braze.com label=PRODUCTION
      heaptui profile set acme-jp partner_api_key data_import_key
    """
    from heaptui.services.endpoint_check import endpoint_doubt
    from heaptui.services.profiles import SecretName

    given = dict(item.split("=", 1) for item in items if "=" in item)
    names = [item for item in items if "=" not in item]
    for word in (*names, *given):
        if word in set(SecretName) and word in given:
            raise UsageError(
                f"{word} must not stand in the command.",
                "Commands are kept in the shell's history.",
                f"heaptui profile set {name} {word}     (it asks)",
            )
    unknown = [word for word in names if word not in set(SecretName)]
    if unknown:
        raise UsageError(
            f"{unknown[0]!r} is no key.", f"Keys are: {', '.join(SecretName)}.", "Settings need a value: a=b"
        )
    service = _service(settings)
    if names:
        store = _place_for_keys(settings, service, name, store or given.get("secret_store", ""))
    values = {secret: _asked(secret) for secret in names}

    async def work() -> None:
        profile = await service.change(name, given)
        before = await _told_keys(service, profile) if values else {}
        for secret, value in values.items():
            profile = await service.keep_key(name, SecretName(secret), value, store=store or "")
        if same_workspace:
            await _stay(settings, name)
        say(f"{name} is set.")
        if "endpoint" in given and (doubt := endpoint_doubt(given["endpoint"], profile.allowed_hosts)):
            say(f"! {doubt}")
        now = await _told_keys(service, profile) if values else {}
        for secret in values:
            say(f"{secret}: {now.get(secret, 'kept')}" + (f" (before: {before[secret]})" if secret in before else ""))

    run(work())


async def _told_keys(service: ProfileService, profile: Profile) -> Mapping[str, str]:
    """Where each key comes from and its end; nothing where that cannot be looked up."""
    try:
        return (await service.show(profile)).keys
    except UsageError:
        # A command of another key that fails does not keep this one from being kept.
        return {}


def _place_for_keys(settings: Settings, service: ProfileService, name: str, store: str) -> str:
    """Where the keys will be kept, settled before anybody types one.

    Raises:
        UsageError: there is no keyring, and nobody who could choose the private file.
    """
    from heaptui.services.profiles import NoKeyring, secrets_file

    try:
        return run(service.place_for_keys(name, store))
    except NoKeyring as error:
        if not sys.stdin.isatty():
            raise
        place = secrets_file(settings.home)
        click.confirm(f"{error.title} Keep the keys in a private file, {place}?", default=True, abort=True, err=True)
        return "file"


def _asked(secret: str) -> str:
    from heaptui.model.secret import Secret

    asks = sys.stdin.isatty()
    value = (click.prompt(secret, hide_input=True, err=True) if asks else sys.stdin.readline()).strip()
    if not value:
        raise UsageError(f"No {secret} on stdin.", "One line for each key is read, in the order of the command.")
    if doubt := Secret(value).doubt:
        say(f"! {secret} {doubt}")
        if asks and not click.confirm("Keep it all the same?", err=True):
            return _asked(secret)
    return value


async def _stay(settings: Settings, name: str) -> None:
    """The user says that another key leads to the same workspace."""
    from msgspec.structs import replace

    async with replace(settings, profile=name).workspace("command") as workspace:
        await workspace.sync.same_workspace()
    say("The ledger goes on with this key.")


@profile.command()
@click.argument("name")
@click.argument("keys", nargs=-1, metavar="[KEY]...")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def remove(settings: Settings, name: str, keys: tuple[str, ...], *, yes: bool) -> None:
    """Forget a profile and its stored keys, or only the keys that are named. The ledger stays.

    \b
    Examples:
      heaptui profile remove acme-old
      heaptui profile remove acme-jp partner_api_key
    """
    from heaptui.services.profiles import SecretName

    unknown = [word for word in keys if word not in set(SecretName)]
    if unknown:
        raise UsageError(f"{unknown[0]!r} is no key.", f"Keys are: {', '.join(SecretName)}.")
    if name not in (known := run(_service(settings).names())):
        raise UsageError(f"There is no profile {name}.", f"There are: {', '.join(known) or 'none'}.")
    what = f"{', '.join(keys)} of {name}" if keys else f"{name} and its keys"
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError("There is no terminal to ask, so nothing was removed.", "", "Add --yes.")
        click.confirm(f"Forget {what}?", abort=True, err=True)
    if not keys:
        run(_service(settings).remove(name))
        say(f"{name} is forgotten. Its ledger stays in {settings.home.data_dir}.")
        return

    async def forget() -> None:
        for key in keys:
            await _service(settings).forget_key(name, SecretName(key))

    run(forget())
    say(f"Forgotten here: {what}. Braze is not told; there the key stays valid.")
