# Lets Snakemake run in this folder. Not with include, which would lose the default target.
workflow.include("workflow/Snakefile", overwrite_default_target=True)
