"""The four dashboards: one per service and one for the loop that joins them."""

from __future__ import annotations

from k8s.dashboards.build import Dashboard, Panel, Row


def _calls(job: str) -> Row:
    of = f'job="{job}"'
    return Row(
        "Calls",
        (
            Panel(
                "Calls a second",
                {"{{method}}": f"larrey:rpc_rate:5m{{{of}}}"},
                "reqps",
            ),
            Panel(
                "Refused or failed, by code",
                {
                    "{{code}}": "sum by (code) "
                    f'(rate(larrey_rpc_calls_total{{{of}, code!="OK"}}[5m]))'
                },
                "reqps",
                "INVALID_ARGUMENT and the like are the caller's; INTERNAL is ours.",
            ),
            Panel(
                "Slowest of a hundred",
                {"{{method}}": f"larrey:rpc_p99_seconds:5m{{{of}}}"},
                "s",
                "A stream counts once, from its start to its end.",
            ),
        ),
    )


def _process(job: str) -> Row:
    of = f'job="{job}"'
    return Row(
        "Process and energy",
        (
            Panel("Cores in use", {"cores": f"rate(larrey_cpu_seconds_total{{{of}}}[5m])"}),
            Panel("Memory", {"resident": f"process_resident_memory_bytes{{{of}}}"}, "bytes"),
            Panel(
                "Energy per 1,000 answers",
                {
                    "joules": f"larrey:joules_per_1000_answers:1h{{{of}}}",
                    "g CO2e": f"larrey:co2e_grams_per_1000_answers:1h{{{of}}}",
                },
                help="Processor time only; watts per core, PUE and grid are settings.",
            ),
        ),
    )


DEMAND = Dashboard(
    "demand",
    "Larrey: demand",
    (
        _calls("demand"),
        Row(
            "Forecasts",
            (
                Panel(
                    "Movements a second",
                    {"{{outcome}}": "sum by (outcome) (rate(larrey_demand_movements_total[5m]))"},
                ),
                Panel(
                    "Age of the newest forecast",
                    {"age": "larrey_demand_newest_forecast_age_seconds"},
                    "s",
                ),
                Panel(
                    "Actuals inside the 95 % interval",
                    {
                        "{{demand_class}}": "avg by (demand_class) "
                        "(larrey_demand_accuracy_coverage_95)"
                    },
                    "percentunit",
                ),
                Panel(
                    "Actuals at or below the 90 % quantile",
                    {
                        "{{demand_class}}": "avg by (demand_class) "
                        "(larrey_demand_accuracy_below_p90)"
                    },
                    "percentunit",
                ),
                Panel(
                    "Bias and scaled error",
                    {
                        "bias {{demand_class}}": "avg by (demand_class) "
                        "(larrey_demand_accuracy_bias)",
                        "error {{demand_class}}": "avg by (demand_class) "
                        "(larrey_demand_accuracy_scaled_error)",
                    },
                ),
                Panel(
                    "Runs ended in the last day",
                    {"{{state}}": "sum by (state) (increase(larrey_demand_runs_total[1d]))"},
                ),
                Panel(
                    "Series of runs",
                    {"{{outcome}}": "sum by (outcome) (increase(larrey_demand_series_total[1d]))"},
                ),
                Panel(
                    "Parts of runs whose drivers could not be tried",
                    {"parts": "increase(larrey_demand_driver_failures_total[1d])"},
                ),
                Panel(
                    "Seconds of a run, median",
                    {
                        "median": "histogram_quantile(0.5, "
                        "sum by (le) (rate(larrey_demand_run_seconds_bucket[1d])))"
                    },
                    "s",
                ),
            ),
        ),
        Row(
            "Live accuracy, one period ahead",
            (
                Panel(
                    "Share of actuals inside the intervals",
                    {
                        "95 % {{demand_class}}": "min by (demand_class) "
                        "(larrey_demand_accuracy_coverage_95)",
                        "80 % {{demand_class}}": "min by (demand_class) "
                        "(larrey_demand_accuracy_coverage_80)",
                        "p90 {{demand_class}}": "min by (demand_class) "
                        "(larrey_demand_accuracy_below_p90)",
                    },
                ),
                Panel(
                    "Drift of the 95 % interval, worst site",
                    {"{{demand_class}}": "min by (demand_class) (larrey_demand_accuracy_drift)"},
                ),
                Panel(
                    "Bias",
                    {"{{site_id}} {{demand_class}}": "larrey_demand_accuracy_bias"},
                ),
                Panel(
                    "Error over the usual change from period to period",
                    {"{{site_id}} {{demand_class}}": "larrey_demand_accuracy_scaled_error"},
                ),
                Panel(
                    "Mean absolute error, base units",
                    {"{{site_id}} {{demand_class}}": "larrey_demand_accuracy_mean_absolute_error"},
                ),
                Panel(
                    "Periods that have come true",
                    {"{{demand_class}}": "sum by (demand_class) (larrey_demand_accuracy_actuals)"},
                ),
            ),
        ),
        _process("demand"),
    ),
)

