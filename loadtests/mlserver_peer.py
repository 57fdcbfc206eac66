"""ScoreCase beside MLServer: a learned model of the same inputs served over gRPC, same run.

    python -m loadtests.mlserver_peer [--calls 2000] [--rounds 3] [--in-flight 64] [--least 10]

To be run by hand: it makes a throw-away environment of its own and installs MLServer and its
LightGBM runtime there with pip. MLServer answers one probability for one row; ScoreCase gives
severity with reasons, responses and ranked facilities, kept before they are told. Both run as
processes of their own and take turns; the figure is the median of the rounds' ratios. The exit
code is 0 when the ratio is reached, 2 when MLServer could not be installed or started.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import venv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import uvloop
from rich.console import Console

from loadtests.day.processes import Running
from loadtests.day.world import shipped
from loadtests.score_case import service
from loadtests.throughput import WARM_UP, Maker, Round, drive, told

PACKAGES = ("mlserver==1.7.1", "mlserver-lightgbm==1.7.1")
METHOD = "/inference.GRPCInferenceService/ModelInfer"
READY_S = 120.0
COLUMNS = (
    "age_years",
    "complaint_code_1",
    "heart_rate_bpm",
    "respiratory_rate_bpm",
    "systolic_bp_mmhg",
    "diastolic_bp_mmhg",
    "spo2_percent",
    "temperature_c",
)
# Run by MLServer's own interpreter: a request as it wants it.
REQUEST = """
import sys
from mlserver.grpc import dataplane_pb2 as pb
row = [float(v) for v in sys.argv[2].split(",")]
tensor = pb.ModelInferRequest.InferInputTensor(
    name="x", datatype="FP64", shape=[1, len(row)],
    contents=pb.InferTensorContents(fp64_contents=row))
request = pb.ModelInferRequest(model_name="severity", inputs=[tensor])
open(sys.argv[1], "wb").write(request.SerializeToString())
"""


class NoPeer(RuntimeError):
    """MLServer could not be installed or started; the text says how it ended."""


def train(path: Path) -> list[float]:
    """A boosted model of intensive care on the shipped visits; returns one row."""
    frame = pd.read_parquet(shipped("orientation", "nhamcs_2015_2021.parquet"))
    frame = frame[frame["outcome_icu_vs_not_admitted"].notna()]
    x = frame[list(COLUMNS)].to_numpy(dtype=float)
    settings = {"objective": "binary", "num_leaves": 15, "verbosity": -1, "num_threads": 1}
    label = frame["outcome_icu_vs_not_admitted"].to_numpy(dtype=float)
    booster = lightgbm.train(settings, lightgbm.Dataset(x, label=label), num_boost_round=300)
    booster.save_model(path)
    whole = x[~np.isnan(x).any(axis=1)]
    return [float(value) for value in whole[0]]


def install(folder: Path) -> Path:
    """The interpreter of a new environment with MLServer in it."""
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    ran = subprocess.run(
        [python, "-m", "pip", "install", "--quiet", *PACKAGES],
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode:
        raise NoPeer(f"pip could not install {' '.join(PACKAGES)}: {ran.stderr.strip()[-400:]}")
    return python


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def serve(python: Path, folder: Path, workers: int) -> Running:
    """MLServer; without workers (0) it predicts in its own event loop, its fastest way."""
    grpc_port, http_port = free_port(), free_port()
    settings = {
        "host": "127.0.0.1",
        "grpc_port": grpc_port,
        "http_port": http_port,
        "metrics_port": free_port(),
        "parallel_workers": workers,
        "logging_settings": None,
    }
    (folder / "settings.json").write_text(json.dumps(settings))
    model = {
        "name": "severity",
        "implementation": "mlserver_lightgbm.LightGBMModel",
        "parameters": {"uri": str(folder / "model.bst"), "version": "1"},
    }
    (folder / "model-settings.json").write_text(json.dumps(model))
    log = folder / "mlserver.log"
    with log.open("ab") as out:
        process = subprocess.Popen(
            [python.parent / "mlserver", "start", str(folder)],
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )
    running = Running("mlserver", process, log, folder / "unused", f"127.0.0.1:{grpc_port}")
    url = f"http://127.0.0.1:{http_port}/v2/models/severity/ready"
    until = time.monotonic() + READY_S
    while not _ready(url):
        if process.poll() is not None or time.monotonic() > until:
            running.stop()
            raise NoPeer(f"MLServer did not get ready: {running.tail(8)}")
        time.sleep(0.2)
    return running


def _ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310  our own loopback
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def a_request(python: Path, folder: Path, row: Sequence[float]) -> bytes:
    out = folder / "request"
    words = ",".join(str(value) for value in row)
    subprocess.run([python, "-c", REQUEST, out, words], check=True, capture_output=True)
    return out.read_bytes()


def measure(folder: Path, chosen: argparse.Namespace) -> tuple[list[Round], list[Round]]:
    say: Any = Console(highlight=False, stderr=True).print
    folder.mkdir(exist_ok=True)
    say("installing MLServer in an environment of its own")
    python = install(folder / "environment")
    peer_folder = folder / "peer"
    peer_folder.mkdir()
    row = train(peer_folder / "model.bst")
    peer = serve(python, peer_folder, chosen.workers)
    request = a_request(python, peer_folder, row)
    maker = Maker(0)
    real = service(folder / "orientation")
    scored: list[Round] = []
    answered: list[Round] = []
    try:
        for turn in range(chosen.rounds + 1):
            count = chosen.calls if turn else WARM_UP
            ours = [maker.next() for _ in range(count)]
            mine = uvloop.run(drive(real, ours, chosen.in_flight))
            theirs = uvloop.run(drive(peer, [request] * count, chosen.in_flight, METHOD))
            if turn:
                scored.append(mine)
                answered.append(theirs)
    finally:
        real.stop()
        peer.stop()
    return scored, answered


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--calls", type=int, default=2000, help="calls a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--in-flight", type=int, default=64, help="calls open at once")
    parser.add_argument("--workers", type=int, default=1, help="of MLServer; 1 is its default")
    parser.add_argument("--least", type=float, default=10.0, help="ratio to reach")
    chosen = parser.parse_args(arguments)
    say = Console(highlight=False).print
    with tempfile.TemporaryDirectory(prefix="larrey-peer-") as folder:
        try:
            scored, answered = measure(Path(folder), chosen)
        except NoPeer as none:
            say(f"not measured: {none}")
            return 2
    say(told("ScoreCase", scored))
    say(told("MLServer", answered))
    ratios = [s.per_s / a.per_s for s, a in zip(scored, answered, strict=True)]
    ratio = float(np.median(ratios))
    lost = sum(r.lost for r in (*scored, *answered))
    say(f"ratio {ratio:.1f} (rounds {min(ratios):.1f} to {max(ratios):.1f}); lost {lost}")
    kept = ratio >= chosen.least and not lost
    say(f"promise ratio >= {chosen.least:.0f}: {'kept' if kept else 'BROKEN'}")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
