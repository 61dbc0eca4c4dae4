"""What is planned, what is done, and whether two machines agree: commands for people, not steps of the workflow."""
