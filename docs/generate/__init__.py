"""What the documentation says that the program knows itself: tables of settings and commands.

`python -m docs.generate` (`make tables`) writes them between marks in the files that `parts` names,
and `.env.example` as a whole; a test fails when any of them is not what would be written.
"""
