"""The tables that pass between steps: each module states the columns of one, makes its text and reads it.

``…_csv`` gives the text of a table, which the step puts into place with `imbalance_aware.files.write_text`, atomically;
``read_…`` checks what it reads. Modules that can change a run's numbers read tables, so this room imports neither
pandas, unless a function returns a frame, nor anything that writes files.
"""
