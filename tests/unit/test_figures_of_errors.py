"""Figures of errors, calibration, fidelity and cost: drawn from the fabricated study, and true to its numbers."""

from itertools import combinations

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.container import ErrorbarContainer

from dark_knowledge.analysis.results import Results, compared
from dark_knowledge.figures import accuracy, calibration, errors, images, style
from dark_knowledge.study.arms import NOT_HERE

from .results import CLASSES, make_results

COLOURS = ["#1a1a1a", "#d55e00", "#70ad8d", "#20517a", "#a01a7d"]


def arms_of(study: Results) -> list[style.DrawnArm]:
    """All arms of the study, each with a colour."""
    return [style.DrawnArm(**vars(arm), colour=colour) for arm, colour in zip(study.arms("x"), COLOURS, strict=False)]


def draw_all(study: Results) -> dict:
    arms = arms_of(study)
    shown_arms = compared(arms)
    predictions, class_errors, runs = study["predictions"], study["class_errors"], study["runs"]
    labels = predictions.drop_duplicates("image").label.to_numpy()
    shown = np.zeros((len(labels), 3, 4, 4), np.uint8)
    return {
        "class_differences": errors.class_differences_figure(class_errors, shown_arms, CLASSES, 0.05),
        "hardest_class": errors.hardest_class_figure(predictions, shown_arms, 1, CLASSES),
        "error_similarity": errors.error_similarity(predictions, arms),
        "image_gallery": images.image_gallery(predictions, shown_arms, shown, labels, CLASSES),
        "reliability": calibration.reliability(predictions, shown_arms),
        "fidelity": calibration.fidelity(study["fidelity"], runs, arms),
        "cost": accuracy.cost(runs, arms),
    }


def without_errors(study: Results) -> Results:
    right = {"predictions": study["predictions"].assign(prediction=study["predictions"].label)}
    return Results(study | right | {"class_errors": study["class_errors"].assign(errors=0)})


@pytest.fixture(scope="module")
def study() -> Results:
    return make_results(3, controls=True)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "study",
    [make_results(1), make_results(2, controls=True), make_results(12, controls=True)],
    ids=["one seed", "a control", "many runs"],
)
def test_every_study_can_be_drawn(study, tmp_path):
    for name, figure in draw_all(study).items():
        style.save(figure, tmp_path / f"{name}.svg")
        assert 5_000 < (tmp_path / f"{name}.svg").stat().st_size < 400_000


@pytest.mark.filterwarnings("ignore:Attempting to set identical low and high")  # a tree of no height
def test_runs_without_an_error_can_be_drawn(tmp_path):
    for name, figure in draw_all(without_errors(make_results(2))).items():
        style.save(figure, tmp_path / f"{name}.svg")


def test_the_same_tables_give_the_same_bytes(study, tmp_path):
    for figure, again in zip(draw_all(study).values(), draw_all(study).values(), strict=True):
        style.save(figure, tmp_path / "figure.svg")
        style.save(again, tmp_path / "again.svg")
        assert (tmp_path / "figure.svg").read_text() == (tmp_path / "again.svg").read_text()


def test_controls_are_shown_and_named(study):
    for name, figure in draw_all(study).items():
        shown = [text.get_text() for legend in figure.legends for text in legend.get_texts()]
        assert ("label smoothing" in shown) == (name != "image_gallery")


@pytest.mark.parametrize(
    ("level", "teacher", "student"),
    [
        (0.05, [False, True, True], [False, True, True]),
        (0.008, [False, True, True], [False, False, False]),  # the student's p are below, Holm's above
        (1e-6, [False, False, False], [False, False, False]),
    ],
)
def test_a_difference_is_filled_where_holms_p_is_small_enough(level, teacher, student):
    study = make_results(10)
    arms = compared(arms_of(study))
    (axis,) = errors.class_differences_figure(study["class_errors"], arms, CLASSES, level).axes
    for colour, filled in ((COLOURS[0], teacher), (COLOURS[2], student)):
        points = [line for line in axis.lines if line.get_marker() == "o" and line.get_color() == colour]
        assert [line.get_markerfacecolor() == colour for line in points] == filled


def test_similarity_orders_runs_by_their_clusters(study):
    """Two runs that are wrong on the same images stand side by side."""
    arms = arms_of(study)
    predictions = study["predictions"].copy()
    keys = predictions.set_index(["model", "supervision", "seed"]).index
    predictions.loc[keys == ("big", "labels", 0), "prediction"] = predictions[
        keys == ("small", "big_T4_w0.1", 2)
    ].prediction.to_numpy()
    figure = errors.error_similarity(predictions, arms)
    names = [text.get_text() for axis in figure.axes for text in axis.get_yticklabels() if "seed" in text.get_text()]
    assert len(names) == 16
    assert abs(names.index("teacher, seed 0") - names.index("student, T = 4, seed 2")) == 1


