"""An ERP's evening: record what was used, ask for the risk (run `make up` first)."""

from datetime import UTC, datetime

import grpc

from larrey.catalogue.v1 import catalogue_pb2 as catalogue
from larrey.demand.v1 import demand_pb2, demand_pb2_grpc
from larrey.replenishment.v1 import replenishment_pb2, replenishment_pb2_grpc

demand = demand_pb2_grpc.DemandServiceStub(grpc.insecure_channel("localhost:50051"))
replenishment = replenishment_pb2_grpc.ReplenishmentServiceStub(
    grpc.insecure_channel("localhost:50052")
)
used = demand_pb2.Movement(
    movement_id="erp-2026-01-05-0001",  # the same id again is counted once
    site_id="440000016",
    item=catalogue.ItemCode(system=catalogue.CODE_SYSTEM_LOCAL, code="HOSP-T1"),
    quantity=catalogue.Quantity(amount=2, unit=catalogue.UNIT_PACK),
    reason=demand_pb2.MOVEMENT_REASON_WARD,
)
used.occurred_time.FromDatetime(datetime(2026, 1, 5, 5, 30, tzinfo=UTC))
answer = demand.RecordConsumption(iter([demand_pb2.RecordConsumptionRequest(movements=[used])]))
print(f"accepted {answer.accepted}, duplicate {answer.duplicate}, refused {answer.refused}")
for refusal in answer.refusals:
    print(f"  {refusal.field}: {refusal.message}")
risks = replenishment.AssessRisk(replenishment_pb2.AssessRiskRequest(page_size=3)).risks
for risk in risks:
    print(f"{risk.label}: may run out with {risk.stockout_probability:.0%}")
