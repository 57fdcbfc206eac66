"""Back-tests the forecast of a file against what came true, beside the peers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from services.demand.domain.history_files import (
    HistoryRead,
    Order,
    Target,
    Used,
    held_back,
    prepared,
    rolling_backs,
)
from services.demand.domain.routing import Group, Judged, groups
from services.demand.domain.scoring import Actuals, Scores, pooled, score
from services.demand.domain.stockouts import simulate
from services.demand.domain.tables import HistoryTable
from services.demand.ports import ForecastFiles, Meter, Peer, Progress
from services.demand.use_cases.forecast_files import ForecastTable, Made, told

# From this share of rarely used series on, the methods made for them are peers too.
RARE_SHARE = 0.25
NOT_RARE = (
    "made for rarely used items: run where {wanted:.0%} of the series and more are, here {rare:.0%}"
)


@dataclass(frozen=True, slots=True)
class Tested:
    """Scores and machine time of one method; `stood_in`: why something else stands for it, and
    on how many series."""

    scores: Scores
    used: Used
    stood_in: Mapping[str, int] = field(default_factory=dict)

    def plain(self) -> dict[str, object]:
        return {
            **self.scores.plain(),
            "cpu_seconds": round(self.used.cpu_seconds, 3),
            "peak_rss_mib": round(self.used.peak_rss_mib, 1),
            "stood_in": dict(self.stood_in),
        }

    def remarks(self) -> Sequence[str]:
        return [f"{series} series {why}" for why, series in self.stood_in.items()]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A peer that was not run, and the rule that says so."""

    why: str

    def plain(self) -> Mapping[str, object]:
        return {}

    def remarks(self) -> Sequence[str]:
        return [f"not run: {self.why}"]


@dataclass(frozen=True, slots=True)
class Rolled:
    """Figures pooled over several origins, and the machine time of all of them."""

    figures: Mapping[str, object]

    def plain(self) -> Mapping[str, object]:
        return self.figures

    def remarks(self) -> Sequence[str]:
        return ()


