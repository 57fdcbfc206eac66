"""The commands `larrey orientation ...`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from services.orientation import commands as wiring
from services.orientation.entrypoints.cli_bench import bench_command
from services.orientation.entrypoints.cli_distribute import distribute
from services.orientation.entrypoints.cli_evaluate import evaluate
from services.orientation.entrypoints.cli_log import log_commands
from services.orientation.entrypoints.cli_replay import replay
from services.orientation.entrypoints.cli_volume import volume
from services.orientation.entrypoints.offline import score_files
from services.orientation.main import main

app = typer.Typer(
    name="orientation",
    help="Severity, response and facility of emergency calls.",
    no_args_is_help=True,
)
app.command("volume")(volume(wiring.volume))
app.command("bench")(bench_command(wiring.bench))
app.add_typer(log_commands(wiring.open_ledger))
app.command("distribute")(distribute(wiring.distribute))
app.command("replay")(replay(wiring.replay))
app.command("evaluate")(evaluate(wiring.evaluate))


@app.command()
def serve() -> None:
    """Runs the service until it is told to stop; its settings are LARREY_* variables."""
    main()


@app.command()
def train(
    data: Annotated[Path, typer.Option(help="Folder with the NHAMCS files.")] = wiring.SHIPPED_DATA,
    out: Annotated[Path, typer.Option(help="Folder to write the bundle to.")] = Path("bundle"),
) -> None:
    """Trains the severity model, prints how good it is and writes a bundle."""
    console = Console(stderr=True)
    card = wiring.train(data, out, console.print)
    table = Table("figure", "value")
    for name in ("validation", "validation_by_subgroup"):
        figures: Any = card[name]
        for figure, value in figures.items():
            table.add_row(figure, f"{value:.4f}")
    printer = Console()
    printer.print(table)
    printer.print(f"{card['version']} written to {out}")


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": False})
def score(
    context: typer.Context,
    hub: Annotated[Path, typer.Option(help="Hub messages: one --hub, then all paths.")],
    json_out: Annotated[Path, typer.Option("--json", help="File to write the answers to.")],
    directory: Annotated[
        Path | None, typer.Option(help="Facilities as JSON lines; the shipped ones without it.")
    ] = None,
) -> None:
    """Scores the cases of Hub messages, whatever the order of the files."""
    paths = [hub, *(Path(name) for name in context.args)]
    result = score_files(wiring.offline(directory), paths)
    json_out.write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    for refusal in result["refused"]:
        Console(stderr=True).print(
            f"refused: {refusal['path']} ({refusal['code']})", soft_wrap=True
        )
    Console().print(f"{len(result['answers'])} cases answered in {json_out}")
