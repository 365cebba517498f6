"""Reproduced or not: whether each arm's mean lies where published runs predict the mean of as many new ones."""

from pathlib import Path

import numpy as np
import pandas as pd

from dark_knowledge.analysis.formats import NO_NUMBER, show_number
from dark_knowledge.analysis.results import ExperimentArm, Results, distinct_arms, rows_of
from dark_knowledge.analysis.statistics import prediction_interval
from dark_knowledge.study.reference import FEWEST, RUNS

REPRODUCED, HIGHER, LOWER = "reproduced", "higher", "lower"
COMPARED = (REPRODUCED, HIGHER, LOWER)
OTHER_SETTINGS, TOO_FEW = "other settings", "too few published runs"
NO_SPREAD, NOT_PUBLISHED = "no published spread", "not published"
NOT_COMPARED = (OTHER_SETTINGS, TOO_FEW, NO_SPREAD, NOT_PUBLISHED)
COLUMNS = [
    *("experiment", "arm", "verdict", "n", "mean", "published_n", "published_mean", "predicted_low", "predicted_high"),
    *("same_seeds", "equal_runs", "other_settings"),
]
ENDS = ["last_test_accuracy", "last_validation_accuracy"]  # one of them alone may be equal by chance
# What the settings name and do not hold, by its column in the runs.
CONTENT = {"data": "other images of the same name", "given": "other weights, logits or code of the same names"}
WHERE = ("machine", "device", "precision", "torch", "commit")
DECIMALS = 9  # of a percentage; what differs by less differs by rounding


def load_published(asked: dict) -> pd.DataFrame:
    """The published runs, a row each; none where nothing is compared."""
    if not asked:
        return pd.DataFrame(columns=["model", "supervision", "seed", *ENDS])
    # A name, a sum or a commit of digits alone is no number, and one of "null" not nothing.
    as_text = dict.fromkeys(("model", "supervision", *CONTENT, *WHERE), str)
    return pd.read_csv(Path(asked["folder"], RUNS), dtype=as_text, keep_default_na=False, na_values=[""])


def reproduction_table(results: Results, published: pd.DataFrame, asked: dict) -> pd.DataFrame:
    """A row per arm, each once: its verdict, both means of last test accuracy in percent, and the prediction interval.

    `asked` is what `study.reference.asked_of` says. An arm is compared where its settings are the published ones and
    its published runs, three at least, have a spread: its mean should lie within m0 ± t s0 sqrt(1/n0 + 1/n) of the n0
    published runs, at a level that holds over all compared arms (Bonferroni). No row where nothing is asked.
    """
    rows = [_row(results["runs"], published, arm, asked) for arm in distinct_arms(results.all_arms()) if asked]
    compared = sum(row["verdict"] in COMPARED for row in rows)
    for row in rows:
        accuracies = row.pop("published_accuracies")
        if row["verdict"] in COMPARED:
            predicted = prediction_interval(accuracies, 1 - asked["level"] / compared, row["n"])
            row |= {"predicted_low": predicted.low, "predicted_high": predicted.high}
            row["verdict"] = _side(row["mean"], predicted.low, predicted.high)
    counts = ("n", "published_n", "same_seeds", "equal_runs")
    return pd.DataFrame(rows, columns=COLUMNS).astype(dict.fromkeys(counts, "Int64"))


def _row(runs: pd.DataFrame, published: pd.DataFrame, arm: ExperimentArm, asked: dict) -> dict:
    own_ends, ends_there = (100 * rows_of(table, arm).set_index("seed")[ENDS] for table in (runs, published))
    own, there = own_ends.last_test_accuracy, ends_there.last_test_accuracy
    unlike = asked["unlike"].get("/".join(arm.key))
    if unlike == []:
        unlike = _unlike_content(*(rows_of(table, arm) for table in (runs, published)))
    seeds = own.index.intersection(there.index)
    equal = (own_ends.loc[seeds] - ends_there.loc[seeds]).round(DECIMALS).eq(0).all(axis="columns")
    if unlike is None or there.empty:
        verdict = NOT_PUBLISHED
    elif unlike:
        verdict = OTHER_SETTINGS
    elif len(there) < FEWEST:
        verdict = TOO_FEW
    else:
        verdict = NO_SPREAD if np.isnan(prediction_interval(there).low) else REPRODUCED
    known = verdict != NOT_PUBLISHED
    return {
        "experiment": arm.experiment,
        "arm": arm.arm,
        "verdict": verdict,
        "n": len(own),
        "mean": own.mean(),
        "published_n": len(there) if known else pd.NA,
        "published_mean": there.mean() if known else np.nan,
        "same_seeds": len(seeds) if known else pd.NA,
        "equal_runs": int(equal.sum()) if known else pd.NA,
        "other_settings": "; ".join(unlike or []),
        "published_accuracies": there,
    }