@dataclass(frozen=True, slots=True)
class BacktestFile:
    """`larrey demand backtest`: forecasts first, then what came true, then the peers.

    `missing`: peers that cannot run here, and why.
    """

    files: ForecastFiles
    make: ForecastTable
    peers: Sequence[Peer]
    rare_peers: Sequence[Peer]
    meter: Meter
    progress: Progress = field(repr=False)
    missing: Mapping[str, str] = field(default_factory=dict)

    def __call__(
        self,
        order: Order,
        *,
        actuals_given: bool,
        stockout_seed: int | None = None,
        origins: int = 0,
        with_peers: bool = True,
    ) -> Mapping[str, Tested | Rolled | LeftOut]:
        read = whole = self.files.history()
        lead = order.lead or order.horizon
        backs = rolling_backs(whole.table.length, order.season, lead, origins) if origins else ()
        held: Actuals | None = None
        if not actuals_given:
            read, held = held_back(read, order.horizon)
        made = self.make(read, order, self.files.drivers(read))
        self.files.write(made.table.ids, read.ahead, made.forecast, order.written_levels)
        actuals = held or self.files.actuals(made.table.ids, read.ahead)
        self.files.plot(made.table, read.ahead, made.forecast, actuals)
        mine = Tested(score(read.table, actuals, made.forecast, order.lead), made.used)
        peers, left_out = self._peers(read, order, actuals) if with_peers else ({}, {})
        report = {**told(made, order), **mine.plain()}
        report["peers"] = {name: one.plain() for name, one in peers.items()}
        report["peers_left_out"] = left_out
        if stockout_seed is not None:
            report["stockouts"] = self._stockouts(read, order, made, actuals, stockout_seed)
        shown: dict[str, Tested | Rolled | LeftOut] = {"larrey": mine, **peers}
        shown |= {name: LeftOut(why) for name, why in left_out.items()}
        if backs:
            at_hand = {} if actuals_given else {order.horizon: made}
            report["rolling"] = rolling = self._rolling(whole, order, backs, at_hand)
            shown[f"larrey, {len(backs)} origins"] = Rolled(rolling)
        self.files.report(report)
        return shown

    def _rolling(
        self,
        read: HistoryRead,
        order: Order,
        backs: Sequence[int],
        at_hand: Mapping[int, Made],
    ) -> Mapping[str, object]:
        """The forecast again at each origin, as if nothing later were known; item-origins.

        The engines are chosen at the oldest origin and anew whenever a horizon (two lead times
        at least) has passed, each time from what was known then. `at_hand`: forecasts that
        were made already, by the periods held back.
        """
        before = self.meter()
        renewed = max(order.horizon, 2 * (order.lead or order.horizon))
        each: list[Mapping[str, object]] = []
        found = []
        last: tuple[int, Mapping[Group, Judged]] | None = None
        with self.progress.stage("rolling origins", len(backs)) as step:
            for back in sorted(backs, reverse=True):
                cut, actuals = held_back(read, order.horizon, back)
                made = at_hand.get(back)
                if made is None:
                    kept = last[1] if last and last[0] - back < renewed else None
                    made = self.make(cut, order, self.files.drivers(cut), kept)
                    last = last if kept else (back, made.chosen)
                else:
                    last = (back, made.chosen)
                one = score(cut.table, actuals, made.forecast, order.lead)
                found.append(one)
                seen = {
                    "first_period": str(cut.ahead[0].astype("datetime64[D]")),
                    "periods": min(back, order.horizon),
                    "methods": {
                        group.value: judged.engine for group, judged in made.chosen.items()
                    },
                }
                each.append({**seen, **one.plain()})
                step()
        each.reverse()
        seconds = self.meter().cpu_seconds - before.cpu_seconds
        whole: dict[str, object] = {"origins": len(backs), "cpu_seconds": round(seconds, 3)}
        return whole | {**pooled(found), "each": each}

    def _peers(
        self, read: HistoryRead, order: Order, actuals: Actuals
    ) -> tuple[dict[str, Tested], dict[str, str]]:
        """What each peer reached, and why others were not run."""
        table = as_recorded(read.table)
        kinds = groups(table)
        rare = sum(kind is Group.RARE for kind in kinds) / len(kinds)
        peers, left_out = [*self.peers], dict(self.missing)
        if rare >= RARE_SHARE:
            peers += self.rare_peers
        else:
            why = NOT_RARE.format(wanted=RARE_SHARE, rare=rare)
            left_out |= {peer.name: why for peer in self.rare_peers}
        asked = replace(order, levels=()).asked(read.ahead)
        found = {}
        for peer in peers:
            before = self.meter()
            with self.progress.stage(peer.name, len(table.ids)) as step:
                made = peer(table, asked, step)
            after = self.meter()
            used = Used(after.cpu_seconds - before.cpu_seconds, after.peak_rss_mib)
            stood_in = Counter(reason for reason in made.reasons if reason)
            scores = score(read.table, actuals, made, order.lead)
            found[peer.name] = Tested(scores, used, stood_in)
        return found, left_out

    def _stockouts(
        self, read: HistoryRead, order: Order, made: Made, actuals: Actuals, seed: int
    ) -> Mapping[str, object]:
        """The same engines given the true history, the one with stock-outs, the repaired one."""
        touched = simulate(read.table, seed)
        figures: dict[str, object] = {
            "seed": seed,
            "touched_share": touched.touched_share,
            "lost_share": touched.lost_share,
            "true": score(read.table, actuals, made.forecast, order.lead).plain(),
        }
        asked = order.asked(read.ahead)
        for name, target in (("recorded", Target.RECORDED), ("repaired", Target.DEMAND)):
            table, _ = prepared(replace(read, table=touched.table), target)
            if target is Target.RECORDED:
                # what a method sees that knows nothing of stock
                table = replace(table, columns=read.table.columns)
            forecast = self.make.route.forecast(table, asked, made.chosen)
            figures[name] = score(read.table, actuals, forecast, order.lead).plain()
        return figures


def as_recorded(table: HistoryTable) -> HistoryTable:
    """What peers see: the amounts as recorded, returns counted as 0, nothing repaired."""
    return replace(table, values=table.recorded.clip(min=0.0))
