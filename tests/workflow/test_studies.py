"""Studies that take a day, run in miniature: every recipe an epoch, every network a toy, one seed."""

import pandas as pd
import pytest
import yaml

from ..conftest import CHECKOUT, TINY

pytestmark = pytest.mark.slow

SMALL = {"resnet": {"stem": [4, 8], "stages": [[8, 1]]}, "plain": {"channels": [4, 8], "pool": [True, True]}}
# The experiments that are run; the others differ from these in numbers, or in what stands in one of these.
RUN = {
    "as-written": ["constant", "annealed-unaugmented"],
    "when": ["3-percent", "100-percent", "3-percent-informed"],
}


def miniature(study: str) -> dict:
    """What makes a study small, as an override."""
    config = yaml.safe_load((CHECKOUT / "workflow/studies" / f"{study}.yaml").read_text())
    tiny = yaml.safe_load((CHECKOUT / TINY).read_text())
    models = {name: settings for name, settings in config["models"].items() if settings}
    return {
        **{key: tiny[key] for key in ("dataset", "datasets", "split", "seeds")},
        "recipes": {name: {"epochs": 1, "batch_size": 10} for name in [*config["recipes"], "teacher", "student"]},
        "models": {name: SMALL[settings["architecture"]] for name, settings in models.items()},
        "experiments": {
            name: {"seeds": tiny["seeds"]} if name in RUN[study] else None
            for name, settings in config["experiments"].items()
        },
    }


@pytest.mark.parametrize("study", RUN)
def test_a_long_study_runs_in_miniature(workflow, study):
    (workflow.folder / "miniature.yaml").write_text(yaml.safe_dump(miniature(study)))
    run = workflow.snakemake("--cores", "2", "--configfile", f"workflow/studies/{study}.yaml", "miniature.yaml")
    assert run.returncode == 0, run.stdout + run.stderr
    results = workflow.folder / "results" / study
    paid = pd.read_csv(results / "tables/payoff.csv").set_index("experiment")
    assert list(paid.index) == RUN[study]
    if study == "when":
        assert paid.images.to_dict() == dict.fromkeys(RUN[study], 15) | {"100-percent": 500}  # 3 % of 500
    rivals = {"baseline", "label smoothing", "self distillation", "whole cost"}
    assert set(paid.rival) <= rivals
    assert "payoff.svg" in (results / "report.html").read_text()
    for experiment in RUN[study]:
        assert (results / "figures" / experiment / "difference_by_epoch.svg").stat().st_size > 0
