"""Every setting is explained once, and what is said of it is true."""

from __future__ import annotations

import pytest

from heaptui.config import Config, Profile, resolve_profile
from heaptui.errors import UsageError
from heaptui.model.profile import SETTINGS, check_profile
from heaptui.model.setting_facts import SETTING_FACTS, SettingFacts, facts_of
from heaptui.model.settings import settings_of, value_text
from heaptui.services.profiles import changed, setting_problem

PROFILE = Profile(name="acme")
OVERRIDES = {"endpoint": "rest.iad-03.braze.com", "route": "attribute", "partner_name": "p", "heap_endpoint": "EU"}
IN_EVERY_PROFILE = [facts for facts in SETTING_FACTS if facts.variable]


def test_each_setting_is_explained_once() -> None:
    assert sorted(facts.name for facts in SETTING_FACTS) == sorted(SETTINGS)


@pytest.mark.parametrize("facts", SETTING_FACTS, ids=lambda facts: facts.name)
def test_what_is_told_of_a_setting_reads_well(facts: SettingFacts) -> None:
    assert facts.means.endswith(".")
    assert "  " not in facts.told
    assert len(facts.title) <= 23
    assert facts.empty or value_text(facts, getattr(PROFILE, facts.name)), "it has neither a value nor a word for none"


@pytest.mark.parametrize("facts", IN_EVERY_PROFILE, ids=lambda facts: facts.name)
def test_the_variable_of_a_setting_overrides_it(facts: SettingFacts) -> None:
    environ = {facts.variable: OVERRIDES.get(facts.name, "7")}
    now = resolve_profile(Config({"acme": PROFILE}), "acme", environ)
    assert getattr(now, facts.name) != getattr(PROFILE, facts.name)
    (found,) = (one for one in settings_of(PROFILE, now, environ) if one.overridden)
    assert found.facts is facts


def test_a_value_that_is_no_number_is_refused_with_what_it_may_be() -> None:
    with pytest.raises(UsageError, match=r"max_in_flight must be from 1 to 8\.") as told:
        changed(PROFILE, {"max_in_flight": "many"})
    assert told.value.detail == "It is 'many'."


def test_what_is_checked_while_typing_is_what_the_file_is_checked_for() -> None:
    with pytest.raises(UsageError) as told:
        check_profile(Profile(name="acme", guard_share=2.0), "profile acme")
    assert setting_problem(PROFILE, "guard_share", "2") == (
        f"{told.value.title.removeprefix('profile acme: ')} {told.value.detail}"
    )
    assert setting_problem(PROFILE, "guard_share", "0.2") == ""


def test_of_a_command_only_its_program_is_shown() -> None:
    facts = facts_of("rest_api_key_command")
    assert value_text(facts, ("echo", "11111111-1111")) == "echo …"
