"""Every value that an operator of the orientation service may set."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from shared.settings import BadSettings, ServiceSettings, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(ServiceSettings):
    """The plinth's settings and the service's own."""

    case_key_secret: str = setting(
        "LARREY_CASE_KEY",
        "secret that case ids are hashed with, at least 16 characters, the same for every copy "
        "of the service; left out, one is drawn and kept in the data folder",
        "",
    )
    bundle: Path | None = setting(
        "LARREY_MODEL_BUNDLE", "folder of a trained model; the shipped one when left out", None
    )
    hub_sender: str = setting(
        "LARREY_HUB_SENDER", "sender id in exported Hub Santé messages", "fr.health.larrey"
    )
    synthetic_capabilities: bool = setting(
        "LARREY_SYNTHETIC_CAPABILITIES",
        "true or false: use made-up capabilities for sites that no one reported",
        True,
    )
    fire_first: tuple[str, ...] = setting(
        "LARREY_FIRE_FIRST",
        "departments that send fire ambulances before private ones, separated by commas",
        (),
    )
    suggestions: str = setting(
        "LARREY_SUGGESTIONS",
        "on, shadow or off: for every SAMU that did not choose for itself",
        "on",
    )
    roads_url: str = setting(
        "LARREY_ROADS_URL",
        "osrm+http://host:port or valhalla+http://host:port of a road router that you run; it "
        "is told where cases are to about 100 m; left out, a distance model answers",
        "",
    )
    roads_timeout: timedelta = setting(
        "LARREY_ROADS_TIMEOUT_SECONDS",
        "seconds that a case waits for the router",
        timedelta(seconds=0.2),
    )
    refresh: timedelta = setting(
        "LARREY_REFRESH_SECONDS",
        "seconds between two looks at capacity and shortages that others wrote",
        timedelta(seconds=0.5),
    )
    frame_deadline: timedelta = setting(
        "LARREY_FRAME_DEADLINE_SECONDS",
        "seconds that one answer of a stream may take before the rules answer alone",
        timedelta(seconds=1),
    )
    heartbeat: timedelta = setting(
        "LARREY_HEARTBEAT_SECONDS", "seconds of silence before a heart-beat", timedelta(seconds=10)
    )
    frames_in_flight: int = setting(
        "LARREY_FRAMES_IN_FLIGHT", "frames of one stream that are worked on at once", 16
    )
    scoring_process: str = setting(
        "LARREY_SCORING_PROCESS",
        "on: answers are worked out in a process of their own; off: in the one that receives "
        "the calls; auto: on where there is more than one processor",
        "auto",
    )

    @property
    def own_scoring_process(self) -> bool:
        several = len(os.sched_getaffinity(0)) > 1
        return self.scoring_process == "on" or (self.scoring_process == "auto" and several)

    def __post_init__(self) -> None:
        # a dataclass with slots has no zero-argument super here
        ServiceSettings.__post_init__(self)
        errors = []
        if self.case_key_secret and len(self.case_key_secret) < 16:
            errors.append("LARREY_CASE_KEY must have at least 16 characters")
        if self.suggestions not in ("on", "shadow", "off"):
            errors.append("LARREY_SUGGESTIONS must be on, shadow or off")
        if self.scoring_process not in ("on", "off", "auto"):
            errors.append("LARREY_SCORING_PROCESS must be on, off or auto")
        if self.roads_url and not self.roads_url.startswith(("osrm+http://", "valhalla+http://")):
            errors.append("LARREY_ROADS_URL must start with osrm+http:// or valhalla+http://")
        if self.frames_in_flight < 1:
            errors.append("LARREY_FRAMES_IN_FLIGHT must be at least 1")
        for name, value in (
            ("LARREY_REFRESH_SECONDS", self.refresh),
            ("LARREY_FRAME_DEADLINE_SECONDS", self.frame_deadline),
            ("LARREY_HEARTBEAT_SECONDS", self.heartbeat),
            ("LARREY_ROADS_TIMEOUT_SECONDS", self.roads_timeout),
        ):
            if value <= timedelta(0):
                errors.append(f"{name} must be more than 0")
        if errors:
            raise BadSettings(errors)
