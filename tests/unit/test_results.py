"""The collected results, opened from their folder."""

import pandas as pd
import pytest

from dark_knowledge.analysis import results
from dark_knowledge.analysis.results import Results
from dark_knowledge.study.arms import ALL_SEEDS

from .results import make_results


@pytest.fixture
def folder(tmp_path):
    """A study of two experiments, of which `y` has no students' runs of its own but one at T = 4."""
    study = make_results(2)
    arms = study["arms"]
    other = arms[arms.temperature.isna() | (arms.temperature == 4)].assign(experiment="y")
    tables = study | {"arms": pd.concat([arms, other])}
    last = study["predictions"].assign(epoch="last")
    ends = [last, last.assign(epoch="selected", prediction=0)]
    for name, table in (tables | {"predictions": pd.concat(ends)}).items():
        table.to_parquet(tmp_path / f"{name}.parquet", index=False)
    return tmp_path


def test_a_table_is_read_when_it_is_asked_for_and_once(folder):
    opened = Results(folder=folder)
    assert opened["runs"] is opened["runs"]
    (folder / "steps.parquet").unlink()
    assert len(opened["epochs"]) == (4 * 2 + 1) * 6  # the baseline has a third run
    with pytest.raises(FileNotFoundError, match="steps"):
        opened["steps"]


def test_of_the_predictions_those_after_the_last_epoch(folder):
    predictions = Results(folder=folder)["predictions"]
    assert "epoch" not in predictions
    pd.testing.assert_frame_equal(
        predictions.sort_index(axis=1), make_results(2)["predictions"].sort_index(axis=1), check_dtype=False
    )


def test_of_an_experiment_the_predictions_of_its_arms_alone(folder):
    opened = Results(folder=folder, experiment="y")
    assert set(opened["predictions"].supervision) == {"labels", "big_T4_w0.1"}
    assert len(opened["runs"]) == 4 * 2 + 1
    assert opened.experiments == ["x", "y"]


def test_an_arm_has_its_fields(folder):
    opened = Results(folder=folder)
    assert [arm.chosen for arm in opened.arms("x")] == [False, False, True, False]
    assert [arm.arm for arm in opened.compared("y")] == ["teacher", "baseline", "student, T = 4"]
    teacher, student = opened.arms("y")[0], opened.arms("y")[2]
    assert (teacher.teacher, student.teacher, student.key) == (None, "big", ("small", "big_T4_w0.1"))
    assert len(opened.all_arms()) == 7


def scored(validation: dict[float, list[float]]) -> pd.DataFrame:
    """Runs of the students by temperature, with their validation accuracies by seed; on test they end the other way."""
    return pd.DataFrame(
        [
            {"model": "small", "supervision": f"big_T{temperature:g}_w0.1", "seed": seed}
            | {"last_validation_accuracy": accuracy, "last_test_accuracy": 1 - accuracy}
            for temperature, accuracies in validation.items()
            for seed, accuracy in enumerate(accuracies)
        ]
    )


@pytest.mark.parametrize(
    ("validation", "chosen"),
    [
        ({2: [0.95, 0.93], 4: [0.92, 0.94]}, 2),
        ({2: [0.9, 0.9], 4: [0.92, 0.94]}, 4),
        ({2: [0.9, 0.9], 4: [0.9, 0.9]}, 2),
        ({2: [0.97, 0.9], 4: [0.94, 0.95]}, 4),
        ({2: [0.95, 0.93], 4: [0.92, 0.94, 1.0]}, 2),
        ({2: [0.1, 0.2, 0.3], 4: [0.3, 0.2, 0.1]}, 2),
        ({2: [0.3, 0.2, 0.1], 4: [0.1, 0.2, 0.3]}, 2),
    ],
    ids=[
        "validation against test",
        "the higher",
        "a tie",
        "the higher, not the luckiest seed",
        "a seed that not all have",
        "a tie but for rounding",
        "a tie but for rounding, the other way",
    ],
)
def test_validation_chooses_the_temperature(validation, chosen):
    assert results.chosen_temperature(scored(validation), make_results(1)["arms"], "x") == chosen


def test_an_ensemble_stands_beside_every_seed():
    ensemble, others = pd.Series({ALL_SEEDS: 5.0}), pd.Series({3: 1.0, 4: 2.0})
    assert results.difference(ensemble, others).tolist() == [4, 3]
    assert results.difference(others, ensemble).tolist() == [-4, -3]
    assert results.difference(ensemble, ensemble).tolist() == [0]


def test_an_arm_without_epochs_has_no_curves():
    epochs = pd.DataFrame({"model": ["small"], "supervision": ["labels"], "epoch": [0]})
    assert [arm.arm for arm in results.trained_arms(make_results(1).arms("x"), epochs)] == ["baseline"]


def test_an_arm_of_two_experiments_is_one():
    arm = results.ExperimentArm("x", "baseline", "baseline", "small", "labels")
    again = results.ExperimentArm("y", "teacher", "teacher", "small", "labels")
    assert results.distinct_arms([arm, again]) == [arm]
