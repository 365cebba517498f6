"""The collected tables' own arithmetic."""

import numpy as np
import pytest
from collect_results import fidelity_rows

from dark_knowledge.study import arms_of

MLP = {"architecture": "mlp"}


def study(teacher: str) -> dict:
    return {
        "seeds": [0, 1],
        "models": {"big": MLP, "small": MLP, "several": {"architecture": "ensemble", "members": "big"}},
        "experiments": {"x": {"teacher": teacher, "student": "small", "temperatures": [4], "hard_weight": 0.1}},
    }


@pytest.mark.parametrize(("teacher", "agreement"), [("big", [1, 1]), ("several", [1, 0])])
def test_a_student_is_compared_with_the_teacher_that_taught_it(teacher, agreement):
    # Logits of a run: all images go to the class of its seed; an ensemble is filed under the first.
    logits = {
        arm: {seed: np.full((3, 2), [[5.0, 0.0]]) if seed == 0 else np.full((3, 2), [[0.0, 5.0]]) for seed in seeds}
        for arm, seeds in arms_of(study(teacher)).items()
    }
    rows = fidelity_rows(study(teacher), logits)
    students = rows[rows.supervision == f"{teacher}_T4_w0.1"]
    assert students.agreement.tolist() == agreement
    of_teacher = rows[rows.model == teacher].agreement
    assert of_teacher.tolist() == [0, 0] if teacher == "big" else of_teacher.isna().all()
