"""The collected results, opened from their folder."""

import pandas as pd
import pytest

from dark_knowledge.analysis.results import Results

from .results import make_results


@pytest.fixture
def folder(tmp_path):
    """A study of two experiments, of which `y` has no students' runs of its own but one at T = 4."""
    study = make_results(2)
    arms = study["arms"]
    other = arms[arms.temperature.isna() | (arms.temperature == 4)].assign(experiment="y")
    tables = study | {"arms": pd.concat([arms, other])}
    ends = [study["predictions"].assign(epoch=epoch) for epoch in ("last", "selected")]
    for name, table in (tables | {"predictions": pd.concat(ends)}).items():
        table.to_parquet(tmp_path / f"{name}.parquet", index=False)
    return tmp_path


def test_a_table_is_read_when_it_is_asked_for_and_once(folder):
    results = Results(folder=folder)
    assert results["runs"] is results["runs"]
    (folder / "steps.parquet").unlink()
    assert len(results["epochs"]) == 4 * 2 * 6
    with pytest.raises(FileNotFoundError, match="steps"):
        results["steps"]


def test_of_the_predictions_those_after_the_last_epoch(folder):
    predictions = Results(folder=folder)["predictions"]
    assert "epoch" not in predictions
    pd.testing.assert_frame_equal(
        predictions.sort_index(axis=1), make_results(2)["predictions"].sort_index(axis=1), check_dtype=False
    )


def test_of_an_experiment_the_predictions_of_its_arms_alone(folder):
    results = Results(folder=folder, experiment="y")
    assert set(results["predictions"].supervision) == {"labels", "big_T4_w0.1"}
    assert len(results["runs"]) == 4 * 2
    assert results.experiments == ["x", "y"]


def test_an_arm_has_its_fields(folder):
    results = Results(folder=folder)
    assert [arm.chosen for arm in results.arms("x")] == [False, False, True, False]
    assert [arm.arm for arm in results.compared("y")] == ["teacher", "baseline", "student, T = 4"]
    teacher, student = results.arms("y")[0], results.arms("y")[2]
    assert (teacher.teacher, student.teacher, student.key) == (None, "big", ("small", "big_T4_w0.1"))
    assert len(results.all_arms()) == 7
