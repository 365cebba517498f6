import re

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from dark_knowledge.analysis import convergence
from dark_knowledge.analysis.results import Results, compared, rows_of
from dark_knowledge.figures import accuracy, errors, images, learning, style

from .results import make_results

CLASSES = ["T-shirt/top", "Trouser", "Bag"]
MANY = [1 + 0.5 * number for number in range(20)]


def make_tables(seeds: int, epochs: int, temperatures: list[float]) -> Results:
    """A small study of two experiments; class 1 has no error, and the test set was not scored after each epoch."""
    random = np.random.default_rng(0)
    arms = pd.DataFrame(
        [
            {
                "experiment": experiment,
                "role": role,
                "arm": role if role != "student" else f"student, T = {value:g}",
                "model": model,
                "supervision": supervision,
                "temperature": value,
                "teacher": None,
                "teacher_supervision": None,
            }
            for experiment, values in (("full", temperatures), ("single", temperatures[-1:]))
            for role, model, supervision, value in [
                ("teacher", experiment, "labels", np.nan),
                ("baseline", "student", "labels", np.nan),
                *(("student", "student", f"{experiment}_T{value:g}_w0.1", value) for value in values),
            ]
        ]
    )
    tables = {"runs": [], "epochs": [], "steps": [], "predictions": []}
    labels = np.arange(30) % 3
    for arm in arms.drop_duplicates(["model", "supervision"]).itertuples():
        for seed in range(seeds):
            keys = {"model": arm.model, "supervision": arm.supervision, "seed": seed}
            soft = np.nan if arm.supervision == "labels" else 2.0
            accuracy = random.uniform(0.9, 0.95)
            wrong = (random.random(30) < 0.3) & (labels != 1)
            tables["runs"].append(
                pd.DataFrame([keys | {"last_validation_accuracy": accuracy, "last_test_accuracy": accuracy}])
            )
            losses = {"loss": 1.0, "hard_loss": 1.2, "soft_loss": soft, "train_accuracy": accuracy}
            scores = {"validation_loss": 0.9, "validation_accuracy": accuracy, "test_accuracy": np.nan}
            scores |= {"learning_rate": 0.1}
            tables["epochs"].append(pd.DataFrame({"epoch": range(epochs)}).assign(**keys, **losses, **scores))
            tables["steps"].append(pd.DataFrame({"step": range(0, 100 * epochs, 20)}).assign(**keys, **losses))
            tables["predictions"].append(
                pd.DataFrame(
                    {"image": range(len(labels)), "label": labels, "prediction": np.where(wrong, 0, labels)}
                ).assign(**keys)
            )
    return Results({"arms": arms} | {name: pd.concat(parts, ignore_index=True) for name, parts in tables.items()})


def arms_of(tables: Results, experiment: str = "full") -> list[style.DrawnArm]:
    return [arm for arm in style.drawn_arms(tables.all_arms()) if arm.experiment == experiment]


def draw_all(tables: Results) -> dict:
    arms = arms_of(tables)
    three = compared(arms)
    epochs, steps, predictions = tables["epochs"], tables["steps"], tables["predictions"]
    return {
        "loss_by_step": learning.loss_by_step(steps, arms),
        "accuracy_by_step": learning.accuracy_by_step(steps, arms),
        "loss_by_epoch": learning.loss_by_epoch(epochs, arms),
        "accuracy_by_epoch": learning.accuracy_by_epoch(epochs, arms),
        "student_losses": learning.student_losses(epochs, arms),
        "validation_accuracy": learning.validation_accuracy(epochs, arms),
        "difference_by_epoch": learning.difference_by_epoch(epochs, arms),
        "temperature": accuracy.temperature(tables["runs"], arms),
        "errors_per_class": errors.errors_per_class(predictions, three, CLASSES),
        "confusion": errors.confusion(predictions, three, CLASSES),
    }


def svg(figure, path) -> str:
    style.save(figure, path)
    return path.read_text()


@pytest.fixture(scope="module")
def tables():
    return make_tables(3, 4, [1, 2, 4, 8])


@pytest.fixture(scope="module")
def figures(tables):
    return draw_all(tables)


def test_a_short_training_is_seen_beside_a_long_one():
    tables = make_tables(2, 5, [4.0])
    arms = arms_of(tables)
    axis, _ = learning.validation_accuracy(tables["epochs"], arms).axes
    assert axis.get_xscale() == "linear"
    longer = [tables["epochs"].assign(epoch=tables["epochs"].epoch + 5 * part) for part in range(6)]
    epochs = tables["epochs"][tables["epochs"].model == "student"]
    teachers = pd.concat(longer)
    teachers = teachers[teachers.model != "student"]
    axis, _ = learning.validation_accuracy(pd.concat([epochs, teachers]), arms).axes
    assert axis.get_xscale() == "log"
    assert axis.get_xlabel() == "Epoch (log scale)"


