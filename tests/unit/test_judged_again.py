"""Verdicts of studies whose runs are gone are those of today's rule."""

from io import StringIO

import pandas as pd
import pytest

from . import judged_again
from .pages import table


@pytest.mark.slow
@pytest.mark.parametrize("study", judged_again.STUDIES)
def test_verdicts_judged_again_are_those_of_todays_rule(study):
    again = StringIO(judged_again.of(study).to_csv(index=False))
    pd.testing.assert_frame_equal(pd.read_csv(again), table(study, "claims_rejudged"))


@pytest.mark.slow
def test_judging_again_finds_what_todays_rule_found():
    own = table("annealing", "claims").query("decides").set_index(["experiment", "claim"])
    again = judged_again.of("annealing").set_index(["experiment", "claim"])
    columns = ["effect", "low", "high", "p", "n"]
    pd.testing.assert_frame_equal(again[columns].drop("2a", level="claim"), own[columns].drop("2a", level="claim"))
