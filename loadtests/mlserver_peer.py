"""ScoreCase beside the same model behind MLServer over gRPC, in the same run.

    python -m loadtests.mlserver_peer [--form trained] [--calls 2000] [--rounds 3] [--least 10]

To be run by hand: it makes a throw-away environment of its own and installs MLServer there
with pip. MLServer serves the severity model with its reasons (loadtests.mlserver_runtime)
for the very people whose calls ScoreCase answers with rules, responses and ranked facilities
besides, kept before they are told. `--form compiled` is our own look-up tables behind MLServer, two
tensors a request; `--form trained` the LightGBM models of the recipe with their contributions, a
named column each input, as models are usually served. `--workers` are MLServer's: 1 is its
default, with 0 it predicts in its own event loop, its fastest way. All run as processes of their
own and take turns, with an echo of ScoreCase's answer through our server kit as the measure of the
machine; the figure is the median of the rounds' ratios. The exit code is 0 when the ratio is
reached, 2 when MLServer could not be installed or started.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import venv
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import uvloop
from rich.console import Console

from larrey.orientation.v1 import orientation_pb2 as pb
from loadtests.day.processes import Running
from loadtests.score_case import service
from loadtests.throughput import WARM_UP, Maker, Round, a_reply, drive, echo, told

# Its worker processes do not start on a newer uvloop.
PACKAGES = ("mlserver==1.7.1", "uvloop==0.21.0")
TRAINING = ("lightgbm", "pyarrow", "scikit-learn", "scipy")  # as they are here
FORMS = {"compiled": "Severity", "trained": "Boosted"}
METHOD = "/inference.GRPCInferenceService/ModelInfer"
READY_S = 120.0
ROOT = Path(__file__).resolve().parents[1]
NUMBERS = (
    "heart_rate_bpm",
    "respiratory_rate_bpm",
    "systolic_bp_mmhg",
    "diastolic_bp_mmhg",
    "spo2_percent",
    "temperature_c",
)
# Run by MLServer's own interpreter: people as requests in its words, each behind its length.
REQUESTS = """
import json, struct, sys
from mlserver.grpc import dataplane_pb2 as pb
Tensor, Contents = pb.ModelInferRequest.InferInputTensor, pb.InferTensorContents
def number(name, values):
    return Tensor(name=name, datatype="FP64", shape=[1, len(values)],
                  contents=Contents(fp64_contents=values))
def word(name, values):
    return Tensor(name=name, datatype="BYTES", shape=[len(values), 1],
                  contents=Contents(bytes_contents=[w.encode() for w in values]))
with open(sys.argv[1], "wb") as out:
    for line in sys.stdin:
        numbers, words = json.loads(line)
        sent = pb.ModelInferRequest(model_name="severity")
        if sys.argv[2] == "compiled":
            sent.inputs.extend([number("numbers", numbers), word("words", words)])
        else:
            sent.parameters["content_type"].string_param = "pd"
            sent.inputs.extend(number(n, [v]) for n, v in zip(sys.argv[3:], numbers, strict=True))
            first = words[1:2] or ["0"]
            sent.inputs.extend([word("sex", words[:1]), word("complaint", first)])
        sent = sent.SerializeToString()
        out.write(struct.pack("<I", len(sent)) + sent)