def test_the_second_half_is_that_of_the_longest_training_and_of_what_ends_before_it_its_own():
    tables = make_tables(2, 10, [4.0])
    teacher = tables["epochs"].model == "full"
    for epochs, start in ((8, 5), (5, 5), (4, 2)):
        shorter = tables["epochs"][~teacher | (tables["epochs"].epoch < epochs)]
        axis = learning.validation_accuracy(shorter, arms_of(tables)).axes[1]
        starts = {to_hex(line.get_color()): line.get_xdata()[0] for line in axis.lines}
        assert starts.pop(style.TEACHER) == start
        assert set(starts.values()) == {5}


def test_limits_are_possible_near_the_values_and_never_one_number():
    assert style.useful_limits((-250, 130), [-10, 0, np.nan], style.POINTS) == (-30, 20)
    assert style.useful_limits((-250, 130), [-70, 60], style.POINTS) == (-100, 100)
    assert style.useful_limits((-0.3, 0.6), [0, 0.2], style.POINTS) == (-0.3, 0.6)
    assert style.useful_limits((92, 101), [95, 99], style.PERCENT) == (92, 100)
    assert style.useful_limits((20, 130), [np.nan], style.PERCENT) == (20, 100)
    for value, possible in ((0, style.POINTS), (0, style.FROM_ZERO), (100, style.PERCENT)):
        low, high = style.useful_limits((value - 1e-17, value + 1e-17), [value], possible)
        assert possible[0] <= low <= value <= high <= possible[1]
        assert high - low == pytest.approx(style.LEAST_SPAN * (1 + (possible == style.POINTS)))


def test_equal_accuracies_are_drawn_on_a_scale_of_percent():
    tables = make_results(3)
    runs, epochs = (tables[name].copy() for name in ("runs", "epochs"))
    runs[["last_validation_accuracy", "last_test_accuracy"]] = 0.7
    epochs[["train_accuracy", "validation_accuracy"]] = 0.7
    arms = arms_of(tables, "x")
    drawn = [
        *accuracy.temperature(runs, arms).axes,
        *accuracy.cost(runs, arms).axes,
        *learning.validation_accuracy(epochs, arms).axes,
        learning.difference_by_epoch(epochs, arms).axes[0],
    ]
    assert min(np.ptp(axis.get_ylim()) for axis in drawn) >= style.LEAST_SPAN


def test_intervals_of_two_seeds_do_not_set_the_scale():
    """A seed that is 6 points better than the other has a mean that is 3 ± 38 points better."""
    tables = make_results(2)
    runs, epochs = (tables[name].copy() for name in ("runs", "epochs"))
    runs["last_validation_accuracy"] = runs["last_test_accuracy"] = 0.9
    epochs["train_accuracy"] = epochs["validation_accuracy"] = 0.9
    for table in (runs, epochs):
        scores = table.filter(regex="^(last_)?(validation|test)_accuracy").columns
        table.loc[(table.seed == 1) & (table.supervision != "labels"), scores] += 0.06
    arms = arms_of(tables, "x")
    temperature, difference = (
        accuracy.temperature(runs, arms).axes[0].get_ylim(),
        learning.difference_by_epoch(epochs, arms).axes[0].get_ylim(),
    )
    assert temperature == pytest.approx((-12, 18))
    assert difference == pytest.approx((-6, 9))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("seeds", "epochs", "temperatures"), [(1, 1, [4]), (1, 20, MANY)])
def test_every_study_can_be_drawn(seeds, epochs, temperatures, tmp_path):
    for name, figure in draw_all(make_tables(seeds, epochs, temperatures)).items():
        style.save(figure, tmp_path / f"{name}.svg")
        assert (tmp_path / f"{name}.svg").stat().st_size < 400_000


def test_the_same_tables_give_the_same_bytes_and_text_stays_text(tables, figures, tmp_path):
    for figure, again in zip(figures.values(), draw_all(tables).values(), strict=True):
        drawn = svg(figure, tmp_path / "figure.svg")
        assert drawn == svg(again, tmp_path / "again.svg")
        assert re.search("<text.*>[Ss]tudent, ", drawn)


def test_an_arm_has_one_colour_in_all_figures(tables, figures):
    arms = arms_of(tables)
    colours = {arm.arm: arm.colour for arm in arms}
    assert len(set(colours.values())) == len(colours)
    for figure in figures.values():
        for legend in figure.legends:
            keys = zip(legend.get_texts(), legend.legend_handles, strict=True)
            shown = {text.get_text(): to_hex(key.get_color()) for text, key in keys if text.get_text() in colours}
            assert shown
            assert shown.items() <= colours.items()
        lines = [line for axis in figure.axes for line in axis.lines if len(line.get_xdata())]
        caps_of_grey_intervals = "|"
        drawn = {to_hex(line.get_color()) for line in lines if line.get_marker() != caps_of_grey_intervals}
        assert drawn <= {*colours.values(), learning.RATE}