def test_the_gallery_shows_what_happens_in_most_seeds(study):
    figure = draw_all(study)["image_gallery"]
    titles = [part.get_suptitle() for part in figure.subfigs]
    wrong = {
        (model, supervision): rows.assign(wrong=rows.label != rows.prediction).pivot(
            index="seed", columns="image", values="wrong"
        )
        for (model, supervision), rows in study["predictions"].groupby(["model", "supervision"])
    }
    repaired = (wrong["small", "labels"] & ~wrong["small", "big_T2_w0.1"]).sum()
    assert titles[0] == f"Repaired: {(repaired == 3).sum()} images in every seed, {(repaired > 0).sum()} in some"
    texts = [text.get_text() for axis in figure.subfigs[0].axes for text in axis.texts]
    assert len(texts) == 10
    assert texts[0].endswith(f"{repaired.max()} of 3")


def test_reliability_is_what_is_right_less_confidence_in_bins_of_as_many(study):
    arms = arms_of(study)
    images = study["predictions"].image
    sure = study["predictions"].assign(confidence=np.where(images < 30, 0.2, 0.9))  # a third of the images
    deserved, teacher = calibration.reliability(sure, arms[:1]).axes[0].lines
    assert list(deserved.get_ydata()) == [0, 0]
    np.testing.assert_allclose(teacher.get_xdata(), np.repeat([0.8, 0.1], [3, 6]))  # ten images a bin
    of_teacher = sure[sure.model == "big"]
    gaps = 100 * ((of_teacher.label == of_teacher.prediction) - of_teacher.confidence)
    assert teacher.get_ydata()[:3].mean() == pytest.approx(gaps[of_teacher.image < 30].mean())
    assert teacher.get_ydata()[3:].mean() == pytest.approx(gaps[of_teacher.image >= 30].mean())


def test_cost_shows_both_an_arms_own_and_all_that_it_needs(study):
    axis = draw_all(study)["cost"].axes[0]
    points = [line.get_xdata()[0] for line in axis.lines if line.get_marker() == "o" and line.get_color() == COLOURS[2]]
    assert points == [17.25, 43.5]


def test_of_a_teacher_from_elsewhere_no_cost_is_drawn(study):
    runs = study["runs"]
    unknown = ["seconds", "steps", "batch_size"]
    given = runs.assign(machine=runs.machine.where(runs.model != "big", NOT_HERE))
    given[unknown] = given[unknown].where(given.model != "big")
    figure = draw_all(Results(study | {"runs": given}))["cost"]
    points = [
        (line.get_xdata()[0], line.get_markerfacecolor()) for line in figure.axes[0].lines if line.get_marker() == "o"
    ]
    assert (17.25, "white") in points  # the students' own training
    assert COLOURS[2] not in {fill for _, fill in points}
    assert "teacher" not in [text.get_text() for text in figure.legends[0].get_texts()]


def test_axes_of_errors_end_at_the_images_of_a_class_and_near_the_means():
    """Of two seeds, one with 20 of 30 images of class 0 wrong: 10 ± 127 errors."""
    study = make_results(2)
    right = study["predictions"].assign(prediction=study["predictions"].label)
    lost = (right.seed == 1) & (right.label == 0) & (right.image < 60)
    predictions = right.assign(prediction=right.prediction.where(~lost, 1))
    class_errors = study["class_errors"].assign(errors=0)
    student = class_errors.supervision != "labels"
    class_errors.loc[student & (class_errors.seed == 1) & (class_errors.label == 0), "errors"] = 20
    arms = compared(arms_of(study))
    (of_class,) = errors.errors_per_class(predictions, arms, CLASSES).axes
    assert of_class.get_xlim() == (0, 30)
    intervals = [drawn for drawn in of_class.containers if isinstance(drawn, ErrorbarContainer)]
    assert [drawn.lines[2][0].get_segments()[0][1, 0] for drawn in intervals] == [30] * 3
    (differences,) = errors.class_differences_figure(class_errors, arms, CLASSES, 0.05).axes
    assert differences.get_xlim() == pytest.approx((-20, 30))
    assert errors.hardest_class_figure(predictions, arms, 0, CLASSES).axes[1].get_xlim() == pytest.approx((0, 30))


LONG = ["👕", "two\nlines of words", "a name of many words: " + 40 * "x"]


def test_a_long_name_is_cut_and_stands_on_one_line():
    assert style.class_labels([*LONG[1:], "3"]) == ["two lines of words (0)", "a name of many words: x… (1)", "3 (2)"]


@pytest.mark.filterwarnings("ignore:Glyph")  # the reader's machine may have it
def test_long_names_leave_a_figure_its_room_and_do_not_overlap(study, monkeypatch):
    monkeypatch.setitem(globals(), "CLASSES", LONG)
    predictions, arms = study["predictions"], compared(arms_of(study))
    figures = draw_all(study) | {
        "errors_per_class": errors.errors_per_class(predictions, arms, LONG),
        "confusion": errors.confusion(predictions, arms, LONG),
    }
    for name, columns in {"class_differences": 1, "errors_per_class": 1, "confusion": 2, "image_gallery": 10}.items():
        FigureCanvasAgg(figures[name]).draw()
        axes = figures[name].findobj(Axes)
        assert max(axis.get_window_extent().width for axis in axes) > 0.45 / columns * figures[name].bbox.width
    boxes = [text.get_window_extent() for axis in axes for text in axis.texts]
    assert len(boxes) > 20
    assert not [1 for one, other in combinations(boxes, 2) if one.overlaps(other)]