def _unlike_content(own: pd.DataFrame, there: pd.DataFrame) -> list[str]:
    """What of equal settings differs in content. Nothing is known of runs published before these sums were."""
    return [
        words for key, words in CONTENT.items() if key in there and set(own[key].dropna()) != set(there[key].dropna())
    ]


def _side(mean: float, low: float, high: float) -> str:
    if round(mean - high, DECIMALS) > 0:
        return HIGHER
    return LOWER if round(low - mean, DECIMALS) > 0 else REPRODUCED


def headline(table: pd.DataFrame) -> str:
    """The finding in a line: 4 of 5 arms as published (within ± 0.29 points, in the median); x student is higher.

    In brackets what "as published" means: inside the prediction intervals, of which the median half width is given.
    """
    counts = table.verdict.value_counts()
    parts = [f"{counts[verdict]} {verdict}" for verdict in NOT_COMPARED if verdict in counts]
    compared = int(counts.reindex(COMPARED).sum())
    rest = f"not compared: {', '.join(parts)}" if parts else ""
    if not compared:
        return f"No arm could be compared with the published ones ({', '.join(parts)})."
    off = [
        f"{row.experiment} {row.arm} is {row.verdict}" for row in table.itertuples() if row.verdict in (HIGHER, LOWER)
    ]
    half = ((table.predicted_high - table.predicted_low) / 2).median()
    first = f"{counts.get(REPRODUCED, 0)} of {compared} arms as published"
    first += f" (within ± {show_number(half, 2)} points, in the median)"
    return "; ".join(filter(None, [first, *off, rest])) + "."


def where_run(runs: pd.DataFrame, published: pd.DataFrame) -> list[str]:
    """Machine, device, precision, PyTorch and commit of both studies' runs, a line each where they differ."""
    lines = []
    for key in WHERE:
        here, there = _values(runs, key), _values(published, key)
        if here != there:
            lines.append(f"{key}: {there} published, {here} here")
    return lines


def _values(runs: pd.DataFrame, key: str) -> str:
    values = sorted(runs[key].dropna().astype(str).unique()) if key in runs else []
    return ", ".join(values) or "unknown"


def readable_reproduction(table: pd.DataFrame) -> pd.DataFrame:
    """The table for readers."""
    rows = list(table.itertuples())
    return pd.DataFrame(
        {
            "experiment": table.experiment,
            "arm": table.arm,
            "as published?": table.verdict,
            "n": table.n,
            "test accuracy, %": [_percent(value) for value in table["mean"]],
            "published n": _counts(table.published_n),
            "published, %": [_percent(value) for value in table.published_mean],
            "predicted mean, %": [_range(row.predicted_low, row.predicted_high) for row in rows],
            "equal runs of the same seed": [
                NO_NUMBER if pd.isna(row.same_seeds) else f"{row.equal_runs} of {row.same_seeds}" for row in rows
            ],
            "other settings": [_first_two(text) for text in table.other_settings],
        }
    )


def _first_two(differing: str) -> str:
    parts = differing.split("; ")
    return "; ".join(parts[:2]) + (f"; {len(parts) - 2} more" if len(parts) > 2 else "")


def _counts(values: pd.Series) -> list[str]:
    return [NO_NUMBER if pd.isna(value) else str(value) for value in values]


def _percent(value: float) -> str:
    return NO_NUMBER if pd.isna(value) else show_number(value, 2)


def _range(low: float, high: float) -> str:
    return NO_NUMBER if pd.isna(low) else f"{show_number(low, 2)} to {show_number(high, 2)}"
