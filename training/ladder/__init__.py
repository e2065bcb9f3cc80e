"""One change after the other, each a run of its own, measured on the same windows.

`python -m training.ladder` runs the rows of `training.ladder.rows` and writes the table.
"""
