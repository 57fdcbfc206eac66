"""The one table of who may call which RPC, and where a request names its tenants.

`paths` lead from the request to the fields that name a site or a SAMU. A path whose field
is empty asks for every tenant, unless `empty_is_all` is False. `whole_group` answers about
all sites at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shared.access.callers import Role

ERP, LRM, REGULATOR = Role.ERP, Role.LRM, Role.REGULATOR
PHARMACIST, OPS, SERVICE = Role.PHARMACIST, Role.OPS, Role.SERVICE


@dataclass(frozen=True, slots=True)
class Rule:
    """Roles that may call, and the request's tenants: kind `site`, `samu` or none."""

    roles: frozenset[Role]
    kind: str = ""
    paths: tuple[str, ...] = ()
    whole_group: bool = False
    empty_is_all: bool = True


def _may(*roles: Role) -> Rule:
    return Rule(frozenset(roles))


def _site(path: str, *roles: Role) -> Rule:
    return Rule(frozenset(roles), "site", (path,))


def _samu(path: str, *roles: Role) -> Rule:
    return Rule(frozenset(roles), "samu", (path,))


def _group(*roles: Role) -> Rule:
    return Rule(frozenset(roles), "site", whole_group=True)


def _of(service: str, rules: Mapping[str, Rule]) -> dict[str, Rule]:
    return {f"/{service}/{rpc}": rule for rpc, rule in rules.items()}


TABLE: Mapping[str, Rule] = {
    **_of(
        "larrey.demand.v1.DemandService",
        {
            "PutItems": _group(ERP),
            "PutSites": _group(ERP),
            "RecordConsumption": _site("movements.site_id", ERP),
            "StartForecastRun": _site("site_ids", ERP, PHARMACIST, OPS, SERVICE),
            "WatchForecastRun": _may(ERP, PHARMACIST, OPS, SERVICE),
            "GetForecastRun": _may(ERP, PHARMACIST, OPS, SERVICE),
            "GetForecast": _site("site_id", ERP, PHARMACIST),
            "ListForecasts": _site("site_id", ERP, PHARMACIST),
            "RecordStock": _site("days.site_id", ERP),
            "GetTotalForecast": _site("site_ids", ERP, PHARMACIST, OPS),
            "GetAccuracy": _site("site_id", ERP, PHARMACIST, OPS),
            "ListSignals": _may(ERP, PHARMACIST, OPS),
        },
    ),
    **_of(
        "larrey.replenishment.v1.ReplenishmentService",
        {
            "PutItems": _group(ERP),
            "PutSites": _group(ERP),
            "PutSupplyTerms": _site("terms.site_id", ERP, PHARMACIST),
            "PutStorageLimits": _site("limits.site_id", ERP, PHARMACIST),
            "PutGroupAllotments": _group(ERP, PHARMACIST),
            "PutTransferLanes": _group(ERP, PHARMACIST),
            "PutSupplyStatus": _group(ERP, PHARMACIST),
            "PutSubstitutes": _group(PHARMACIST),
            "ReportStock": _site("reports.site_id", ERP),
            "ReleaseLot": _site("site_id", PHARMACIST),
            "StartPlan": _group(ERP, PHARMACIST, SERVICE),
            "CancelPlan": _group(ERP, PHARMACIST),
            "WatchPlan": _group(ERP, PHARMACIST, SERVICE),
            "GetPlan": _group(ERP, PHARMACIST),
            "ListPlans": _group(ERP, PHARMACIST, OPS),
            "ExplainLine": _group(ERP, PHARMACIST),
            "DecidePlan": _group(PHARMACIST),
            "AssessRisk": _site("site_id", ERP, PHARMACIST),
        },
    ),
    **_of(
        "larrey.orientation.v1.OrientationService",
        {
            "ScoreCase": _samu("typed.case_id|hub_json", LRM, REGULATOR),
            "StreamCases": _samu("update.typed.case_id|update.hub_json", LRM),
            "ReportCapacity": _site("facilities.finess_geo", ERP, SERVICE),
            "ReportResources": _samu("hub_json", LRM),
            "Distribute": Rule(
                frozenset({LRM, REGULATOR}),
                "samu",
                # a vehicle that is only named is answered from where it last reported to be
                ("case_ids", "vehicles.vehicle_id"),
                empty_is_all=False,
            ),
            "RecordDecision": _samu("case_id", REGULATOR),
            "ExportDecision": _samu("case_id", LRM, REGULATOR),
            "WatchBoard": _samu("owner", LRM, REGULATOR),
            "SetSuggestions": _samu("owner", REGULATOR, OPS),
        },
    ),
}