def test_a_temperature_has_one_colour_in_all_experiments(tables):
    full, single = ({arm.arm: arm.colour for arm in arms_of(tables, name)} for name in ("full", "single"))
    assert single.items() <= full.items()


def test_a_control_is_told_from_a_student_without_colour(tables):
    _, baseline, student = arms_of(tables, "single")
    control = style.DrawnArm(**(vars(baseline) | {"role": "control", "arm": "longer", "colour": student.colour}))
    arms = [student, control]
    figure = learning.validation_accuracy(tables["epochs"], arms)
    solid, broken = (line.is_dashed() for line in figure.axes[0].lines)
    assert (solid, broken) == (False, True)
    assert [key.is_dashed() for key in style.arm_keys(arms)] == [False, True]
    assert student.point != control.point


def test_a_single_logged_step_is_seen(tables):
    first = tables["steps"].query("step == 0")
    figure = learning.loss_by_step(first, arms_of(tables))
    assert all(line.get_marker() == "." for axis in figure.axes for line in axis.lines)


def test_lines_end_at_the_mean_of_the_seeds(tables):
    arms = arms_of(tables)
    axis = learning.accuracy_by_epoch(tables["epochs"], arms).axes[1]
    teacher = next(line for line in axis.lines if line.get_color() == style.TEACHER)
    values = tables["epochs"].query("model == 'full' and epoch == 3").validation_accuracy
    assert teacher.get_xdata()[-1] == 4
    assert teacher.get_ydata()[-1] == pytest.approx(100 * values.mean())


def test_the_difference_by_epoch_is_paired_and_stands_above_the_learning_rate():
    results = make_results(3)
    epochs = results["epochs"].assign(learning_rate=0.1 / (1 + results["epochs"].epoch))
    arms = arms_of(results, "x")
    above, below = learning.difference_by_epoch(epochs, arms).axes
    student = next(arm for arm in arms if arm.role == "student")
    by_seed = epochs.pivot(index=["supervision", "model", "seed"], columns="epoch", values="validation_accuracy")
    paired = 100 * (by_seed.loc[student.supervision, "small"] - by_seed.loc["labels", "small"]).dropna()
    assert len(paired) == 3  # the baseline has one seed more
    line, band = next(line for line in above.lines if line.get_color() == student.colour), above.collections[0]
    np.testing.assert_allclose(line.get_ydata(), paired.mean())
    half = 4.302653 * paired.std() / np.sqrt(3)  # Student's t of 2 degrees of freedom
    assert band.get_datalim(above.transData).ymax == pytest.approx((paired.mean() + half).max(), rel=1e-5)
    np.testing.assert_allclose(below.lines[0].get_ydata(), 0.1 / np.arange(1, 7))


def test_bars_are_mean_errors_per_class(tables):
    arms = compared(arms_of(tables))
    (axis,) = errors.errors_per_class(tables["predictions"], arms, CLASSES).axes
    rows = tables["predictions"].query("model == 'student' and supervision == 'labels'")
    expected = [(rows.prediction.ne(rows.label) & (rows.label == label)).sum() / 3 for label in range(3)]
    baseline = next(bars for bars in axis.containers if bars.get_label() == "baseline")
    assert [bar.get_width() for bar in baseline] == pytest.approx(expected)


def test_each_panel_shows_the_loss_of_its_title(figures):
    for axis, (title, loss) in zip(figures["student_losses"].axes, {"Hard": 1.2, "Soft": 2.0}.items(), strict=True):
        assert axis.get_title().startswith(title)
        assert {value for line in axis.lines for value in line.get_ydata()} == {loss}


@pytest.mark.parametrize(("panel", "part"), [(0, "validation"), (1, "test")])
def test_gains_by_temperature_are_paired(panel, part):
    results = make_results(3)
    runs, arms = results["runs"], arms_of(results, "x")
    of_seed = 100 * runs.pivot(index="seed", columns=["model", "supervision"], values=f"last_{part}_accuracy")
    axis = accuracy.temperature(runs, arms).axes[panel]
    assert axis.get_title() == part.capitalize()
    for arm in arms:
        paired = (of_seed[arm.key] - of_seed["small", "labels"]).dropna()  # the baseline has one seed more
        ends = [line.get_ydata()[-1] for line in axis.lines if to_hex(line.get_color()) == arm.colour]
        assert pytest.approx(paired.mean()) in ends


