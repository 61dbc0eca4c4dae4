# Lets `snakemake` run in this folder. Not `include:`, which would lose the default target.
workflow.include("workflow/Snakefile", overwrite_default_target=True)
