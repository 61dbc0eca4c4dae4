"""Plan, status and comparison of studies: interactive commands, not steps of the workflow."""
