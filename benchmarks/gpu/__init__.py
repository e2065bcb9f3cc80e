"""How fast a GPU writes: every way there is, other engines, the memory limit, kernel sizes."""
