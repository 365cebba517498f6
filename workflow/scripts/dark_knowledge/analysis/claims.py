"""The note's claims, judged: effects and verdicts by a rule that the config states, and how they are shown."""

from bisect import bisect_left
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from dark_knowledge.analysis.claim_accuracy import generalisation, nearness
from dark_knowledge.analysis.claim_errors import evenness, hardest, similar_errors
from dark_knowledge.analysis.claim_learning import accuracy_stability, convergence, fit, loss_stability
from dark_knowledge.analysis.claim_quantities import Evidence, Quantity
from dark_knowledge.analysis.formats import NO_NUMBER, show_number, show_p
from dark_knowledge.analysis.image_noise import Tested, seeds_and_images, share_beyond
from dark_knowledge.analysis.results import Results, arm_of
from dark_knowledge.analysis.statistics import holm, least_sign_flip_p, mean_interval, seeds_needed, sign_flip_p

# Every question asked of an experiment, in the claims' order.
PARTS = (
    convergence,
    loss_stability,
    accuracy_stability,
    fit,
    generalisation,
    nearness,
    similar_errors,
    hardest,
    evenness,
)


SUPPORTED, CONTRADICTED, UNDECIDED = "supported", "contradicted", "undecided"

# Of the seeds that a verdict takes: how likely it then is, and up to how many are named.
POWER, MOST_SEEDS = 0.8, 1000


def claims_table(results: Results, classes: list[str], published: dict, settings: dict) -> pd.DataFrame:
    """A row per experiment and quantity, with effect, interval and p; verdicts stand in the rows that decide.

    `published` are the figures by experiment, `settings` the config's `claims`.
    """
    judged = []
    for experiment in results.experiments:
        compared = results.compared(experiment)
        evidence = Evidence(
            *(arm_of(compared, role) for role in ("teacher", "baseline", "student")),
            **{name: results[name] for name in ("runs", "epochs", "steps", "predictions", "class_errors")},
            classes=classes,
            published=published[experiment],
            settings=settings,
        )
        keys = pd.DataFrame({"experiment": [experiment], "student_arm": evidence.student.arm})
        judged.append(
            keys.merge(judge([quantity for part in PARTS for quantity in part(evidence)], settings), how="cross")
        )
    return pd.concat(judged, ignore_index=True)


def judge(measured: list[Quantity], settings: dict) -> pd.DataFrame:
    """A row per quantity: effect, 95 % interval, p, and for those that decide Holm's p, verdict and seeds needed.

    Supported (contradicted): at least `fewest_seeds` pairs, Holm's p at most `level`, and the effect on the claimed
    (other) side of its reference. Undecided: anything else.
    """
    table = pd.DataFrame([_row(quantity) for quantity in measured])
    decides = table.decides
    table["p_holm"] = np.nan
    table.loc[decides, "p_holm"] = holm(table.p[decides])
    strictest = settings["level"] / max(table.p[decides].notna().sum(), 1)
    table["verdict"], table["seeds_needed"] = "", np.nan
    for row, quantity in zip(table.itertuples(), measured, strict=True):
        if quantity.decides:
            verdict = _verdict(row, settings)
            table.loc[row.Index, "verdict"] = verdict
            if verdict == UNDECIDED:
                table.loc[row.Index, "seeds_needed"] = seeds_for_verdict(quantity, settings["fewest_seeds"], strictest)
    return table


def _row(quantity: Quantity) -> dict:
    measured = _tested(quantity)
    interval = quantity.interval or measured.interval
    return {
        "claim": quantity.claim,
        "quantity": quantity.name,
        "unit": quantity.unit,
        "decides": quantity.decides,
        "claimed": {1: "above", -1: "below", 0: ""}[quantity.sign],
        "reference": quantity.reference,
        "baseline": quantity.baseline,
        "student": quantity.student,
        "effect": interval.mean,
        "low": interval.low,
        "high": interval.high,
        "p": measured.p if quantity.p is None else quantity.p,
        "n": interval.n,
        "published": quantity.published,
        "is_difference": quantity.is_difference,
        "digits": quantity.digits,
        "remark": quantity.remark,
    }


