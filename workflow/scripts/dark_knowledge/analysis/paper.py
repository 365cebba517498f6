"""A paper's numbers beside the study's: tidy tables first, then what a person reads. All errors are on test images."""

from collections.abc import Iterable
from itertools import combinations

import numpy as np
import pandas as pd

from dark_knowledge.analysis.formats import NO_NUMBER, show_difference, show_interval, show_p
from dark_knowledge.analysis.results import ExperimentArm, by_seed, distinct_arms, rows_of
from dark_knowledge.analysis.statistics import ALPHA, mean_interval, prediction_interval, sign_flip_p

RUN = ["model", "supervision", "seed"]


def errors_by_class(predictions: pd.DataFrame) -> pd.DataFrame:
    """A row per epoch (last, selected), run and label: its test images and how many of them are wrong."""
    wrong = predictions.label != predictions.prediction
    grouped = wrong.groupby([predictions[key] for key in ("epoch", *RUN, "label")], observed=True)
    return grouped.agg(images="size", errors="sum").reset_index()


def paper_table(
    numbers: list[dict], errors: pd.DataFrame, corrected: pd.DataFrame, arms: list[ExperimentArm]
) -> pd.DataFrame:
    """A row per number of the paper (an entry of the config's `paper.numbers`), with what the study's runs give.

    `errors` is of `errors_by_class`, `corrected` the collected table. `run_low` to `run_high` is the interval for one
    more run, and `inside` whether the paper's value lies in it: yes, no, or empty where either is missing.
    """
    return pd.DataFrame([_paper_row(entry, measured(entry, errors, corrected, arms)) for entry in numbers])


def measured(entry: dict, errors: pd.DataFrame, corrected: pd.DataFrame, arms: list[ExperimentArm]) -> pd.Series:
    """What an entry of `paper.numbers` asks for, by seed: test errors, in images or percent of the images counted."""
    arm = next(arm for arm in arms if (arm.experiment, arm.arm) == (entry["experiment"], entry["arm"]))
    correction = entry.get("correction", "none")
    if correction == "none":
        rows = rows_of(errors[errors.epoch == entry.get("epoch", "last")], arm)
    else:
        corrected = corrected[(corrected.experiment == arm.experiment) & (corrected.correction == correction)]
        rows = rows_of(corrected, arm)
    if "classes" in entry:
        rows = rows[rows.label.isin(entry["classes"])]
    sums = rows.groupby("seed")[["images", "errors"]].sum()
    return 100 * sums.errors / sums.images if entry.get("unit") == "percent" else sums.errors


def _paper_row(entry: dict, values: pd.Series) -> dict:
    mean, low, high, n = mean_interval(values)
    _, run_low, run_high, _ = prediction_interval(values)
    published = np.nan if entry["value"] is None else entry["value"]
    known = not np.isnan([published, run_low]).any()
    return {
        "what": entry["what"],
        "experiment": entry["experiment"],
        "arm": entry["arm"],
        "epoch": entry.get("epoch", "last"),
        "correction": entry.get("correction", "none"),
        "classes": " ".join(map(str, entry.get("classes", []))),
        "unit": entry.get("unit", "images"),
        "paper": published,
        "n": n,
        "mean": mean,
        "low": low,
        "high": high,
        "sd": values.std(),
        "run_low": run_low,
        "run_high": run_high,
        "inside": ("yes" if run_low <= published <= run_high else "no") if known else "",
        "remark": entry.get("remark", ""),
    }


def bias_table(corrected: pd.DataFrame, corrections: dict) -> pd.DataFrame:
    """A row per experiment, arm, seed and correction: the shift, the test errors, and those on the classes concerned.

    `corrections` is the config's `paper.corrections`: experiment to classes and shift.
    """
    concerned = [
        label in corrections[name]["classes"] for name, label in zip(corrected.experiment, corrected.label, strict=True)
    ]
    counted = corrected.assign(
        class_errors=corrected.errors.where(concerned, 0), class_images=corrected.images.where(concerned, 0)
    )
    keys = ["experiment", "arm", *RUN, "correction", "shift"]
    table = counted.groupby(keys, sort=False)[["images", "errors", "class_images", "class_errors"]].sum().reset_index()
    classes = {name: " ".join(map(str, correction["classes"])) for name, correction in corrections.items()}
    return table.assign(classes=table.experiment.map(classes))


