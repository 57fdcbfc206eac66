"""Wiring of the commands of orientation: each joins the parts that it needs and runs them."""

from __future__ import annotations

import functools
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from services.orientation.adapters.bundle import load_bundle, write_bundle
from services.orientation.adapters.directory import read_directory
from services.orientation.adapters.distribution.flow import MinCostFlow
from services.orientation.adapters.keys import secret_of
from services.orientation.adapters.reference import (
    BUNDLE,
    DATA,
    Reference,
    load_complaints,
    load_reference,
)
from services.orientation.adapters.store.ledger import SqlLedger
from services.orientation.domain.compiled import CompiledModel
from services.orientation.domain.directory import Directory
from services.orientation.domain.facilities import Shortages
from services.orientation.domain.many import score_many
from services.orientation.domain.orient import Surroundings
from services.orientation.domain.synthetic import synthetic_layer, with_synthetic_beds
from services.orientation.domain.volume.almanac import almanac
from services.orientation.entrypoints.cli_bench import Bench, Visit
from services.orientation.entrypoints.cli_replay import ReplayChoice
from services.orientation.entrypoints.cli_volume import VolumeFiles
from services.orientation.entrypoints.offline import Offline
from services.orientation.entrypoints.scenario import as_json, read_scenario
from services.orientation.main import NAME, load_model
from services.orientation.use_cases.distribute import Distribute, Still
from services.orientation.use_cases.sharing import Share
from services.orientation.use_cases.volume import ForecastVolume, check_horizon
from shared.clock import SystemClock
from shared.errors import Malformed, NotNow
from shared.storage import Database

SHIPPED_DATA = DATA  # also the training file, for the command `train`
CARRIED_A_MILLION = 150.0  # patients a day, a round figure for a French department


@functools.cache
def shipped() -> tuple[Reference, CompiledModel | None]:
    """The shipped tables and model, read once a process: they do not change."""
    reference = load_reference()
    return reference, load_model(BUNDLE, reference)


def offline(directory: Path | None) -> Offline:
    """What the command `score` answers with; no store, no events."""
    reference, model = shipped()
    listed = read_directory(directory) if directory else synthetic_layer(reference.sites)
    return Offline(
        reference.knowledge,
        reference.lexicon,
        Surroundings(Directory.of(listed), Shortages()),
        model,
        SystemClock(),
    )


@contextmanager
def open_ledger(database_url: str, data_dir: Path | None) -> Iterator[SqlLedger]:
    """The decision log of a store, with the secret that its checkpoints are signed with."""
    named = os.environ.get("LARREY_CASE_KEY", "")
    if not named and (data_dir is None or not (data_dir / "case.key").is_file()):
        raise Malformed(
            "CASE_KEY_MISSING",
            "The secret of the service is needed. Set LARREY_CASE_KEY, or name the folder that "
            "holds its case.key with --data-dir.",
            field="data_dir",
        )
    database = Database.open(database_url, producer=NAME)
    try:
        yield SqlLedger(database, secret_of(named, data_dir or Path()))
    finally:
        database.close()


def bench() -> Bench:
    """The parts that `larrey orientation bench` times, with made-up beds at every site."""
    (reference, model), clock = shipped(), SystemClock()
    if model is None:
        raise NotNow("MODEL_REFUSED", "The shipped model cannot be loaded: nothing to time.")
    # Imported here: Arrow takes a while to load and a server needs it not.
    from services.orientation.adapters.drawing import visits  # noqa: PLC0415

    sites = with_synthetic_beds(synthetic_layer(reference.sites), clock.now())
    around = Surroundings(Directory.of(sites), Shortages())
    drawn = [Visit(*row) for row in visits(SHIPPED_DATA)]
    return Bench(reference.knowledge, reference.lexicon, around, drawn, model, clock.now())


def train(data: Path, out: Path, say: Callable[[str], None]) -> dict[str, object]:
    """Trains, validates and writes a bundle; returns its card. Needs the training extras."""
    # Imported here: scikit-learn and LightGBM take seconds to load and a server needs neither.
    try:
        from services.orientation.adapters.training.card import (  # noqa: PLC0415
            card_of,
            card_text,
        )
        from services.orientation.adapters.training.training import (  # noqa: PLC0415
            train as fit_all,
        )
    except ModuleNotFoundError as missing:
        raise NotNow(
            "TRAINING_EXTRA_MISSING",
            f"{missing.name} is not installed: a server needs it not. Install the extra "
            "orientation-training beside orientation, then train again.",
        ) from None
    trained = fit_all(data, load_complaints(), say)
    card = card_of(trained)
    version = write_bundle(out, trained.model, card, card_text(card))
    return {**card, "version": version}


def evaluate(data: Path, scores_out: Path, json_out: Path) -> str:
    """Scores visits from file to files with the shipped model; never trains."""
    # Imported here: Arrow takes a while to load and a server needs it not.
    from services.orientation.adapters import evaluation as files  # noqa: PLC0415
    from services.orientation.use_cases.evaluate import figures  # noqa: PLC0415

    began = time.monotonic()
    files.check_writable(scores_out, json_out)
    complaints = load_complaints()
    model = load_bundle(BUNDLE, complaints)
    visits = files.read_visits_to_score(data, complaints)
    scores = score_many(model, visits.people)
    told = figures(
        visits.people, visits.outcomes, visits.graded == 1, scores, model.complaints.groups
    )
    files.write_scores(scores_out, visits, scores)
    facts: dict[str, object] = {"model": model.version, "visits": visits.people.count}
    if told:
        facts["accuracy"] = told
    files.write_facts(json_out, facts | {"seconds": time.monotonic() - began})
    return f"{visits.people.count} visits scored in {scores_out}"


