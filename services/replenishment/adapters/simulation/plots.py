"""Two pictures of a campaign: cost against service, and what the stress cases cost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

NAMES = {
    "base_stock": "base-stock",
    "s_S": "(s, S)",
    "amc": "average consumption",
    "ours": "Larrey",
    "clairvoyant_28_days": "28 days foreseen",
}


def draw(told: dict[str, Any], folder: Path) -> None:
    """Writes cost_service.png and stress.png into the folder."""
    import matplotlib as mpl  # noqa: PLC0415  an extra that only this needs

    mpl.use("Agg")
    import matplotlib.pyplot as plt  # noqa: PLC0415

    folder.mkdir(parents=True, exist_ok=True)
    figure, axes = plt.subplots(figsize=(7, 5))
    for name, one in told["policies"].items():
        axes.scatter(one["fill_rate"], one["cost_eur"], s=60)
        axes.annotate(f" {NAMES[name]}", (one["fill_rate"], one["cost_eur"]))
    axes.set_xlabel("demand served on its day")
    axes.set_ylabel("cost over the test, EUR")
    axes.set_yscale("log")
    axes.margins(x=0.25, y=0.1)
    axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.yaxis.set_minor_formatter("{x:,.0f}")
    axes.xaxis.set_major_formatter("{x:.0%}")
    axes.set_title(f"{told['items']} items, demand that no policy had seen")
    figure.tight_layout()
    figure.savefig(folder / "cost_service.png", dpi=130)
    plt.close(figure)
    figure, axes = plt.subplots(figsize=(8, 4.5))
    cases = list(told["stress"])
    names = list(told["stress"][cases[0]]["policies"])
    for place, name in enumerate(names):
        short = [1.0 - told["stress"][case]["policies"][name]["fill_rate"] for case in cases]
        spots = [k + place / (len(names) + 1) for k in range(len(cases))]
        axes.bar(spots, short, 1 / (len(names) + 1), label=NAMES[name])
    axes.set_xticks(range(len(cases)), [case.replace("_", "\n") for case in cases])
    axes.set_ylabel("demand not served on its day")
    axes.yaxis.set_major_formatter("{x:.0%}")
    axes.legend(loc="upper right")
    figure.tight_layout()
    figure.savefig(folder / "stress.png", dpi=130)
    plt.close(figure)
