"""The sample world: a shop whose analysts look at abandoned carts, trials in trouble and an announcement.

Eight cohorts, five of them Heap segments, after the three usual reasons to sync one, with the sizes, overlaps and
match rates that the screens of the demo show. Everything follows from one seed, so that two demos look alike.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct, field

SEED = 20_251_203

CARTS = "Cart abandoners"
DEAR_CARTS = "カート放棄（高額）"
CHECKOUT = "Checkout started, no order"
PAYING = "Paying"
SETUP = "Trial: setup not finished"
EXPORT_FAILED = "Trial: export failed twice"
REPORTS = "Announcement: uses Reports"
VIP = "VIP 2024"

_POPULATION = 420_000
_MATCH = {
    CARTS: 0.94,
    CHECKOUT: 0.96,
    PAYING: 0.98,
    SETUP: 0.88,
    REPORTS: 0.93,
    VIP: 0.99,
}


class SampleCohort(Struct, frozen=True):
    """One cohort as its file says, now and before its last sync; `before` is None when it was never synced."""

    name: str
    file: str
    column: str
    now: list[str]
    before: list[str] | None = None
    kind: str = "external_id"
    alias_label: str = ""
    heap_id: str = ""
    """Of the Heap segment that it arrives as; empty for one that comes as a file."""


class SamplePerson(Struct, frozen=True):
    """Somebody Braze knows."""

    external_id: str
    aliases: dict[str, str] = field(default_factory=dict)


class SampleWorld(Struct, frozen=True):
    """The cohorts, and the people that Braze knows."""

    cohorts: list[SampleCohort]
    _known: list[str]
    _mails: list[str]

    def people(self) -> Iterator[SamplePerson]:
        """Everybody Braze knows."""
        for external_id in self._known:
            yield SamplePerson(external_id)
        for number, mail in enumerate(self._mails):
            # Their ids are of the range that no cohort uses by external id.
            yield SamplePerson(f"{_POPULATION + number:07d}", {"email": mail})


def sample_world() -> SampleWorld:
    """Make the sample world; takes about half a second."""
    rng = random.Random(SEED)  # noqa: S311 - sample data
    numbers = list(range(1, _POPULATION))
    rng.shuffle(numbers)
    ids = [f"{number:07d}" for number in numbers]
    taken = iter(ids)

    def fresh(count: int) -> list[str]:
        return [next(taken) for _ in range(count)]

    # People of several cohorts come first, so that the overlaps are exact.
    dear_paying, dear_setup, dear_only = fresh(402), fresh(11), fresh(2031 - 402 - 11)
    dear = dear_paying + dear_setup + dear_only
    cart_paying, cart_setup = fresh(3112 - 402), fresh(118 - 11)
    setup_paying = fresh(309)
    carts_now = dear + cart_paying + cart_setup + fresh(12_345 - 2031 - (3112 - 402) - (118 - 11))
    left = fresh(310)
    paying = dear_paying + cart_paying + setup_paying + fresh(88_410 - 3112 - 309)
    setup = dear_setup + cart_setup + setup_paying + fresh(1518 - 118 - 309)
    checkout = fresh(5872)
    vip = fresh(40)
    reports = rng.sample(paying, 31_000) + fresh(250_000 - 31_000)
    joined = set(rng.sample(carts_now, 1204))
    carts_before = [person for person in carts_now if person not in joined] + left
    mails = sorted({f"{given}.{family}@example.jp" for given in _GIVEN for family in _FAMILIES})
    rng.shuffle(mails)
    failed = mails[:214]

    cohorts = [
        SampleCohort(CARTS, "cart_abandoners.csv", "user_id", carts_now, carts_before, heap_id="1338065"),
        SampleCohort(DEAR_CARTS, "cart_abandoners_high_value.csv", "user_id", dear, heap_id="1338071"),
        SampleCohort(CHECKOUT, "checkout_no_order.csv", "user_id", checkout, checkout, heap_id="1338066"),
        SampleCohort(PAYING, "paying.csv", "user_id", paying, paying, heap_id="1338002"),
        SampleCohort(SETUP, "setup.csv", "user_id", setup, setup),
        SampleCohort(
            EXPORT_FAILED, "export_failed_twice.csv", "Identity", failed, failed[:209], "alias", "email", "1338090"
        ),
        SampleCohort(REPORTS, "reports.csv", "user_id", reports),
        SampleCohort(VIP, "vip.csv", "user_id", vip[:2], vip),
    ]
    unknown: set[str] = set()
    decided: set[str] = set()
    for cohort in (cohort for cohort in cohorts if cohort.name in _MATCH):
        people = [*cohort.now, *(cohort.before or ())]
        undecided = [person for person in dict.fromkeys(people) if person not in decided]
        unknown.update(person for person in undecided if rng.random() > _MATCH[cohort.name])
        decided.update(undecided)
    known = [person for person in ids if person not in unknown]
    return SampleWorld(cohorts, known, [mail for mail in failed if rng.random() < 0.97])


def sample_segments(ids: Mapping[str, str]) -> list[dict[str, Any]]:
    """The segments of the sample workspace, for the sandbox; `ids` are cohort ids by name."""
    rng = random.Random(SEED)  # noqa: S311 - sample data

    def grown(size: int) -> list[int]:
        return [round(size * (0.72 + 0.28 * day / 29 + rng.uniform(-0.015, 0.015))) for day in range(29)]

    ours = {
        "segment_id": "sample-000",
        "name": "Cart – not paying",
        "include": [ids[CARTS]],
        "exclude": [ids[PAYING]],
        "text_description": "Carts left in the last 7 days, without customers who pay. Push and e-mail on Mondays.",
        "tags": ["carts"],
        "sizes": grown(8_402),
    }
    others = [
        {
            "segment_id": f"sample-{number:03d}",
            "name": f"{word} – {place}",
            "description": f"{rule}, and Country is {place}",
            "tags": [word.split()[0].lower()],
            "tracked": number % 7 != 0,
            "sizes": grown(2_000 + 517 * number),
        }
        for number, (word, rule, place) in enumerate(
            ((w, r, p) for w, r in _KINDS for p in ("Japan", "Korea", "Taiwan", "Thailand", "Vietnam", "Indonesia")), 1
        )
    ]
    return [ours, *others]


_KINDS = (
    ("Lapsed 30 days", "Last Used App is more than 30 days ago"),
    ("Buyers 7 days", "Last Made Any Purchase is less than 7 days ago"),
    ("Push enabled", "Foreground Push Enabled is true"),
    ("Newsletter", "Email Available is true"),
    ("High spenders", "Money Spent In-App is more than 100"),
    ("Trial users", "Custom attribute plan is trial"),
    ("New this week", "First Used App is less than 7 days ago"),
)
_GIVEN = list("abcdefghijklmnoprstuwy")
# fmt: off
_FAMILIES = [
    "sato", "suzuki", "takahashi", "tanaka", "ito", "watanabe", "yamamoto", "nakamura", "kobayashi", "kato",
    "yoshida", "yamada", "sasaki", "yamaguchi", "matsumoto", "inoue", "kimura", "hayashi", "shimizu", "mori",
]
# fmt: on
