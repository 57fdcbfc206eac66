"""Start a forecast run and read how far it is."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from services.demand.domain.history_files import Target
from services.demand.domain.periods import Period
from services.demand.domain.runs import Run, RunOrder, RunState
from services.demand.ports import Books, Store
from services.demand.use_cases.read import known_site
from shared.catalogue.codes import CodeSystem, parse_code
from shared.clock import Clock, today
from shared.errors import Malformed, Missing, NotNow, Refusal


def new_run_id() -> str:
    return f"run-{uuid.uuid4().hex}"


def missing_run(run_id: str) -> Refusal:
    return Missing(
        "RUN_MISSING",
        "No forecast run has this id. Use the run_id that StartForecastRun answered with.",
        field="run_id",
        run_id=run_id,
    )


@dataclass(frozen=True, slots=True)
class Question:
    """What a run is asked for; `period` None: the grid is chosen item by item, and horizon
    and lead count days. All sites or items when none are named. `update`: only move the
    newest forecasts on."""

    period: Period | None
    horizon: int
    sites: tuple[str, ...] = ()
    item_ids: tuple[str, ...] = ()
    lead: int = 0
    target: Target = Target.DEMAND
    update: bool = False


@dataclass(frozen=True, slots=True)
class StartRun:
    """Stores what was asked for and wakes whoever carries runs out.

    The same key and order give the same run again; one that failed goes on where it
    stopped. NotNow NO_HISTORY, REQUEST_KEY_TAKEN; Missing SITE_UNKNOWN, ITEM_UNKNOWN; Malformed for
    ids and keys that can never be right.
    """

    store: Store
    clock: Clock
    zone: str
    wake: Callable[[], None]
    new_id: Callable[[], str] = field(default=new_run_id)

    def __call__(self, question: Question, request_key: str) -> Run:
        if not request_key.isprintable():
            raise Malformed(
                "TEXT_MALFORMED",
                "A request key holds printable characters only. Choose another one.",
                field="request_key",
            )
        if question.lead > question.horizon:
            raise Malformed(
                "LEAD_TIME_OUT_OF_RANGE",
                f"A lead time of {question.lead} does not fit a horizon of {question.horizon}: "
                "ask for a horizon at least as long.",
                field="lead_time",
            )
        with self.store.write() as books:
            order = RunOrder(
                question.period or Period.DAY,
                question.horizon,
                today(self.clock, self.zone),
                _checked_sites(books, question.sites),
                checked_items(books, question.item_ids),
                question.lead,
                question.target,
                question.period is None,
                question.update,
            )
            run = self._start(books, order, request_key)
        self.wake()
        return run

    def _start(self, books: Books, order: RunOrder, request_key: str) -> Run:
        known = books.runs.by_key(request_key) if request_key else None
        if known is None:
            if not (books.movements.any() or books.uses.any()):
                raise NotNow(
                    "NO_HISTORY",
                    "Nothing was ever recorded, so there is nothing to forecast from. Send "
                    "movements with RecordConsumption first.",
                )
            run = Run(self.new_id(), order, RunState.WAITING, 0, 0, self.clock.now())
            if books.runs.add(run, request_key):
                return run
            known = books.runs.by_key(request_key)
            if known is None:
                raise RuntimeError("a request key is taken by a run that is not there")
        if not known.order.same_question(order):
            raise NotNow(
                "REQUEST_KEY_TAKEN",
                "This request key already started a run with other parameters. Use a new key "
                "for a new question.",
                field="request_key",
                run_id=known.run_id,
            )
        if known.state is RunState.FAILED:
            books.runs.set_state(known.run_id, RunState.WAITING)
            return books.runs.get(known.run_id) or known
        return known


def _checked_sites(books: Books, sites: tuple[str, ...]) -> tuple[str, ...]:
    checked = {known_site(books, text, f"site_ids[{i}]") for i, text in enumerate(sites)}
    return tuple(sorted(checked))


def checked_items(books: Books, item_ids: tuple[str, ...]) -> tuple[str, ...]:
    """The ids of registered items, sorted; Missing ITEM_UNKNOWN with the place otherwise."""
    codes = [
        parse_code(CodeSystem.LOCAL, item_id, field=f"item_ids[{place}]")
        for place, item_id in enumerate(item_ids)
    ]
    known = books.catalogue.items(codes)
    for place, code in enumerate(codes):
        if code not in known:
            raise Missing(
                "ITEM_UNKNOWN",
                f"No item has the id {code.value}. Use the item_id it was registered with.",
                field=f"item_ids[{place}]",
            )
    return tuple(sorted({known[code].item_id for code in codes}))


@dataclass(frozen=True, slots=True)
class ReadRun:
    """How far a run is. Missing RUN_MISSING."""

    store: Store

    def __call__(self, run_id: str) -> Run:
        with self.store.read() as books:
            run = books.runs.get(run_id) if run_id.isprintable() else None
        if run is None:
            raise missing_run(run_id)
        return run
