"""What a run's place in the results says of it: names are made and read here, and nowhere else.

    runs/<model>/labels[_on-SET]/seed<n>/...                              learned from labels
    runs/<model>/<teacher>_T<temperature>_w<hard weight>[_by-LOSS][_on-SET]/seed<n>/...    learned from a teacher
    runs/<model>/.../logits.safetensors    an arm's answers, all seeds
    teacher_logits/<teacher>/<views>[_on-SET]/seed<n>...    a teacher's logits on a stream of views, or on a drawn part

A name that an earlier version made keeps its meaning. Imported while Snakemake parses the workflow, so nothing heavy is
imported here.
"""

from pathlib import Path

from dark_knowledge.command import sha256

NAME = "[a-z0-9][a-z0-9-]*"
NUMBER = r"[0-9.e+-]+"
BY = "_by-"  # before the name of the loss, where it is not Hinton's
ON = "_on-"  # before the name of the transfer set, where a run has one

# What a run learned from, as a pattern of its wildcards. `by` is empty, or BY and the name of a loss; `on` is empty, or
# ON and the name of a transfer set.
LABELS = "labels{on}"
TEACHER = "{teacher}_T{temperature}_w{hard_weight}{by}{on}"
ALL_LABELS = LABELS.format(on="")

# What a wildcard may be.
WILDCARDS = {
    "model": NAME,
    "teacher": NAME,
    "views": "[a-z0-9.-]+",
    "experiment": NAME,
    "temperature": NUMBER,
    "hard_weight": NUMBER,
    "seed": r"\d+",
    "by": f"({BY}{NAME})?",
    "on": f"({ON}{NAME})?",
}
WILDCARDS["supervision"] = "|".join(
    f"({pattern.format(**{name: f'({form})' for name, form in WILDCARDS.items()})})" for pattern in (LABELS, TEACHER)
)

# The files of a run's folder, by what they hold: weights after the last epoch and of the one that validation selected,
# a row per epoch, a row per logged step, and the run's own record of what it is and what it took.
RUN_FILES = {
    "weights": "weights.safetensors",
    "selected": "selected.safetensors",
    "history": "history.parquet",
    "steps": "steps.parquet",
    "metrics": "metrics.json",
}


def format_number(value: float) -> str:
    """The one way a number is written in a path: 4, not 4.0."""
    return str(int(value)) if value == int(value) else repr(value)


def views_name(views: dict) -> str:
    """A stream of views, of any seed (`views.views_of`), in a path: epochs10-flip-shift1."""
    return "-".join(
        key if value is True else value if isinstance(value, str) else f"{key}{format_number(value)}"
        for key, value in views.items()
        if value and value != "background"
    )


def by(loss: str | None) -> str:
    """The part of a supervision's name that speaks of its loss; None is Hinton's."""
    return "" if loss is None else BY + loss


def on(transfer_set: str | None) -> str:
    """The end of a supervision's name."""
    return "" if transfer_set is None else ON + transfer_set


def loss_of(by: str) -> str | None:
    """The loss that this part of a supervision's name speaks of; None for Hinton's."""
    return by.removeprefix(BY) or None


def transfer_set_of(supervision: str) -> str | None:
    """The transfer set that the name of a supervision, or its end, speaks of; None for all images."""
    return supervision.partition(ON)[2] or None


def loss_in(supervision: str) -> str | None:
    """The loss that the name of a supervision speaks of; None for Hinton's, and for labels."""
    return supervision.partition(ON)[0].partition(BY)[2] or None


def seed_folder(seed: int | str) -> str:
    """A run's folder, from the folder of its arm."""
    return f"seed{seed}"


def run_folder(model: str, supervision: str, seed: int | str) -> str:
    """A run's folder, from the folder of the study's results."""
    return f"runs/{model}/{supervision}/{seed_folder(seed)}"


def run_files(supervision: str, model: str = "{model}") -> dict[str, str]:
    """The outputs of a rule that makes runs of a kind, as patterns."""
    return {name: f"<results>/{run_folder(model, supervision, '{seed}')}/{file}" for name, file in RUN_FILES.items()}


def logits_file(model: str = "{model}", supervision: str = "{supervision}") -> str:
    """An arm's logits of all seeds, from the folder of the study's results."""
    return f"runs/{model}/{supervision}/logits.safetensors"


def teacher_logits_stem(
    teacher: str = "{teacher}", views: str = "{views}", on: str = "{on}", seed: int | str = "{seed}"
) -> str:
    """The files of a teacher's stored logits without their suffixes, from the folder of the study's results."""
    return f"teacher_logits/{teacher}/{views}{on}/{seed_folder(seed)}"


def run_sums(folder: Path) -> dict[str, str]:
    """The SHA-256 of each file of a run's folder but its record, which holds them."""
    return {name: sha256(folder / file) for name, file in RUN_FILES.items() if name != "metrics"}
