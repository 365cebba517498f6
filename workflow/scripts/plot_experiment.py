"""Draw the figures of one experiment."""

import argparse
import json
from pathlib import Path

from safetensors import safe_open

from dark_knowledge import command
from dark_knowledge.analysis.class_errors import hardest_class
from dark_knowledge.analysis.results import Results, arm_of, compared, trained_arms
from dark_knowledge.command import written_whole
from dark_knowledge.figures import accuracy, calibration, errors, images, learning, losses, style


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--collected", type=Path, required=True, help="folder of the collected tables")
    parser.add_argument("--data", required=True, help="prepared data set")
    parser.add_argument("--experiment", required=True)
    parser.add_argument("--classes", type=json.loads, required=True, help="class names in the order of labels, as JSON")
    parser.add_argument("--published", type=json.loads, required=True, help="the experiment's figures, as JSON")
    parser.add_argument("--level", type=float, required=True, help="of significance")
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    results = Results(folder=arguments.collected, experiment=arguments.experiment)
    arms = [arm for arm in style.drawn_arms(results.all_arms()) if arm.experiment == arguments.experiment]
    with_controls = compared(arms)
    three = [arm_of(with_controls, role) for role in ("teacher", "baseline", "student")]
    legible = style.legible_arms(arms)
    runs, epochs, steps = results["runs"], results["epochs"], results["steps"]
    trained = trained_arms(legible, epochs)
    predictions, class_errors = results["predictions"], results["class_errors"]
    hardest = hardest_class(class_errors, arm_of(arms, "baseline"), arguments.published)
    with safe_open(arguments.data, framework="np") as data:  # without the training images, which may be large
        images_shown, labels = data.get_tensor("test_images"), data.get_tensor("test_labels")
    classes = arguments.classes
    figures = {
        "loss_by_step": learning.loss_by_step(steps, trained),
        "accuracy_by_step": learning.accuracy_by_step(steps, trained),
        "loss_by_epoch": learning.loss_by_epoch(epochs, trained),
        "accuracy_by_epoch": learning.accuracy_by_epoch(epochs, trained),
        "student_losses": learning.student_losses(epochs, trained),
        "validation_accuracy": learning.validation_accuracy(epochs, trained),
        "difference_by_epoch": learning.difference_by_epoch(epochs, trained),
        "temperature": accuracy.temperature(runs, arms),
        "errors_per_class": errors.errors_per_class(predictions, three, classes),
        "confusion": errors.confusion(predictions, three, classes),
        "class_differences": errors.class_differences_figure(class_errors, with_controls, classes, arguments.level),
        "hardest_class": errors.hardest_class_figure(predictions, with_controls, hardest, classes),
        "error_similarity": errors.error_similarity(predictions, legible),
        "image_gallery": images.image_gallery(predictions, three, images_shown, labels, classes),
        "reliability": calibration.reliability(predictions, with_controls),
        "fidelity": calibration.fidelity(results["fidelity"], runs, arms),
        "losses": losses.losses(runs, arms),
        "cost": accuracy.cost(runs, arms),
    }
    for name, figure in figures.items():
        with written_whole(arguments.out / f"{name}.svg") as temporary:
            style.save(figure, temporary)
        print(name)


if __name__ == "__main__":
    command.run(main)
