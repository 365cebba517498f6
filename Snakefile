"""Lets `snakemake` find the workflow from the root of a checkout: all of it is in workflow/Snakefile."""


include: "workflow/Snakefile"


# Snakemake takes no default target from an included file.
rule study:
    """The study with its report."""
    default_target: True
    input:
        rules.all.input,