REPLENISHMENT = Dashboard(
    "replenishment",
    "Larrey: replenishment",
    (
        _calls("replenishment"),
        Row(
            "Plans and stock",
            (
                Panel(
                    "Items at risk of running out",
                    {"{{criticality}}": "larrey_replenishment_item_sites_at_risk"},
                ),
                Panel(
                    "Stock expected to expire",
                    {"{{criticality}}": "larrey_replenishment_expected_expiry_eur"},
                    "currencyEUR",
                    "Within the horizon, unless it is used first or moved.",
                ),
                Panel(
                    "Item-sites assessed",
                    {"{{criticality}}": "larrey_replenishment_item_sites_assessed"},
                ),
                Panel(
                    "Age of the newest plan",
                    {"age": "larrey_replenishment_newest_plan_age_seconds"},
                    "s",
                ),
                Panel(
                    "Gap of the newest plan",
                    {"gap": "larrey_replenishment_plan_gap"},
                    "percentunit",
                    "At most so much dearer than the best plan there can be.",
                ),
                Panel(
                    "Lines decided in the last day",
                    {
                        "{{verdict}}": "sum by (verdict) "
                        "(increase(larrey_replenishment_lines_decided_total[1d]))"
                    },
                ),
                Panel(
                    "Stock reports a second",
                    {
                        "{{outcome}}": "sum by (outcome) "
                        "(rate(larrey_replenishment_stock_reports_total[5m]))"
                    },
                ),
            ),
        ),
        _process("replenishment"),
    ),
)

ORIENTATION = Dashboard(
    "orientation",
    "Larrey: orientation",
    (
        _calls("orientation"),
        Row(
            "Answers",
            (
                Panel(
                    "Answers a second, by band",
                    {
                        "{{band}}": "sum by (band) "
                        '(rate(larrey_orientation_answers_total{exercise="false"}[5m]))'
                    },
                ),
                Panel(
                    "Answers by rules alone",
                    {"{{why}}": "sum by (why) (rate(larrey_orientation_rules_only_total[5m]))"},
                ),
                Panel(
                    "Data-quality findings",
                    {
                        "{{code}}": "topk(10, sum by (code) "
                        "(rate(larrey_orientation_findings_total[15m])))"
                    },
                ),
                Panel(
                    "Suggestions followed",
                    {
                        "share": 'sum(increase(larrey_orientation_decisions_total{followed="true"}'
                        "[6h])) / sum(increase(larrey_orientation_decisions_total[6h]))"
                    },
                    "percentunit",
                ),
                Panel(
                    "Why not followed",
                    {
                        "{{reason}}": "sum by (reason) "
                        "(increase(larrey_orientation_overrides_total[6h]))"
                    },
                ),
                Panel(
                    "More or less sent than the band asks",
                    {
                        "{{kind}}": "sum by (kind) "
                        "(increase(larrey_orientation_triage_proxy_total[1d]))"
                    },
                ),
                Panel(
                    "Scoring process",
                    {"there": "larrey_orientation_scoring_process"},
                    help="0: the process at the door answers calls itself, more slowly.",
                ),
                Panel(
                    "Drift of severities",
                    {"index": "larrey_orientation_drift_index"},
                    help="Population stability index; look from 0.25 on.",
                ),
                Panel(
                    "Questions to the road router",
                    {
                        "{{outcome}}": "sum by (outcome) "
                        "(rate(larrey_orientation_road_requests_total[5m]))"
                    },
                ),
                Panel(
                    "Vehicle reports a second",
                    {
                        "{{outcome}}": "sum by (outcome) "
                        "(rate(larrey_orientation_vehicle_reports_total[5m]))"
                    },
                ),
                Panel(
                    "Age of the bed counts used",
                    {
                        "median": "histogram_quantile(0.5, sum by (le) "
                        "(rate(larrey_orientation_capacity_age_minutes_bucket[30m])))"
                    },
                    "m",
                ),
            ),
        ),
        _process("orientation"),
    ),
)

LOOP = Dashboard(
    "loop",
    "Larrey: the loop",
    (
        Row(
            "Events",
            (
                Panel("Ready", {"{{job}}": "larrey_service_ready"}),
                Panel(
                    "Told a second",
                    {"{{topic}}": "sum by (topic) (rate(larrey_events_published_total[5m]))"},
                ),
                Panel(
                    "Heard a second",
                    {
                        "{{job}} {{topic}}": "sum by (job, topic) "
                        "(rate(larrey_events_consumed_total[5m]))"
                    },
                ),
                Panel(
                    "Not heard yet",
                    {"{{job}} {{topic}}": "sum by (job, topic) (larrey_consumer_lag_events)"},
                ),
                Panel(
                    "Age of the oldest fact not told",
                    {"{{job}}": "max by (job) (larrey_outbox_age_seconds)"},
                    "s",
                ),
                Panel(
                    "Dead letters and facts that wait",
                    {
                        "dead {{job}}": "sum by (job) (increase(larrey_events_dead_total[1h]))",
                        "waiting {{job}}": "sum by (job) (larrey_events_waiting)",
                    },
                ),
            ),
        ),
        Row(
            "Access and energy",
            (
                Panel(
                    "Callers refused a second",
                    {
                        "{{job}} {{reason}}": "sum by (job, reason) "
                        "(rate(larrey_access_refused_total[5m]))"
                    },
                ),
                Panel(
                    "g CO2e per 1,000 answers",
                    {"{{job}}": "larrey:co2e_grams_per_1000_answers:1h"},
                ),
                Panel(
                    "Cores in use",
                    {"{{job}}": "sum by (job) (rate(larrey_cpu_seconds_total[5m]))"},
                ),
            ),
        ),
    ),
)

DASHBOARDS = (DEMAND, REPLENISHMENT, ORIENTATION, LOOP)
