"""Several processes that work together: with PostgreSQL, with Ray."""
