"""Pages lead somewhere and are found; the release's and the container's files agree."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
LISTED = subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
PAGES = [ROOT / name for name in LISTED.splitlines()]
LINK = re.compile(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)")


def anchors(page: Path) -> set[str]:
    """What a page's headings are called in links."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for target, anchor in LINK.findall(page.read_text()):
        place = (page.parent / target) if target else page
        assert place.exists(), target
        if anchor:
            assert anchor in anchors(place)


def test_the_index_lists_every_page():
    index = ROOT / "docs" / "README.md"
    linked = {(index.parent / target).resolve() for target, _ in LINK.findall(index.read_text())}
    assert {page for page in PAGES if page.parent == index.parent} - {index} <= linked


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
