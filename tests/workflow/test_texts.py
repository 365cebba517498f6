"""Text of the configuration is text in every rule, and no command line grows with the study."""

import json
import re

import pytest
import yaml

MOST_BYTES = 25_000  # of 100 experiments; Linux takes 131,072 in one argument, and a command is one of `bash -c`
ODD = ["👕", "{a}", "<script>alert(1)</script>", " lead", "two\nlines", "a_b^c$%&#~\\", "'\"`", "日本", "yes", "2024"]


def test_names_and_folders_of_any_text_are_planned(workflow):
    dataset = {"folder": "data/{d} #2", "classes": ODD}
    (workflow.folder / "odd.json").write_text(json.dumps({"datasets": {"subset": dataset}}))
    planned = workflow.snakemake(
        "--dry-run", "--printshellcmds", "--configfile", "tests/data/tiny.yaml", "odd.json", "--config", "seeds=[0]"
    )
    assert planned.returncode == 0, planned.stdout + planned.stderr
    assert json.dumps(ODD, separators=(",", ":"))[:8] in planned.stdout
    assert "data/\\u007bd\\u007d #2" in planned.stdout


def test_quoted_text_on_the_command_line_names_the_folder(workflow):
    planned = workflow.snakemake(
        "--dry-run", "--printshellcmds", "--configfile", "tests/data/tiny.yaml",
        "--config", 'datasets={subset: {folder: "data/d #2"}}',
    )  # fmt: skip
    assert planned.returncode == 0, planned.stdout + planned.stderr
    assert '"folder":"data/d #2"' in planned.stdout


@pytest.mark.slow
def test_no_command_line_grows_with_the_study(workflow):
    roles = {
        role: {"parameters": 175000, "train_accuracy": 99.5, "test_accuracy": 92.5} for role in ("teacher", "student")
    }
    numbered = [f"a-long-name-of-an-experiment-{number}" for number in range(100)]
    experiment = {"teacher": "resnet", "student": "student", "hard_weight": 0.1, "temperatures": [4]}
    published = {"published": {"subset": roles}}
    study = {
        "transfer_sets": {"most": {"omit_classes": [1]}},
        "experiments": dict.fromkeys(numbered, experiment | published | {"transfer_set": "most"}),
        "paper": {
            "source": "a paper",
            "numbers": [{"what": name, "experiment": name, "arm": "baseline", "value": 1} for name in numbered],
            "corrections": {name: {"classes": [1], "shift": 0.5} for name in numbered},
        },
    }
    (workflow.folder / "large.yaml").write_text(yaml.safe_dump(study))
    planned = workflow.snakemake("--dry-run", "--printshellcmds", "--configfile", "tests/data/tiny.yaml", "large.yaml")
    assert planned.returncode == 0, planned.stdout[-3000:] + planned.stderr
    commands = re.findall("^Shell command: (.*)", planned.stdout, re.MULTILINE)
    assert len(commands) > 100
    assert {"make_tables.py", "compare_with_paper.py", "correct_biases.py"} <= set(
        re.findall(r"\w+\.py", " ".join(commands))
    )
    assert max(len(command.encode()) for command in commands) < MOST_BYTES
