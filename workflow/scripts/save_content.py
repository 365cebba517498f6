"""Write the parameter `content` of a rule into its output. Snakemake runs this with its object `snakemake`."""

from pathlib import Path

Path(snakemake.output[0]).write_text(snakemake.params.content + "\n", encoding="utf-8")  # noqa: F821