"""


class NoPeer(RuntimeError):
    """MLServer could not be installed or started; the text says how it ended."""


def install(folder: Path, form: str) -> Path:
    """The interpreter of an environment with MLServer in it; one that is there is used again."""
    python = folder / "bin" / "python"
    wanted = list(PACKAGES)
    if form == "trained":
        wanted += [f"{name}=={version(name)}" for name in TRAINING]
    if not python.exists():
        venv.create(folder, with_pip=True)
    ran = subprocess.run(
        [python, "-m", "pip", "install", "--quiet", *wanted],
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode:
        raise NoPeer(f"pip could not install {' '.join(wanted)}: {ran.stderr.strip()[-400:]}")
    return python


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def serve(python: Path, folder: Path, workers: int, form: str) -> Running:
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
        "implementation": f"loadtests.mlserver_runtime.{FORMS[form]}",
        "parameters": {"version": "1"},
    }
    (folder / "model-settings.json").write_text(json.dumps(model))
    log = folder / "mlserver.log"
    with log.open("ab") as out:
        process = subprocess.Popen(
            [python.parent / "mlserver", "start", str(folder)],
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT),
                "OPENBLAS_NUM_THREADS": "1",
                "OMP_NUM_THREADS": "1",
            },
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


def as_theirs(python: Path, folder: Path, form: str, ours: Sequence[bytes]) -> list[bytes]:
    """The people of our requests, as MLServer is asked about them."""
    lines = []
    for payload in ours:
        said = pb.ScoreCaseRequest.FromString(payload).typed
        known = {field.name: value for field, value in said.vitals.ListFields()}
        vitals = [known.get(name, math.nan) for name in NUMBERS]
        age = said.age_years if said.HasField("age_years") else math.nan
        sex = {pb.SEX_FEMALE: "F", pb.SEX_MALE: "M"}.get(said.sex, "")
        lines.append(json.dumps([[age, *vitals], [sex, *map(str, said.complaint_codes)]]))
    out = folder / "requests"
    subprocess.run(
        [python, "-c", REQUESTS, out, form, "age", *NUMBERS],
        input="\n".join(lines).encode(),
        check=True,
        capture_output=True,
    )
    rest, found = out.read_bytes(), []
    while rest:
        (size,) = struct.unpack("<I", rest[:4])
        found.append(rest[4 : 4 + size])
        rest = rest[4 + size :]
    return found


def measure(folder: Path, chosen: argparse.Namespace) -> list[list[Round]]:
    """Rounds of ScoreCase, of MLServer and of the echo."""
    say: Any = Console(highlight=False, stderr=True).print
    folder.mkdir(exist_ok=True)
    say("installing MLServer in an environment of its own")
    python = install(chosen.environment or folder / "environment", chosen.form)
    peer_folder = folder / "peer"
    peer_folder.mkdir()
    maker = Maker(0)
    rounds: list[list[Round]] = [[], [], []]
    with contextlib.ExitStack() as stack:
        peer = serve(python, peer_folder, chosen.workers, chosen.form)
        stack.callback(peer.stop)
        real = service(folder / "orientation")
        stack.callback(real.stop)
        other = echo(folder / "echo", uvloop.run(a_reply(real, maker.next())))
        stack.callback(other.stop)
        for turn in range(chosen.rounds + 1):
            count = chosen.calls if turn else WARM_UP
            ours = [maker.next() for _ in range(count)]
            theirs = as_theirs(python, folder, chosen.form, ours)
            told = (
                uvloop.run(drive(real, ours, chosen.in_flight)),
                uvloop.run(drive(peer, theirs, chosen.in_flight, METHOD)),
                uvloop.run(drive(other, ours, chosen.in_flight)),
            )
            if turn:
                for into, one in zip(rounds, told, strict=True):
                    into.append(one)
    return rounds


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--form", choices=FORMS, default="compiled", help="of the model there")
    parser.add_argument("--calls", type=int, default=2000, help="calls a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--in-flight", type=int, default=64, help="calls open at once")
    parser.add_argument("--workers", type=int, default=1, help="of MLServer; 1 is its default")
    parser.add_argument("--environment", type=Path, help="where to keep MLServer installed")
    parser.add_argument("--least", type=float, default=10.0, help="ratio to reach")
    chosen = parser.parse_args(arguments)
    say = Console(highlight=False).print
    with tempfile.TemporaryDirectory(prefix="larrey-peer-") as folder:
        try:
            scored, answered, echoed = measure(Path(folder), chosen)
        except NoPeer as none:
            say(f"not measured: {none}")
            return 2
    say(told("ScoreCase", scored))
    say(told("MLServer", answered))
    say(told("echo", echoed))
    ratios = [s.per_s / a.per_s for s, a in zip(scored, answered, strict=True)]
    ratio = float(np.median(ratios))
    lost = sum(r.lost for r in (*scored, *answered))
    shares = [
        float(np.median([one.per_s / e.per_s for one, e in zip(rounds, echoed, strict=True)]))
        for rounds in (scored, answered)
    ]
    say(f"share of the echo: ScoreCase {shares[0]:.2f}, MLServer {shares[1]:.2f}")
    say(f"ratio {ratio:.1f} (rounds {min(ratios):.1f} to {max(ratios):.1f}); lost {lost}")
    kept = ratio >= chosen.least and not lost
    say(f"promise ratio >= {chosen.least:.0f}: {'kept' if kept else 'BROKEN'}")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