def _tested(quantity: Quantity) -> Tested:
    if quantity.image_noise is not None:
        return seeds_and_images(quantity.values, quantity.image_noise, quantity.reference)
    return Tested(mean_interval(quantity.values), sign_flip_p(quantity.values - quantity.reference))


def _verdict(row: NamedTuple, settings: dict) -> str:
    if not (row.n >= settings["fewest_seeds"] and row.p_holm <= settings["level"]):
        return UNDECIDED
    return SUPPORTED if (row.effect > row.reference) == (row.claimed == "above") else CONTRADICTED


def seeds_for_verdict(quantity: Quantity, fewest: int, level: float) -> float:
    """Pairs that a verdict at `level` takes if effect and spread are the true ones; inf for more than 1000.

    Not fewer than `fewest`, nor than the sign-flip test needs to reach `level` at all; inf where the noise of the test
    images forbids a verdict. NaN where one seed has no spread, nothing was measured by seed, or no difference, and
    where something else than these values is in the way.
    """
    values, noise = quantity.values - quantity.reference, quantity.image_noise
    if len(values) < 2 or (quantity.p is not None and not quantity.p <= _tested(quantity).p):
        return np.nan
    least = max(fewest, np.ceil(np.log2(2 / level))) if least_sign_flip_p(MOST_SEEDS) <= level else np.inf
    needed = np.maximum(least, seeds_needed(values, level, POWER, MOST_SEEDS))
    if noise is None or not needed <= MOST_SEEDS:
        return needed
    spread, unlucky = max(values.std(ddof=1), abs(values.mean()) / 100), stats.norm.ppf(POWER)

    def decides(n: int) -> bool:
        error = spread / np.sqrt(n)
        return share_beyond(abs(values.mean()) - unlucky * error, noise, error, n) <= level

    n = int(needed) + bisect_left(range(int(needed), MOST_SEEDS + 1), True, key=decides)
    return float(n) if n <= MOST_SEEDS else np.inf


# How it is shown


def shown_rows(table: pd.DataFrame) -> pd.DataFrame:
    """The claims table with all its numbers as text, for the page and the table of all quantities."""
    rows = list(table.itertuples())
    return table.assign(
        baseline=[_number(row.baseline, row) for row in rows],
        student=[_number(row.student, row) for row in rows],
        effect_text=[_effect(row) for row in rows],
        interval_text=[_interval(row) for row in rows],
        published=[_number(row.published, row, row.is_difference) for row in rows],
        p_text=table.p.map(show_p),
        p_holm_text=table.p_holm.map(show_p),
        verdict=[_verdict_text(row) for row in rows],
        seeds_needed=table.seeds_needed.map(_seeds),
    )


def _verdict_text(row: NamedTuple) -> str:
    if not row.verdict:
        return ""
    if pd.isna(row.effect):
        return f"not measured: {row.remark}"
    return f"{row.verdict} at {row.n} seed{'s'[: row.n > 1]}"


def _number(value: float, row: NamedTuple, signed: bool = False) -> str:
    return NO_NUMBER if pd.isna(value) else show_number(value, row.digits, signed=signed)


def _effect(row: NamedTuple) -> str:
    text = _number(row.effect, row, row.is_difference)
    return text if text == NO_NUMBER else f"{text} {row.unit}".rstrip()


def _interval(row: NamedTuple) -> str:
    """(+0.01 to +0.61), empty where there is none."""
    if pd.isna(row.low):
        return ""
    return f"({_number(row.low, row, row.is_difference)} to {_number(row.high, row, row.is_difference)})"


def _seeds(needed: float) -> str:
    if pd.isna(needed):
        return NO_NUMBER
    return "over 1000" if np.isinf(needed) else f"about {needed:.0f}"


def readable_claims(table: pd.DataFrame) -> pd.DataFrame:
    """The table of all quantities for readers."""
    shown = shown_rows(table)
    return pd.DataFrame(
        {
            "claim and quantity": shown.claim + " " + shown.quantity,
            "experiment": shown.experiment,
            "effect": shown.effect_text,
            "95 % interval": shown.interval_text,
            "p": shown.p_text,
            "p (Holm)": shown.p_holm_text,
            "n": shown.n,
            "elsewhere": shown.published,
            "verdict": shown.verdict,
            "baseline": shown.baseline,
            "student": shown.student,
        }
    )
