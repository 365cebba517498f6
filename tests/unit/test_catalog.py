"""The rules by which the Snakemake Workflow Catalog lists a workflow as of standardized usage.

They are those of its documentation (Adding workflows), of its scripts/generate-catalog.py and, for the table of
parameters, of its source/build_wf_pages.py.
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from snakemake.utils import update_config

from dark_knowledge.study.checking import check_config

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "workflow" / "schemas" / "config.schema.yaml"
ABSENT = object()


def parameters(schema: dict, values: dict) -> Iterator[tuple[str, dict, object]]:
    """Rows of the catalog's table, which follows no references: name, settings, the default study's value if any."""
    for name, settings in schema["properties"].items():
        value = values.get(name, ABSENT)
        yield name, settings, value
        if "properties" in settings:
            for child, *rest in parameters(settings, value):
                yield f"{name}.{child}", *rest


DEFAULT_STUDY = yaml.safe_load((ROOT / "config.yaml").read_text())
CONFIG_SCHEMA = yaml.safe_load(SCHEMA.read_text())
PARAMETERS = list(parameters(CONFIG_SCHEMA, DEFAULT_STUDY))


def run(*words: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-m", *words], cwd=ROOT, capture_output=True, text=True)


def test_the_readme_is_found_by_the_search():
    readme = (ROOT / "README.md").read_text().lower()
    assert "snakemake" in readme
    assert "workflow" in readme


def test_the_definition_is_where_a_workflow_folder_wants_it():
    assert (ROOT / "workflow" / "Snakefile").exists()


def test_rules_are_modules():
    assert {path.suffix for path in (ROOT / "workflow" / "rules").iterdir()} == {".smk"}


def test_the_settings_are_a_mapping_of_known_keys():
    settings = yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text())
    assert settings["usage"].keys() <= {"mandatory-flags", "software-stack-deployment", "report"}
    assert settings["usage"]["software-stack-deployment"] == {"conda": True}


def test_there_are_instructions_and_a_configuration_to_start_from():
    """Snakedeploy copies the folder, and its Snakefile names config/config.yaml as the configuration."""
    assert (ROOT / "config" / "README.md").read_text().startswith("# ")
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    update_config(config, yaml.safe_load((ROOT / "config" / "config.yaml").read_text()))
    check_config(config, SCHEMA)
    assert config["study"] != DEFAULT_STUDY["study"]


@pytest.mark.slow
def test_snakemakes_lint_and_snakefmt_are_content():
    for words in (["snakemake", "--lint"], ["snakefmt", "--check", "Snakefile", "workflow"]):
        done = run(*words)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("name", "settings", "value"), PARAMETERS, ids=[name for name, *_ in PARAMETERS])
def test_a_parameter_has_type_description_and_default(name, settings, value):
    assert settings["type"]
    assert settings["description"]
    if settings["type"] == "object" or value is ABSENT:
        assert "default" not in settings
    else:
        assert settings["default"] == value
    if "$ref" in settings:
        assert next(iter(settings)) == "$ref"  # so that a refusal says what is allowed
        referred = CONFIG_SCHEMA["$defs"][settings["$ref"].removeprefix("#/$defs/")]
        assert referred.get("type", "string") == settings["type"]
