"""All runs of a study, one row each."""

import pandas as pd

from dark_knowledge.analysis.formats import show_count, show_whole
from dark_knowledge.study.arms import ALL_SEEDS, NOT_HERE

RUN_COLUMNS = [
    "model", "supervision", "seed", "parameters", "epochs", "selected_epoch", "last_validation_accuracy",
    "last_test_accuracy", "selected_test_accuracy", "best_on_test_accuracy", "seconds", "images_per_second",
    "peak_memory_mb", "machine", "device", "precision", "threads", "torch", "commit", "data", "given",
]  # fmt: skip


def run_table(runs: pd.DataFrame) -> pd.DataFrame:
    """A row per run: what it was, how it ended and what it cost; the seed of what stands for all seeds is -1."""
    return runs[RUN_COLUMNS].astype(dict.fromkeys(("parameters", "epochs", "selected_epoch"), "Int64"))


def readable_runs(table: pd.DataFrame) -> pd.DataFrame:
    """The run index for readers."""
    return pd.DataFrame(
        {
            "model": table.model,
            "supervision": table.supervision,
            "seed": table.seed.replace({ALL_SEEDS: "all"}),
            "parameters": [show_count(value) for value in table.parameters],
            "epochs": show_whole(table.epochs),
            "selected epoch": show_whole(table.selected_epoch + 1),
            "validation, %": [f"{100 * value:.2f}" for value in table.last_validation_accuracy],
            "test, %": [f"{100 * value:.2f}" for value in table.last_test_accuracy],
            "training, s": [NOT_HERE if pd.isna(value) else f"{value:.0f}" for value in table.seconds],
            "images/s": show_whole(table.images_per_second),
            "peak memory, MB": show_whole(table.peak_memory_mb),
            "machine": [
                ", ".join(filter(None, words)) for words in zip(table.machine, table.precision.fillna(""), strict=True)
            ],
        }
    )
