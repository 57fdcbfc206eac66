"""Turns the .proto files into Python modules under gen/ and into one descriptor image."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from importlib import resources
from pathlib import Path

from google.protobuf import (
    descriptor_pb2,
    duration_pb2,
    field_mask_pb2,
    timestamp_pb2,
)
from grpc_tools import protoc
from protovalidate._gen.buf.validate import validate_pb

ROOT = Path(__file__).resolve().parent.parent
PROTO = ROOT / "proto"
VALIDATE = "buf/validate/validate.proto"


def validate_descriptor() -> descriptor_pb2.FileDescriptorSet:
    """The protovalidate rules, which no wheel carries as text, with what they import."""
    files = descriptor_pb2.FileDescriptorSet()
    for module in (descriptor_pb2, duration_pb2, field_mask_pb2, timestamp_pb2):
        module.DESCRIPTOR.CopyToProto(files.file.add())
    files.file.add().ParseFromString(validate_pb.desc().proto.to_binary())
    return files


def sources(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.glob("larrey/**/*.proto"))


def run(arguments: list[str]) -> None:
    if protoc.main(["protoc", *arguments]) != 0:
        sys.exit("protoc refused the .proto files: the lines above say where.")


def generate(gen: Path, image: Path | None, folder: Path = PROTO) -> None:
    """Writes gen/larrey/**.py, gen/buf/**.py and, when asked, a descriptor image."""
    bin_folder = str(Path(sys.executable).parent)  # protoc finds its plugins on PATH
    os.environ["PATH"] = bin_folder + os.pathsep + os.environ.get("PATH", "")
    include = [f"-I{folder}", f"-I{resources.files('google.type').joinpath('../..')}"]
    with tempfile.TemporaryDirectory() as scratch:
        rules = Path(scratch) / "validate.binpb"
        rules.write_bytes(validate_descriptor().SerializeToString())
        known = [*include, f"--descriptor_set_in={rules}"]
        if image is not None:
            image.parent.mkdir(parents=True, exist_ok=True)
            run(
                [
                    *known,
                    "--include_imports",
                    "--include_source_info",
                    f"--descriptor_set_out={image}",
                    *sources(folder),
                ]
            )
        fresh = Path(scratch) / "gen"
        fresh.mkdir()
        run(
            [
                *known,
                f"--python_out={fresh}",
                f"--grpc_python_out={fresh}",
                f"--mypy_out={fresh}",
                f"--mypy_grpc_out={fresh}",
                *sources(folder),
            ]
        )
        run([*known, f"--python_out={fresh}", f"--mypy_out={fresh}", VALIDATE])
        (fresh / "larrey" / "py.typed").touch()
        shutil.rmtree(gen, ignore_errors=True)
        shutil.move(fresh, gen)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gen", type=Path, default=ROOT / "gen")
    parser.add_argument("--image", type=Path)
    options = parser.parse_args()
    generate(options.gen, options.image)