@pytest.mark.parametrize(("seeds", "pictures"), [(20, 0), (21, 2)])
def test_a_crowd_of_seeds_is_one_picture_a_panel(tmp_path, seeds, pictures):
    tables = make_results(seeds)
    figure = accuracy.temperature(tables["runs"], arms_of(tables, "x"))
    style.save(figure, tmp_path / "temperature.svg")
    assert (tmp_path / "temperature.svg").read_text().count("<image") == pictures


def test_confusion_shares_are_percentages_of_rows():
    shares = errors.confusion_shares(np.array([0, 0, 0, 0, 1]), np.array([0, 0, 0, 1, 1]), 3)
    np.testing.assert_array_equal(shares, [[75, 25, 0], [0, 100, 0], [np.nan] * 3])


def test_the_last_confusion_is_the_students_less_the_baselines_of_the_same_seeds(tables):
    arms, predictions = compared(arms_of(tables)), tables["predictions"]
    shares = {}
    for role in ("baseline", "student"):
        own = rows_of(predictions, next(arm for arm in arms if arm.role == role))
        shares[role] = errors.confusion_shares(own.label, own.prediction, len(CLASSES))
    more = [
        rows_of(predictions, next(arm for arm in arms if arm.role == role)).assign(seed=seed, prediction=0)
        for role, seed in (("baseline", 99), ("student", 98))
    ]
    drawn = errors.confusion(pd.concat([predictions, *more]), arms, CLASSES).axes[3].collections[0].get_array()
    np.testing.assert_allclose(drawn, shares["student"] - shares["baseline"])
    assert np.abs(drawn).max() > 1


def test_confusion_of_many_classes_stays_small(tables, tmp_path):
    labels = np.arange(len(tables["predictions"])) % 62
    predictions = tables["predictions"].assign(label=labels, prediction=labels[::-1])
    arms = compared(arms_of(tables))
    figure = errors.confusion(predictions, arms, [f"class {label}" for label in range(62)])
    assert len(svg(figure, tmp_path / "confusion.svg")) < 400_000


def test_bins_pool_neighbouring_steps():
    few = pd.Series([0, 20, 40, 0, 20, 40])
    pd.testing.assert_series_equal(convergence.bin_centres(few, 3), few.astype(float))
    many = pd.Series(np.tile(np.arange(0, 200, 20), 2))
    assert convergence.bin_centres(many, 5).tolist() == [10, 10, 50, 50, 90, 90, 130, 130, 170, 170] * 2
    assert convergence.bin_centres(pd.Series(range(1000)), 60).nunique() == 60


def test_labelled_temperatures_stand_apart():
    assert style.spaced_out(pd.Series([4.0]), 10) == [4]
    assert style.spaced_out(pd.Series([1.0, 1.5, 2, 3, 4, 6, 10, 20]), 8) == [1, 1.5, 2, 3, 4, 6, 10, 20]
    assert style.spaced_out(pd.Series([1.0, 2.0, 2.1, 4.0]), 10) == [1, 2, 4]
    # As near, with short labels and with long ones.
    assert style.spaced_out(pd.Series([5.0, 6, 7, 8]), 11) == [5, 6, 7, 8]
    assert style.spaced_out(pd.Series([1.25, 1.5, 1.75, 2]), 11) == [1.25, 1.75]


def test_samples_name_every_class_even_one_without_images(tmp_path):
    grey = np.full((20, 1, 28, 28), 200, np.uint8)
    drawn = svg(images.samples(grey, np.zeros(20, int), CLASSES), tmp_path / "samples.svg")
    for label in ("T-shirt/top (0)", "Trouser (1)", "Bag (2)"):
        assert label in drawn


def test_numbered_classes_are_not_numbered_twice(tmp_path):
    drawn = svg(images.samples(np.zeros((2, 1, 8, 8), np.uint8), np.arange(2), ["0", "1"]), tmp_path / "samples.svg")
    assert ">0<" in drawn
    assert "(0)" not in drawn


def test_of_many_temperatures_the_chosen_one_and_ten_others_are_legible():
    temperatures = [*range(1, 21)]
    arms = [style.DrawnArm("x", role, role, "net", "labels", colour="") for role in ("teacher", "baseline")]
    arms += [
        style.DrawnArm("x", "student", "", "net", "", temperature=value, chosen=value == 4, colour="")
        for value in temperatures
    ]
    kept = style.legible_arms(arms)
    assert kept[:2] == arms[:2]
    drawn = [arm.temperature for arm in kept[2:]]
    assert 4 in drawn
    assert drawn[0] == 1
    assert drawn[-1] == 20
    assert len(set(drawn)) == len(drawn) <= 11
    assert style.legible_arms(arms[:12]) == arms[:12]
