"""`heaptui sync`: plan, ask, deliver, and say how it ended."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from heaptui.cli.context import Settings, emit, run
from heaptui.cli.narration import Narration
from heaptui.cli.notify import notify
from heaptui.cli.output import explained, flow, for_this_profile, plain, say, table
from heaptui.config import load_config
from heaptui.errors import ExitCode, UsageError
from heaptui.model.clicks import segment_path
from heaptui.model.plans import Plan, nothing_to_send
from heaptui.model.runs import DeliveryProgress, DeliveryState, Reason, RunProgress

if TYPE_CHECKING:
    from heaptui.config import Profile
    from heaptui.services.support import Desk
    from heaptui.services.workspace import Workspace

_REFUSED_KEYS = {
    Reason.PARTNER_KEY,
    Reason.DATA_IMPORT_KEY,
    Reason.CREDENTIALS,
    Reason.FORBIDDEN,
    Reason.REST_KEY,
    Reason.REST_PERMISSION,
}


class Duration(click.ParamType[float]):
    """Seconds, or a number with s, m or h."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """`15m` → 900.0."""
        if isinstance(value, float):
            return value
        found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh]?)", str(value).strip())
        if found is None:
            self.fail(f"{value!r} is no duration, try 90s, 15m or 1h", param, ctx)
        return float(found[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[found[2]]


@click.command()
@click.argument("cohorts", nargs=-1, metavar="COHORT...")
@click.option("--all", "all_cohorts", is_flag=True, help="Every cohort that was synced before by name.")
@click.option("--refresh", is_flag=True, help="First read the newest files of these cohorts again.")
@click.option("--dry-run", is_flag=True, help="Show the plan and send nothing.")
@click.option("--full", is_flag=True, help="Send everybody again, also those accepted before.")
@click.option("--yes", is_flag=True, help="Do not ask. Needed where there is no terminal.")
@click.option("--yes-really", is_flag=True, help="Let unusually large changes through, too.")
@click.option("--wait", type=Duration(), help="How long to wait for Braze or for another process. Default: 15m, 0.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def sync(
    settings: Settings,
    cohorts: tuple[str, ...],
    *,
    all_cohorts: bool,
    refresh: bool,
    dry_run: bool,
    full: bool,
    yes: bool,
    yes_really: bool,
    wait: float | None,
    as_json: bool,
) -> None:
    """Bring cohorts in Braze up to date.

    COHORT is an id, the unique end of one, a name, or a former name.

    \b
    Examples:
      heaptui sync "Cart abandoners" --dry-run
      heaptui sync --all --refresh --yes
    """
    if bool(cohorts) == all_cohorts:
        raise UsageError("Name the cohorts to sync, or say --all.", "", 'heaptui sync "Cart abandoners" --dry-run')
    as_json = as_json or settings.json
    job = SyncJob(
        settings,
        cohorts,
        refresh=refresh,
        dry_run=dry_run,
        full=full,
        yes=yes or yes_really,
        let_through=yes_really,
        wait=wait,
    )
    code = run(job.carry_out(as_json=as_json))
    if code:
        raise SystemExit(code)


class SyncJob:
    """One sync from the command line: choose, plan, ask, deliver, report."""

    def __init__(
        self,
        settings: Settings,
        references: Sequence[str],
        *,
        dry_run: bool,
        full: bool,
        yes: bool,
        let_through: bool,
        wait: float | None,
        refresh: bool = False,
        origin: str = "cli",
        continues: int | None = None,
        forget_refusals: bool = False,
        undoes: int | None = None,
    ) -> None:
        self.settings = settings
        self.references = references
        self.dry_run = dry_run
        self.full = full
        self.yes = yes
        self.let_through = let_through
        self.wait = wait
        self.refresh = refresh
        self.origin = origin
        self.continues = continues
        self.forget_refusals = forget_refusals
        self.undoes = undoes

    async def carry_out(self, *, as_json: bool) -> int:
        """Do it; returns the exit code."""
        loop, here = asyncio.get_running_loop(), asyncio.current_task()
        assert here is not None
        for number in (signal.SIGTERM, signal.SIGHUP):
            # Until the run takes the signals over, they interrupt as ctrl-C does, also where a shell's `&` has
            # switched ctrl-C off.
            loop.add_signal_handler(number, here.cancel)
        async with self.settings.workspace("sync") as workspace:
            chosen = await self._chosen(workspace)
            unread = await self._read_again(workspace, chosen) if self.refresh else False
            plans = await workspace.sync.plan(chosen, everything=self.full, undoes=self.undoes)
            if self.dry_run:
                emit({"plans": [plan_json(plan) for plan in plans]}) if as_json else print_plans(plans)
                return ExitCode.DONE
            self._ask(plans)
            progress = await deliver(
                workspace,
                chosen,
                everything=self.full,
                let_through=frozenset(chosen if self.let_through else ()),
                origin=self.origin,
                wait=self.wait,
                continues=self.continues,
                undoes=self.undoes,
            )
            if as_json:
                emit(run_json(progress))
            else:
                print_run(progress, workspace.profile, await workspace.support.desk(progress.run_id, progress))
                if progress.sent_nothing:
                    flow(for_this_profile(nothing_to_send(plans)))
                self._say_clicks(plans, progress, workspace.profile.endpoint)
            command = (await asyncio.to_thread(load_config, self.settings.home)).notify
            if command:
                await notify(command, {"profile": workspace.profile.name, **run_json(progress)})
            # A file that could not be read must be heard of, also where nobody reads stderr.
            return exit_code(progress) or (ExitCode.USAGE if unread else ExitCode.DONE)

    @staticmethod
    def _say_clicks(plans: Sequence[Plan], progress: RunProgress, endpoint: str) -> None:
        """Where in Braze a cohort is found that came there for the first time."""
        for plan in plans:
            delivery = progress.deliveries[plan.cohort_id]
            if not plan.delivered and delivery.submitted:
                way = segment_path(delivery.name, endpoint, attribute=delivery.attribute)
                flow(f"Now in Braze, in some minutes: {way}")

    @staticmethod
    async def _read_again(workspace: Workspace, chosen: Sequence[str]) -> bool:
        """Refresh what has a file; whether one could not be read. The sync goes on with the people of before."""
        from heaptui.cli.cohort_refresh import refresh_all
        from heaptui.services.refresh import can_refresh

        found = [one for one in await workspace.cohorts.list() if one.cohort_id in chosen]
        wanted = [one.cohort_id for one in found if can_refresh(workspace.profile, one)]
        return any(one.error for one in await refresh_all(workspace, wanted))

    async def _chosen(self, workspace: Workspace) -> list[str]:
        if self.undoes is not None:
            return [plan.cohort_id for plan in await workspace.undo.plan(self.undoes)]
        if self.continues is not None and self.dry_run:
            return (await workspace.history.progress(self.continues)).cohort_ids
        if self.continues is not None:
            return await workspace.sync.recover(self.continues, forget_refusals=self.forget_refusals)
        if not self.references:
            known = await workspace.sync.all_cohorts()
            if not known:
                say("No cohort was synced before by name, so --all means none. The first time: heaptui sync COHORT")
            return known
        chosen = []
        for reference in self.references:
            found = await workspace.cohorts.resolve(reference)
            if found.warning:
                say(found.warning)
            chosen.append(found.cohort_id)
        return list(dict.fromkeys(chosen))

    def _ask(self, plans: Sequence[Plan]) -> None:
        if self.yes:
            return
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            first = "" if self.forget_refusals else ", or look first with --dry-run"
            raise UsageError("There is no terminal to ask, so nothing was sent.", "", f"Add --yes{first}.")
        print_plans(plans, to_stderr=True)
        click.confirm("Send this to Braze?", abort=True, err=True)


async def deliver(
    workspace: Workspace,
    cohort_ids: Sequence[str],
    *,
    everything: bool = False,
    let_through: frozenset[str] = frozenset(),
    origin: str = "cli",
    wait: float | None = None,
    continues: int | None = None,
    undoes: int | None = None,
) -> RunProgress:
    """Run a sync to its end, telling its story on stderr; a signal stops it after the requests in flight."""
    from heaptui.services.sync import STOPPED_BY

    service = workspace.sync
    progress = await service.start(
        cohort_ids,
        everything=everything,
        let_through=let_through,
        origin=origin,
        wait_for_lock=wait or 0.0,
        longest_wait=wait,
        continues=continues,
        undoes=undoes,
    )
    loop = asyncio.get_running_loop()
    for number, why in STOPPED_BY.items():
        loop.add_signal_handler(number, service.cancel, progress.run_id, why)
    narration = Narration(progress)
    telling = asyncio.create_task(narration.go_on(), name="narration")
    try:
        await service.finished(progress.run_id)
    finally:
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)
        narration.end()
        for number in STOPPED_BY:
            loop.remove_signal_handler(number)
    return progress


def exit_code(progress: RunProgress) -> ExitCode:
    """The first that applies of 130, 3, 4, 5, 1."""
    deliveries = list(progress.deliveries.values())
    states = {delivery.state for delivery in deliveries}
    if DeliveryState.CANCELLED in states:
        return ExitCode.INTERRUPTED
    if any(delivery.reason in _REFUSED_KEYS for delivery in deliveries):
        return ExitCode.CREDENTIALS
    if states & {DeliveryState.STOPPED, DeliveryState.INCOMPLETE}:
        return ExitCode.UNREACHABLE
    if DeliveryState.HELD in states:
        return ExitCode.HELD
    return ExitCode.REJECTED if any(delivery.rejected for delivery in deliveries) else ExitCode.DONE


def plan_json(plan: Plan) -> dict[str, Any]:
    """One plan as other programs read it."""
    return {
        "cohort_id": plan.cohort_id,
        "name": plan.name,
        "adds": plan.adds,
        "removes": plan.removes,
        "unchanged": plan.unchanged,
        "requests": plan.requests,
        "rename": plan.rename or None,
        "held": plan.held or None,
        "route": plan.route,
        "attribute": plan.attribute or None,
        "data_points": plan.points,
        "before": [
            {
                "route": leave.route,
                "removes": leave.removes,
                "requests": leave.requests,
                "attribute": leave.attribute or None,
                "why_not": leave.why_not or None,
            }
            for leave in plan.before
        ],
    }


def run_json(progress: RunProgress) -> dict[str, Any]:
    """One run as other programs read it."""
    return {
        "run_id": progress.run_id,
        "state": progress.state,
        "deliveries": [_delivery_json(delivery) for delivery in progress.deliveries.values()],
    }


def _delivery_json(delivery: DeliveryProgress) -> dict[str, Any]:
    started, ended = delivery.started_at, delivery.ended_at
    return {
        "cohort_id": delivery.cohort_id,
        "name": delivery.name,
        "state": delivery.state,
        "route": delivery.route,
        "old_way": delivery.old_way,
        "planned": {"adds": delivery.adds, "removes": delivery.removes},
        "submitted": delivery.submitted,
        "rejected": delivery.rejected,
        "in_doubt": delivery.in_doubt,
        "skipped": delivery.skipped,
        "requests": delivery.requests,
        "retries": delivery.retries,
        "data_points": delivery.points,
        "extra_requests": delivery.extra_requests,
        "unsettled_until": delivery.unsettled_until,
        "elapsed_s": round(ended - started, 3) if started and ended else None,
        "reason": delivery.reason or None,
        "detail": delivery.detail or None,
    }


def print_plans(plans: Sequence[Plan], *, to_stderr: bool = False) -> None:
    """The plan as a table, with what is held below."""
    rows = [
        (plan.name, f"{plan.adds:,}", f"{plan.leaves:,}", f"{plan.unchanged:,}", plan.requests_told, f"{plan.points:,}")
        for plan in plans
    ]
    table(("cohort", "join", "leave", "stay", "requests", "points ≤"), rows, to_stderr=to_stderr)
    for plan in plans:
        for leave in plan.before:
            click.echo(f"{'first' if not leave.why_not else 'not possible'}: {plan.name}: {leave}", err=to_stderr)
        if plan.held:
            click.echo(plain(f"held: {plan.name}. {plan.held}"), err=to_stderr)
    if all(plan.empty for plan in plans):
        click.echo(for_this_profile(nothing_to_send(plans)), err=to_stderr)


def print_run(progress: RunProgress, profile: Profile, desk: Desk, *, here: str = "") -> None:
    """How a run ended: the counts, and for what needs somebody, who and how, but for `here`, which prints it."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(progress.ended_at or time.time()))
    word = "NOTHING TO SEND" if progress.sent_nothing else progress.state.word.upper()
    click.echo(f"{stamp} {profile.name} run {progress.run_id} {word}")
    if progress.sent_nothing:
        return
    rows = [
        (
            d.name,
            f"{d.adds:,}",
            f"{d.removes:,}",
            f"{d.submitted:,}",
            f"{d.rejected:,}",
            f"{d.in_doubt:,}",
            f"{d.skipped:,}",
            d.state.word,
        )
        for d in progress.deliveries.values()
    ]
    table(("cohort", "join", "leave", "accepted", "refused", "in doubt", "not sent", "state"), rows)
    explained(desk.lines(here=here))
    for delivery in progress.deliveries.values():
        if looked := delivery.looked_for_refused:
            flow(f"  {looked}")
        if delivery.unsettled_until:
            until = time.strftime("%H:%M:%S", time.localtime(delivery.unsettled_until))
            flow(f"  {delivery.name}: a late answer may still undo a change until {until}; sync again after that.")
