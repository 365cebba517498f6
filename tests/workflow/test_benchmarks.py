"""Benchmarks that run the workflow, in small: what they build on changes beneath them."""

import sys

import pytest

from ..conftest import CHECKOUT

pytestmark = pytest.mark.slow

sys.path.append(str(CHECKOUT / "benchmarks"))


def test_a_study_of_fabricated_runs_is_analysed_by_the_rules(tmp_path):
    import analysis

    assert analysis.analyse_fabricated(tmp_path, seeds=2, temperatures=1, experiments=2) == 12
    costs = list(analysis.cost_rows(tmp_path))
    assert [row["what"] for row in costs] == list(analysis.RULES.values())
    assert all(row["seconds"] > 0 for row in costs)
    assert (tmp_path / analysis.REPORT).stat().st_size > 1e6