def volume(files: VolumeFiles, horizon: int, holidays: str) -> str:
    """Forecasts calls per hour from files to files; nothing is written when it is refused."""
    # Imported here: LightGBM and Arrow take a second to load and a server needs neither.
    from services.orientation.adapters.volume import blend  # noqa: PLC0415
    from services.orientation.adapters.volume import files as parquet  # noqa: PLC0415

    began = time.monotonic()
    calendar = almanac(holidays)
    check_horizon(horizon)
    outputs = [files.forecasts_out, files.json_out]
    parquet.check_writable(*outputs, *([files.sectors_out] if files.sectors_out else []))
    history = parquet.read_hours(files.history, "history", calendar)
    sectors = parquet.sectors_of(files.history, calendar) if files.sectors_out else None
    wanted = ForecastVolume(blend.BlendedLearner(), calendar)
    if files.actuals is None:
        forecast = wanted.ahead(history, horizon, sectors)
    else:
        actuals = parquet.read_hours(files.actuals, "actuals", calendar)
        if sectors is not None:
            later = parquet.read_sectors(files.actuals, "actuals", calendar, sectors.names)
            sectors = sectors.then(later)
        forecast = wanted.rolled(history, actuals, sectors)
    seconds = time.monotonic() - began
    parquet.write_forecast(files.forecasts_out, forecast)
    if files.sectors_out is not None:
        parquet.write_sectors(files.sectors_out, forecast)
    parquet.write_facts(files.json_out, forecast.facts | {"seconds": seconds})
    return f"{len(forecast.mean)} hours forecast in {files.forecasts_out}"


def distribute(scenario: Path, json_out: Path, *, repeat: int, prove: bool) -> str:
    """Shares what a scenario holds with the engine of the RPC; no store, no events."""
    # Imported here: CP-SAT is the witness of a file alone, a server needs it not.
    from services.orientation.adapters.distribution.witness import CpSatWitness  # noqa: PLC0415
    from services.orientation.adapters.evaluation import check_writable  # noqa: PLC0415

    check_writable(json_out)
    wanted = read_scenario(scenario)
    reference, model = shipped()
    around = Still(Surroundings(Directory.of(synthetic_layer(reference.sites)), Shortages()))
    share = Share(MinCostFlow())
    ask = Distribute(None, around, reference.knowledge, model, None, share, SystemClock())
    problem, findings, nowhere = ask.problem(wanted)
    rounds = [share(problem, findings) for _ in range(repeat + 1)][1:]  # the first one warms up
    found = ask.told(rounds[0], nowhere)
    facts = as_json(found, [each.milliseconds for each in rounds])
    if prove:
        witnessed = CpSatWitness().solve(problem)
        facts["proof"] = witnessed.beside(found.cost.total, len(problem.casualties))
    json_out.write_text(json.dumps(facts, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return (
        f"{found.outcome.assigned} of {len(found.told)} casualties assigned in "
        f"{facts['milliseconds']:.1f} ms; weighted minutes {found.outcome.cost:.0f}, nearest-first "
        f"{found.nearest.cost:.0f}; answer in {json_out}"
    )


def replay(
    choice: ReplayChoice, json_out: Path, plots: Path | None, tick: Callable[[], None]
) -> dict[str, Any]:
    """Plays a region's days with the shipped model and rules; writes figures and plots."""
    # Imported here: Arrow and matplotlib take a while to load and a server needs neither.
    from services.orientation.adapters.evaluation import (  # noqa: PLC0415
        check_writable,
        write_facts,
    )
    from services.orientation.adapters.replay.draw import Days, region_of  # noqa: PLC0415
    from services.orientation.use_cases.replay import Replay, facts_of  # noqa: PLC0415

    began = time.monotonic()
    check_writable(json_out)
    reference = load_reference()
    region = region_of(reference, choice.department, choice.vehicles)
    level = choice.patients_a_day or CARRIED_A_MILLION * region.inhabitants / 1e6
    days = Days(region, level, choice.seed)
    model = load_bundle(BUNDLE, reference.complaints)
    worlds = [days.day(number) for number in range(choice.days)]
    play = Replay(reference.knowledge, reference.lexicon, model, Share(MinCostFlow()))
    told = play(worlds, tick)
    facts = facts_of(told, worlds, days.resamples(choice.days)) | {
        "department": choice.department,
        "inhabitants": region.inhabitants,
        "sites": len(region.facilities),
        "vehicles": len(region.stands),
        "patients_a_day": level,
        "seed": choice.seed,
        "model": model.version,
        "made_up": days.made_up,
        "seconds": time.monotonic() - began,
    }
    write_facts(json_out, facts)
    if plots is not None:
        from services.orientation.adapters.replay.plots import draw  # noqa: PLC0415

        draw(plots, told, worlds, facts["groups"])
    return facts