def width_table(hidden: dict[str, list[int]], errors: pd.DataFrame, arms: list[ExperimentArm]) -> pd.DataFrame:
    """Errors of baseline and students, a row per experiment and arm, over the seeds that all its arms have.

    `hidden` has the student's units by experiment.
    """
    rows = []
    for experiment, units in hidden.items():
        own = [arm for arm in arms if arm.experiment == experiment and arm.role in ("baseline", "student")]
        ordered = sorted(own, key=lambda arm: (arm.role, arm.temperature))
        wide = pd.concat([by_seed(_last(errors), arm, "errors") for arm in ordered], axis=1).dropna()
        for number, arm in enumerate(ordered):
            mean, low, high, n = mean_interval(wide.iloc[:, number])
            rows.append(
                {"experiment": experiment, "width": width_name(units), "arm": arm.arm, "temperature": arm.temperature}
                | {"n": n, "errors": mean, "low": low, "high": high}
            )
    return pd.DataFrame(rows)


def _reach(differences: np.ndarray, confidence: float) -> float:
    """How far from zero the interval of a mean reaches; of one seed, which has none, how far the mean lies."""
    mean, low, high, _ = mean_interval(differences, confidence)
    return np.nanmax(np.abs([mean, low, high]))


def width_name(units: list[int]) -> str:
    """Units a hidden layer: one number where all layers are alike."""
    return str(units[0]) if len(set(units)) == 1 else "-".join(map(str, units))


def contrast_table(contrasts: list[dict], errors: pd.DataFrame, arms: list[ExperimentArm]) -> pd.DataFrame:
    """A row per entry of the config's `paper.contrasts`: a difference of test errors between temperatures, by seed.

    With `alike` the difference is that between two of the temperatures whose interval, after Bonferroni over all their
    pairs, reaches furthest from zero: none is shown to be nearer. p is the smallest of all pairs, corrected likewise.
    """
    rows = []
    for entry in contrasts:
        wide = student_errors(errors, arms, entry["experiment"])
        if "alike" in entry:
            pairs = [([one], [other]) for one, other in combinations(entry["alike"], 2)]
        else:
            pairs = [(entry["temperatures"], entry["against"])]
        confidence = 1 - ALPHA / len(pairs)
        differences = [(wide[one].mean(axis=1) - wide[other].mean(axis=1)).to_numpy() for one, other in pairs]
        furthest = np.argmax([_reach(values, confidence) for values in differences])
        (first, second), p = pairs[furthest], min(map(sign_flip_p, differences))
        mean, low, high, n = mean_interval(differences[furthest], confidence)
        rows.append(
            {"claim": entry["claim"], "experiment": entry["experiment"]}
            | {"temperatures": _listed(first), "against": _listed(second), "pairs": len(pairs)}
            | {"n": n, "difference": mean, "low": low, "high": high, "p": min(1, len(pairs) * p)}
        )
    return pd.DataFrame(rows)


def student_errors(errors: pd.DataFrame, arms: list[ExperimentArm], experiment: str) -> pd.DataFrame:
    """An experiment's students' test errors after the last epoch, [seeds that all have, temperatures]."""
    students = [arm for arm in arms if (arm.experiment, arm.role) == (experiment, "student")]
    last = _last(errors)
    return pd.DataFrame({arm.temperature: by_seed(last, arm, "errors") for arm in students}).dropna()


def lined_up(experiments: list[str], errors: pd.DataFrame, arms: list[ExperimentArm]) -> pd.DataFrame:
    """A row per experiment, arm and run with its last test errors; an arm stands only where it comes first."""
    own = pd.DataFrame(distinct_arms(arm for arm in arms if arm.experiment in experiments))
    return own[["experiment", "role", "arm", "model", "supervision"]].merge(_last(errors), on=["model", "supervision"])


def _last(errors: pd.DataFrame) -> pd.DataFrame:
    return errors[errors.epoch == "last"].groupby(RUN, observed=True).errors.sum().reset_index()


def _listed(temperatures: Iterable[float]) -> str:
    return ", ".join(f"{temperature:g}" for temperature in temperatures)


# What a person reads


