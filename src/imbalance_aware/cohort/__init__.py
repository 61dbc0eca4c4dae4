"""Who is in the study: the table, its audit, its split and its checks."""
