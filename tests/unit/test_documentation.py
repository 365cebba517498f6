"""Pages lead somewhere and are found; the release's and the container's files agree."""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.mutants.mistakes import MISTAKES

ROOT = Path(__file__).parents[2]
LISTED = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
FILES = {ROOT / name for name in LISTED.splitlines()}
PLACES = FILES | {folder for file in FILES for folder in file.parents}
PAGES = sorted(file for file in FILES if file.suffix == ".md")
LINK = re.compile(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)")


def anchors(page: Path) -> set[str]:
    """What a page's headings are called in links."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)  # comments are no headings
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for target, anchor in LINK.findall(page.read_text()):
        place = (page.parent / target).resolve() if target else page
        assert place in PLACES, target
        if anchor:
            assert anchor in anchors(place)


def test_the_index_lists_every_page():
    index = ROOT / "docs" / "README.md"
    linked = {(index.parent / target).resolve() for target, _ in LINK.findall(index.read_text())}
    assert {page for page in PAGES if page.parent == index.parent} - {index} <= linked


def test_every_study_is_listed():
    page = ROOT / "docs" / "running.md"
    linked = {(page.parent / target).resolve() for target, _ in LINK.findall(page.read_text())}
    assert {study for study in FILES if study.parent == ROOT / "workflow" / "studies"} <= linked


def test_every_planted_mistake_fits_the_code_and_is_counted():
    for file, mistakes in MISTAKES.items():
        text = (ROOT / file).read_text()
        assert not [mistake for mistake in mistakes if text.count(mistake[0]) != 1], file
    assert f"The list has {sum(map(len, MISTAKES.values()))} mistakes" in (ROOT / "docs" / "testing.md").read_text()


def test_the_reference_is_made_of_the_schema():
    """Else: make reference."""
    made = subprocess.run([sys.executable, "docs/make_reference.py"], cwd=ROOT, capture_output=True, check=True).stdout
    assert (ROOT / "docs" / "reference.md").read_bytes() == made


def test_the_reference_has_every_key_and_says_what_each_is_for():
    page = (ROOT / "docs" / "reference.md").read_text()
    schema = yaml.safe_load((ROOT / "workflow" / "schemas" / "config.schema.yaml").read_text())
    keys = set(keys_of(schema))
    assert len(keys) > 80
    rows = re.findall(r"^\| `(.*?)`(?: \*)? \| (.*?) \|", page, re.MULTILINE)
    assert keys == {key for key, _ in rows} - {"<name>"}
    assert all(purpose for _, purpose in rows)


def keys_of(schema: object) -> Iterator[str]:
    """The names of all properties that a schema describes, at any depth."""
    if isinstance(schema, list):
        schema = dict(enumerate(schema))
    if isinstance(schema, dict):
        properties = schema.get("properties", {})
        yield from (key for key, settings in properties.items() if settings)
        for child in [*properties.values(), *(schema[key] for key in schema if key not in ("properties", "if"))]:
            yield from keys_of(child)


def test_the_versions_agree():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"] == version
    assert re.search(
        rf"^## \[{version}\] - |^The first version, to be {version}\.$", (ROOT / "CHANGELOG.md").read_text(), re.M
    )


def test_both_containers_are_made_of_the_same():
    docker = (ROOT / "containers" / "Dockerfile").read_text()
    apptainer = (ROOT / "containers" / "apptainer.def").read_text()
    image = re.search("^FROM (.*)$", docker, re.MULTILINE)[1]
    packages = re.search("apt-get install .*$", docker.replace(" \\", ""), re.MULTILINE)[0]
    for part in (f"From: {image}\n", f"{packages}\n", "make install\n", "Makefile ", "requirements.lock "):
        assert part in apptainer
    for environment in (ROOT / "envs").iterdir():
        (python,) = [
            entry for entry in yaml.safe_load(environment.read_text())["dependencies"] if "python=" in entry[:7]
        ]
        assert image.startswith(f"python:{python.removeprefix('python=')}-")
