"""The rules of access in the protos: complete, their paths real, their doors narrow."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.message_factory import GetMessageClass
from hypothesis import given
from hypothesis import strategies as st

from larrey.access.v1 import rule_pb2
from shared.access.callers import Caller, Role, from_certificate, from_claims
from shared.access.limits import Limits
from shared.access.table import Rule, every_rule, rule_of
from shared.access.tenants import tenants_of
from shared.errors import Stranger, TooMuch
from shared.rpc.call import find_method

PROTO = Path(__file__).resolve().parents[3] / "proto" / "larrey"


# Where a patient may be taken is no tenant: the case is. What was proposed before is only
# compared with.
NO_TENANTS = {
    "RecordDecision": {"finess_geo"},
    "Distribute": {"facilities.finess_geo", "previous.finess_geo", "previous.case_id"},
}


TABLE = {rpc: rule for rpc, rule in every_rule().items() if rule is not None}


def rpcs() -> set[str]:
    found = set()
    for path in PROTO.rglob("*.proto"):
        module = ".".join(("larrey", *path.relative_to(PROTO).with_suffix("").parts)) + "_pb2"
        for service in importlib.import_module(module).DESCRIPTOR.services_by_name.values():
            found |= {f"/{service.full_name}/{method.name}" for method in service.methods}
    return found


def request(rpc: str, **fields: Any) -> Any:
    name = next(r for r in TABLE if r.endswith(f"/{rpc}"))
    return GetMessageClass(find_method(name).input_type)(**fields)


def rule(rpc: str) -> Rule:
    return next(r for name, r in TABLE.items() if name.endswith(f"/{rpc}"))


def test_every_rpc_of_the_protos_has_a_rule_that_lets_someone_in() -> None:
    assert {rpc for rpc, rule in every_rule().items() if rule is None} == set()
    assert set(TABLE) == rpcs()
    assert len(TABLE) > 20
    assert all(rule.roles for rule in TABLE.values())


def test_a_rule_is_found_by_the_name_that_comes_with_a_call() -> None:
    assert {rpc: rule_of(rpc) for rpc in TABLE} == TABLE


def test_a_new_service_brings_its_rules_with_its_proto() -> None:
    file = descriptor_pb2.FileDescriptorProto(
        name="larrey/fourth/v1/fourth.proto",
        package="larrey.fourth.v1",
        message_type=[descriptor_pb2.DescriptorProto(name="Asked")],
    )
    service = file.service.add(name="FourthService")
    for name in ("Ask", "Forgotten"):
        service.method.add(
            name=name, input_type=".larrey.fourth.v1.Asked", output_type=".larrey.fourth.v1.Asked"
        )
    told = service.method[0].options.Extensions[rule_pb2.rule]
    told.roles.append(rule_pb2.ROLE_OPS)
    descriptor_pool.Default().Add(file)
    assert rule_of("/larrey.fourth.v1.FourthService/Ask") == Rule(frozenset({Role.OPS}))
    assert rule_of("/larrey.fourth.v1.FourthService/Forgotten") is None


@pytest.mark.parametrize(
    "rpc",
    ["", "/", "/x", "/larrey.demand.v1.DemandService/Nothing", "/grpc.health.v1.Health/Check"],
)
def test_what_no_proto_gives_a_rule_has_none(rpc: str) -> None:
    assert rule_of(rpc) is None


@pytest.mark.parametrize("rpc", TABLE)
def test_every_path_of_the_table_leads_to_text_or_bytes(rpc: str) -> None:
    for path in TABLE[rpc].paths:
        for way in path.split("|"):
            message: Any = find_method(rpc).input_type
            *steps, last = way.split(".")
            for step in steps:
                message = message.fields_by_name[step].message_type
            field = message.fields_by_name[last]
            assert field.type in (field.TYPE_STRING, field.TYPE_BYTES)


@pytest.mark.parametrize("rpc", TABLE)
def test_every_request_that_names_a_site_or_a_case_is_held_to_it(rpc: str) -> None:
    """A field called site_id, site_ids, finess_geo, case_id or case_ids stands in a path."""
    rule = TABLE[rpc]

    def walk(message: Any, before: str, seen: tuple[str, ...]) -> set[str]:
        found = set()
        for field in message.fields:
            here = f"{before}{field.name}"
            if field.name in ("site_id", "site_ids", "finess_geo", "case_id", "case_ids"):
                found.add(here)
            elif field.message_type and field.message_type.name not in seen:
                found |= walk(field.message_type, f"{here}.", (*seen, field.message_type.name))
        return found

    named = walk(find_method(rpc).input_type, "", ())
    held = {way for path in rule.paths for way in path.split("|")}
    if not rule.whole_group:
        assert named - held <= NO_TENANTS.get(rpc.rsplit("/", 1)[1], set())


def test_only_a_person_decides() -> None:
    assert rule("DecidePlan").roles == {Role.PHARMACIST}
    assert rule("RecordDecision").roles == {Role.REGULATOR}


def test_a_request_about_one_site_names_that_site_and_an_empty_one_names_all() -> None:
    assert tenants_of(rule("GetForecast"), request("GetForecast", site_id="s1")) == {"s1"}
    assert tenants_of(rule("ListForecasts"), request("ListForecasts")) == {"*"}
    start = rule("StartForecastRun")
    assert tenants_of(start, request("StartForecastRun", site_ids=["a", "b"])) == {"a", "b"}
    assert tenants_of(start, request("StartForecastRun")) == {"*"}
    rows = [{"site_id": "a"}, {"site_id": "b"}]
    record = rule("RecordConsumption")
    assert tenants_of(record, request("RecordConsumption", movements=rows)) == {"a", "b"}
    assert tenants_of(rule("StartPlan"), request("StartPlan")) == {"*"}


def test_a_case_belongs_to_the_samu_in_its_id_wherever_it_stands() -> None:
    score = rule("ScoreCase")
    typed = {"case_id": "fr.health.samu440.DRFR15"}
    hub = b'{"a": [{"caseId": "fr.health.samu950.X"}, {"caseId": "fr.fire.sis044.Y"}]}'
    typed_request = request("ScoreCase", typed=typed)
    assert tenants_of(score, typed_request) == {"fr.health.samu440"}
    assert tenants_of(score, request("ScoreCase", hub_json=hub)) == {"fr.health.samu950"}
    assert tenants_of(score, request("ScoreCase", hub_json=b"not json")) == set()
    board = rule("WatchBoard")
    assert tenants_of(board, request("WatchBoard", owner="fr.health.samu440")) == {
        "fr.health.samu440"
    }
    assert tenants_of(board, request("WatchBoard")) == {"*"}
    distribute = rule("Distribute")
    assert tenants_of(distribute, request("Distribute")) == set()
    cases = request("Distribute", case_ids=["fr.health.samu440.1", "fr.health.samu950.2"])
    assert tenants_of(distribute, cases) == {"fr.health.samu440", "fr.health.samu950"}
    fleet = [{"vehicle_id": "fr.health.samu950.resource.VLM1"}, {"vehicle_id": "bus 3"}]
    assert tenants_of(distribute, request("Distribute", vehicles=fleet)) == {"fr.health.samu950"}
    stream = rule("StreamCases")
    assert tenants_of(stream, request("StreamCases", heartbeat={})) == set()
    framed = request("StreamCases", update={"typed": typed})
    assert tenants_of(stream, framed) == {"fr.health.samu440"}


def test_a_certificate_grants_what_its_uris_say_and_no_more() -> None:
    base = "spiffe://larrey/role/erp/site"
    caller = from_certificate("erp-1", [f"{base}/440000016", f"{base}/440000024", "https://x"])
    assert caller.sees("site", "440000016")
    assert not caller.sees("site", "750000018")
    assert not caller.sees("site", "*")
    assert not caller.sees("samu", "fr.health.samu440")
    assert from_certificate("erp", [f"{base}/*"]).sees("site", "*")
    bare = from_certificate("erp", ["spiffe://larrey/role/erp"])
    assert not bare.sees("site", "440000016")
    assert from_certificate("s", ["spiffe://larrey/role/service"]).sees("site", "*")


@pytest.mark.parametrize(
    "uris",
    [
        [],
        ["spiffe://larrey/role/king"],
        ["spiffe://other/role/erp/site/1"],
        ["spiffe://larrey/role/erp/site/1", "spiffe://larrey/role/pharmacist/site/1"],
        ["spiffe://larrey/role/erp/site/"],
    ],
)
def test_a_certificate_without_exactly_one_role_is_a_stranger(uris: list[str]) -> None:
    with pytest.raises(Stranger, match="ROLE_UNKNOWN"):
        from_certificate("x", uris)


def test_a_token_without_exactly_one_role_is_a_stranger() -> None:
    wrong: Any = ({}, {"roles": []}, {"roles": ["erp", "lrm"]}, {"roles": {"erp": 1}})
    for claims in wrong:
        with pytest.raises(Stranger, match="ROLE_UNKNOWN"):
            from_claims({"sub": "x", **claims}, "roles")
    caller = from_claims(
        {"sub": "x", "roles": "lrm", "larrey_samus": ["fr.health.samu440"]}, "roles"
    )
    assert caller == Caller("x", Role.LRM, samus=frozenset({"fr.health.samu440"}))


def test_a_person_through_a_machine_sees_what_both_see() -> None:
    person = Caller("p", Role.PHARMACIST, sites=frozenset({"*"}))
    machine = Caller("m", Role.ERP, sites=frozenset({"a"}))
    assert person.within(machine) == Caller("p", Role.PHARMACIST, sites=frozenset({"a"}))
    other = Caller("p", Role.PHARMACIST, sites=frozenset({"b"}))
    assert not other.within(machine).sees("site", "a")
    assert not other.within(machine).sees("site", "b")


def test_a_client_over_its_rate_is_slowed_and_others_are_not() -> None:
    now = [0.0]
    limits = Limits(10, 2, lambda: now[0])
    for _ in range(20):
        limits.enter("a", stream=False)
    with pytest.raises(TooMuch, match="TOO_MANY_CALLS"):
        limits.enter("a", stream=False)
    limits.enter("b", stream=False)
    now[0] += 0.1
    limits.enter("a", stream=False)
    with pytest.raises(TooMuch, match="TOO_MANY_CALLS"):
        limits.enter("a", stream=False)


def test_streams_of_one_client_are_counted_until_they_end() -> None:
    limits = Limits(0, 2)
    limits.enter("a", stream=True)
    limits.enter("a", stream=True)
    with pytest.raises(TooMuch, match="TOO_MANY_STREAMS"):
        limits.enter("a", stream=True)
    limits.leave("a", stream=True)
    limits.enter("a", stream=True)


def test_clients_beyond_what_is_remembered_do_not_make_room_for_held_streams() -> None:
    limits = Limits(0, 1)
    limits.enter("holder", stream=True)
    for number in range(10_050):
        limits.enter(f"c{number}", stream=False)
    assert len(limits._clients) <= 10_001
    with pytest.raises(TooMuch, match="TOO_MANY_STREAMS"):
        limits.enter("holder", stream=True)


@given(st.binary(max_size=400))
def test_no_bytes_in_place_of_a_hub_message_break_the_door(told: bytes) -> None:
    assert tenants_of(rule("ScoreCase"), request("ScoreCase", hub_json=told)) <= {"*"}


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["caseId", "message", "x"]), inner, max_size=3)
    ),
    max_leaves=20,
)


@given(JSON, st.sampled_from(["fr.health.samu440.1", "fr.health.samu950"]))
def test_a_case_id_is_found_however_deep_it_stands(around: Any, case: str) -> None:
    told = json.dumps({"a": [around, {"b": {"caseId": case, "c": around}}]}).encode()
    found = tenants_of(rule("ScoreCase"), request("ScoreCase", hub_json=told))
    assert case.removesuffix(".1") in found


def test_a_message_nested_beyond_any_use_is_no_crash_and_no_way_round() -> None:
    deep = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
    assert tenants_of(rule("ScoreCase"), request("ScoreCase", hub_json=deep)) == {"*"}
