"""The tables of every study in the repository, each with its own arms and seeds, over fabricated runs."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from snakemake.utils import update_config

from dark_knowledge.analysis import accuracy, controls, costs, gains, losses, payoff
from dark_knowledge.analysis.collecting import MADE_FROM, arm_rows, members_key, teacher_of
from dark_knowledge.analysis.results import Results
from dark_knowledge.study.arms import ALL_SEEDS, arms_of, design_of, experiments_of, is_trained

ROOT = Path(__file__).parents[2]
STUDIES = [ROOT / "config.yaml", *sorted((ROOT / "workflow" / "studies").glob("*.yaml"))]
TABLES = (accuracy.accuracy_table, controls.control_table, costs.cost_table, gains.gain_table, losses.loss_table)


def fabricated(design: dict) -> Results:
    random = np.random.default_rng(0)
    runs, errors = [], []
    for arm, seeds in arms_of(design).items():
        made_from = (*teacher_of(design, arm), *members_key(design, arm))
        for seed in seeds if is_trained(design, arm.model) else [ALL_SEEDS]:
            keys = {"model": arm.model, "supervision": arm.supervision, "seed": seed}
            row = dict(zip(MADE_FROM, made_from, strict=True))
            row |= {column: random.uniform(0.8, 0.9) for column in accuracy.COLUMNS}
            row |= dict.fromkeys(("seconds", "caching_seconds", "caching_images", "multiply_adds", "parameters"), 1)
            runs.append(keys | row | {"steps": 1, "batch_size": 1, "epochs": 1, "machine": "a machine"})
            errors.append(keys | {"part": "train", "label": 0, "images": 10, "errors": 1})
    return Results({"arms": arm_rows(design), "runs": pd.DataFrame(runs), "class_errors": pd.DataFrame(errors)})


@pytest.mark.parametrize("study", STUDIES, ids=lambda path: path.stem)
def test_a_study_of_unequal_seeds_has_all_its_tables(study):
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    update_config(config, yaml.safe_load(study.read_text()))
    results = fabricated(design_of(config))
    for table in TABLES:
        table(results)
    gaps = accuracy.gap_table(results, accuracy.published_rows({}))
    taught = [arm for arm in results.all_arms() if arm.role in ("student", "control")]
    assert gaps[["experiment", "arm"]].apply(tuple, axis=1).tolist() == [(arm.experiment, arm.arm) for arm in taught]
    seeds = {name: settings.get("seeds", config["seeds"]) for name, settings in experiments_of(config).items()}
    assert (gaps.n >= gaps.experiment.map(seeds).str.len()).all()  # more where all three are another experiment's too
    assert gaps[["gain", "gap"]].notna().all(axis=None)
    assert payoff.payoff_table(results).experiment.tolist() == list(seeds)
