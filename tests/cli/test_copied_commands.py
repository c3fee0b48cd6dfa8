"""A command that heaptui writes works when it is copied, also where there are several profiles."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from heaptui.model.commands import addressed
from heaptui.model.profile import Profile
from heaptui.model.remedies import REMEDIES, Cause
from tests.cli.conftest import Desk, people


def test_with_several_profiles_commands_name_theirs(desk: Desk) -> None:
    desk.run("profile", "set", "px", "label=STAGING")
    single = desk.run("cohort", "import", desk.file(people(0, 100)), "--name", "Carts")
    assert "next: heaptui sync" in single.stderr
    desk.run("profile", "set", "other")
    desk.fault(effect="status", status=503, match={"path": "users"})
    assert desk.run("--profile", "px", "sync", "Carts", "--yes").returncode == 4
    desk.ask("DELETE", "faults")
    printed = [
        desk.run("run", "show", "1", "--profile", "px").stdout,
        desk.run("run", "letter", "1", "--profile", "px").stdout,
        desk.run("run", "show", "99", "--profile", "px").stderr,
        desk.run("cohort", "import", desk.file(people(0, 120)), "--name", "Carts", "--profile", "px").stderr,
    ]
    commands = {command.rstrip() for command in re.findall(r"heaptui --profile .*", "\n".join(printed))}
    assert {"heaptui --profile px run resume 1", "heaptui --profile px run list"} < commands
    assert any(command.endswith("--dry-run") for command in commands)
    for command in commands:
        told = desk.run(*shlex.split(command)[1:], *(["--yes"] if "resume" in command else []))
        assert told.returncode == 0, (command, told.stderr)


def test_the_next_command_calls_a_cohort_by_its_name_unless_that_could_mean_something_else(desk: Desk) -> None:
    for name, meant in (("VIP's $HOME", """'VIP'"'"'s $HOME'"""), ("-VIP", "heaptui-file-")):
        told = desk.run("cohort", "import", desk.file(people(0, 10)), f"--name={name}").stderr
        (command,) = re.findall(r"next: heaptui (.*)", told)
        assert command.startswith(f"sync {meant}")
        assert desk.run(*shlex.split(command)).returncode == 0


def test_a_profile_of_the_environment_is_told_its_variables(desk: Desk) -> None:
    desk.run("cohort", "import", desk.file(people(0, 100)), "--name", "Carts")
    desk.fault(effect="status", status=401, body={"message": "client_secret is invalid"})
    told = desk.run("sync", "Carts", "--yes").stdout + desk.run("run", "show", "1").stdout
    assert "set HEAPTUI_DATA_IMPORT_KEY" in told
    assert "profile set" not in told
    del desk.environ["HEAPTUI_DATA_IMPORT_KEY"]
    desk.run("cohort", "import", desk.file(people(0, 100)), "--name", "Carts")
    told = desk.run("sync", "Carts", "--yes").stderr
    assert "A key is missing" in told
    assert "set HEAPTUI_DATA_IMPORT_KEY in the environment" in told
    del desk.environ["HEAPTUI_PARTNER_API_KEY"]
    desk.run("cohort", "import", desk.file(people(0, 100)), "--name", "Carts")
    told = desk.run("sync", "Carts", "--yes").stderr
    assert "set HEAPTUI_PARTNER_API_KEY and HEAPTUI_DATA_IMPORT_KEY" in told
    assert "or set HEAPTUI_REST_API_KEY" in told


def test_a_bundle_opens_with_the_command_that_was_printed_and_a_missing_one_is_named(desk: Desk) -> None:
    desk.run("cohort", "import", desk.file(people(0, 100)), "--name", "Carts")
    assert desk.run("sync", "Carts", "--yes").returncode == 0
    made = desk.run("run", "bundle", "1")
    (command,) = re.findall(r"open it: heaptui (.*)", made.stderr)
    bare = {name: "" for name in desk.environ if name.startswith("HEAPTUI_")}
    assert desk.run(*shlex.split(command), "run", "show", "1", **bare).returncode == 0
    missing = desk.run("--home", "nowhere.zip", "run", "list")
    assert missing.returncode == 2
    assert f"There is no such file: {Path('nowhere.zip').absolute()}" in missing.stderr


def test_a_plan_without_a_change_names_whom_braze_refused_and_how_to_offer_them_again(desk: Desk) -> None:
    desk.run("cohort", "import", desk.file(people(0, 100)), "--name", "Carts")
    desk.fault(effect="poison", identifiers=["p00007", "p00021"])
    assert desk.run("sync", "Carts", "--yes").returncode == 1
    desk.ask("DELETE", "faults")
    told = desk.run("sync", "Carts", "--dry-run").stdout
    assert "without 2 refused ids" in told
    assert desk.json("sync", "Carts", "--dry-run")["plans"][0]["unchanged"] == 98
    (command,) = re.findall(r"heaptui (run retry .*)", told)
    assert desk.run(*shlex.split(command), "--yes").returncode == 0
    assert "Braze holds what the cohort holds." in desk.run("sync", "Carts", "--dry-run").stdout
    told = desk.run("sync", "Carts", "--yes").stdout
    assert "NOTHING TO SEND" in told
    assert "Nothing to send: Braze holds what the cohort holds." in told
    assert "DONE" not in told


def test_the_advice_of_a_check_names_the_profile_that_was_checked() -> None:
    advice = REMEDIES[Cause.UNKNOWN_HOST].text()
    assert "heaptui profile set 'acme jp' allowed_hosts=HOST" in addressed(advice, Profile(name="acme jp"))
    assert "heaptui profile set NAME" in addressed(advice, Profile(name="environment", from_environment=True))
