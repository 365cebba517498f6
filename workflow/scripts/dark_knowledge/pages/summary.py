"""What the summary tells of each experiment, and where its numbers come from."""

import pandas as pd

from dark_knowledge.analysis.formats import class_label, show_difference, show_interval, show_number
from dark_knowledge.analysis.reproduction import COMPARED, headline, readable_reproduction, where_run
from dark_knowledge.analysis.statistics import Interval
from dark_knowledge.pages.rendering import html_table
from dark_knowledge.study.arms import ALL_SEEDS
from dark_knowledge.study.reference import AS_PUBLISHED


def accuracy_story(experiment: str, accuracy: pd.DataFrame, gap: pd.DataFrame, as_published: Interval | None) -> dict:
    """The accuracies of one experiment's three roles and what distillation gained, as shown in the text.

    `as_published` is the gain at each run's best epoch on test.
    """
    rows = accuracy[accuracy.experiment == experiment]
    gains = gap[gap.experiment == experiment]
    gain = gains[gains.chosen].iloc[0]
    shown = {
        row.role: f"{show_interval(row.last_test_accuracy_mean, row.last_test_accuracy_high)} %"
        + (f" (of {row.n} seeds)" if row.n > gain.n else "")
        for row in rows.itertuples()
        if row.role in ("teacher", "baseline") or row.chosen
    }
    published = gains[gains.arm == AS_PUBLISHED].gain
    return shown | {
        "name": experiment,
        "temperature": f"{rows[rows.chosen].temperature.iloc[0]:g}",
        "temperatures": int((rows.role == "student").sum()),
        "n": gain.n,
        "gain": show_difference(gain.gain, gain.gain_high),
        "teacher_lead": gain.gap,
        "has_interval": not pd.isna(gain.gain_low),
        "gain_low": gain.gain_low,
        "gain_high": gain.gain_high,
        "published_gain": None if published.empty else show_number(published.iloc[0], 2),
        "gain_as_published": as_published and show_difference(as_published.mean, as_published.high),
    }


def payoff_story(payoff: pd.DataFrame, experiment: str) -> dict:
    """The best arm without an experiment's teacher, and the student's gain over it; None where it is the baseline."""
    (row,) = payoff[payoff.experiment == experiment].itertuples()
    rival = None if row.rival == "baseline" else row.rival
    return {"rival": rival, "over_rival": rival and show_difference(row.gain, row.gain_high)}


def error_story(experiment: str, errors: pd.DataFrame, accuracy: pd.DataFrame, hardest: int) -> dict:
    """Each role's test errors on the class `hardest`, as shown in the text."""
    chosen = accuracy[(accuracy.experiment == experiment) & accuracy.chosen].temperature.iloc[0]
    compared = errors.role.isin(["teacher", "baseline"]) | ((errors.role == "student") & (errors.temperature == chosen))
    of_class = errors[(errors.experiment == experiment) & compared & (errors.label == hardest)]
    return {
        "hardest": class_label(of_class["class"].iloc[0], hardest),
        "hardest_images": of_class.images.iloc[0],
    } | {f"hardest_{row.role}": show_interval(row.errors, row.errors_high, 1) for row in of_class.itertuples()}


def transfer_set_story(config: dict, experiment: str) -> str | None:
    """Name and settings of what baseline and student learned from; None for all images."""
    name = config["experiments"][experiment].get("transfer_set")
    settings = config["transfer_sets"][name].items() if name else ()
    return f"{name} ({', '.join(f'{key}: {value}' for key, value in settings)})" if name else None


def reproduction_story(table: pd.DataFrame, runs: pd.DataFrame, published: pd.DataFrame) -> dict:
    """Which arms came out as published, in a line and as a table, and where else the two studies ran."""
    here, there = (rows[rows.seed != ALL_SEEDS] for rows in (runs, published))
    return {
        "headline": headline(table),
        "table": html_table(readable_reproduction(table)),
        "where": where_run(here, there) if table.verdict.isin(COMPARED).any() else [],
    }


def provenance(runs: pd.DataFrame) -> list[str]:
    """Where the numbers come from, a line each."""
    runs = runs[runs.seed != ALL_SEEDS]  # an ensemble was not trained
    return [
        f"{len(runs)} runs; code at commit {', '.join(sorted(runs.commit.fillna('unknown').unique()))}",
        f"PyTorch {', '.join(sorted(runs.torch.unique()))}",
        f"{', '.join(sorted(runs.machine.unique()))}, {', '.join(sorted(runs.precision.unique()))}",
        f"largest memory of a training job: {runs.peak_memory_mb.max():.0f} MB",
    ]
