"""The tables exchanged between steps: each module defines the columns of one table, writes its text and reads it.

``…_csv`` gives the text of a table, which the step puts into place with `imbalance_aware.files.write_text`, atomically;
``read_…`` checks what it reads. Modules that can change a run's numbers read tables, so this package imports pandas
only in functions that return a frame, and nothing that writes files.
"""
