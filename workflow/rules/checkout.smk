"""The folder of the whole workflow. Snakemake reads single files of one that lies in a repository; this one needs all."""

import os
import tempfile
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.sourcecache import HostingProviderFile, LocalGitFile, LocalSourceFile


def checked_out(rules):
    """The workflow's folder, where `rules` is its own: of this checkout, or of a clone of the repository's commit.

    A clone lies beside what Snakemake remembers where it runs, so that jobs and containers find it.
    """
    if isinstance(rules, LocalSourceFile):
        return Path(rules.get_path_or_uri(secret_free=True)).parent
    import git  # as Snakemake does, only where it is needed

    if isinstance(rules, LocalGitFile):
        repository = git.Repo(rules.repo_path)
    elif isinstance(rules, HostingProviderFile):
        repository = rules.hosted_repo.repo
    else:
        raise WorkflowError(f"{rules}: allowed: github(...), gitlab(...), or the path of a clone's workflow/Snakefile")
    commit = repository.commit(rules.ref).hexsha
    clones = Path(".snakemake", "dark-knowledge").absolute()
    if not (clones / commit).exists():
        clones.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=clones) as temporary:
            clone = repository.clone(os.path.join(temporary, commit))
            clone.git.checkout(commit)
            try:
                os.rename(clone.working_dir, clones / commit)
            except OSError:  # another Snakemake was first
                if not (clones / commit).exists():
                    raise
    return clones / commit / "workflow"


# A Path, of which Snakemake remembers nothing where it is a parameter: a moved checkout runs nothing again.
WORKFLOW = checked_out(workflow.current_basedir)