def readable_paper(table: pd.DataFrame) -> pd.DataFrame:
    """The paper's numbers against ours, for readers."""
    rows = list(table.itertuples())
    digits = [2 if row.unit == "percent" else 1 for row in rows]
    return pd.DataFrame(
        {
            "number": table.what,
            "bias": ["as trained" if row.correction == "none" else f"corrected: {row.correction}" for row in rows],
            "paper": [NO_NUMBER if pd.isna(row.paper) else f"{row.paper:g}{_unit(row)}" for row in rows],
            "ours": [show_interval(row.mean, row.high, d) + _unit(row) for row, d in zip(rows, digits, strict=True)],
            "n": table.n,
            "sd of runs": [
                NO_NUMBER if pd.isna(row.sd) else f"{row.sd:.{d}f}" for row, d in zip(rows, digits, strict=True)
            ],
            "our spread": [_spread(row, d) for row, d in zip(rows, digits, strict=True)],
            "paper inside": [row.inside or NO_NUMBER for row in rows],
            "experiment": table.experiment,
            "arm": [row.arm if row.epoch == "last" else f"{row.arm}, selected epoch" for row in rows],
            "remark": table.remark,
        }
    )


def _unit(row: tuple) -> str:
    return " %" if row.unit == "percent" else ""


def _spread(row: tuple, digits: int) -> str:
    if pd.isna(row.run_low):
        return NO_NUMBER
    # Below zero a number of errors means nothing.
    most = 100 if row.unit == "percent" else np.inf
    return f"{max(row.run_low, 0):.{digits}f} to {min(row.run_high, most):.{digits}f}"


def readable_biases(table: pd.DataFrame) -> pd.DataFrame:
    """The corrected biases for readers: a row per experiment, arm and correction, seeds averaged."""
    rows = []
    for (experiment, arm, correction), own in table.groupby(["experiment", "arm", "correction"], sort=False):
        shift, errors, on_classes = (mean_interval(own[key]) for key in ("shift", "errors", "class_errors"))
        rows.append(
            {
                "experiment": experiment,
                "arm": arm,
                "bias": {"none": "as trained", "oracle": "oracle (has seen the test labels)"}.get(
                    correction, correction
                ),
                "shift": show_difference(shift.mean, np.nan if correction in ("none", "fixed") else shift.high),
                "test errors": show_interval(errors.mean, errors.high, 1),
                "of images": own.images.iloc[0],
                "errors on the classes": show_interval(on_classes.mean, on_classes.high, 1),
                "of their images": own.class_images.iloc[0],
                "classes": own.classes.iloc[0],
                "n": len(own),
            }
        )
    return pd.DataFrame(rows)


def readable_widths(table: pd.DataFrame) -> pd.DataFrame:
    """Errors by width and temperature for readers: a row per width, a column for labels and each temperature."""
    shown = table.assign(
        column=[_column(row.temperature) for row in table.itertuples()],
        shown=[show_interval(row.errors, row.high, 1) for row in table.itertuples()],
    )
    order = [_column(value) for value in sorted(table.temperature.unique(), key=lambda value: (value == value, value))]
    wide = shown.pivot(index="experiment", columns="column", values="shown").loc[table.experiment.unique(), order]
    of = table.groupby("experiment", sort=False)
    start = pd.DataFrame({"units a layer": of.width.first(), "n": of.n.agg(_range)})
    return start.join(wide.fillna(NO_NUMBER)).reset_index().rename_axis(columns=None)


def _column(temperature: float) -> str:
    return "labels" if pd.isna(temperature) else f"T = {temperature:g}"


def _range(counts: pd.Series) -> str:
    return str(counts.min()) if counts.min() == counts.max() else f"{counts.min()} to {counts.max()}"


def readable_contrasts(table: pd.DataFrame) -> pd.DataFrame:
    """The contrasts between temperatures for readers."""
    return pd.DataFrame(
        {
            "the paper": table.claim,
            "experiment": table.experiment,
            "errors at T =": table.temperatures,
            "minus those at T =": [
                row.against if row.pairs == 1 else f"{row.against} (of {row.pairs} pairs the furthest)"
                for row in table.itertuples()
            ],
            "difference": [show_difference(row.difference, row.high, 1) for row in table.itertuples()],
            "p": [show_p(value) for value in table.p],
            "n": table.n,
        }
    )
