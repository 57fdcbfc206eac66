"""The min-cost flow of OR-Tools."""

from __future__ import annotations

from ortools.graph.python import min_cost_flow

from services.orientation.domain.distribution.network import Ints, Network


class MinCostFlow:
    """Solves a network exactly; the same network gives the same flow."""

    def solve(self, network: Network) -> Ints:
        solver = min_cost_flow.SimpleMinCostFlow()
        arcs = solver.add_arcs_with_capacity_and_unit_cost(
            network.tails, network.heads, network.capacities, network.costs
        )
        solver.set_node_supply(network.source, network.supply)
        solver.set_node_supply(network.sink, -network.supply)
        status = solver.solve()
        if status != solver.OPTIMAL:
            raise RuntimeError(f"The flow was not solved: {status}")
        flows: Ints = solver.flows(arcs)
        return flows
