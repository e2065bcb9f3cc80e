"""A day of the whole fleet, event by event: who asks when, who writes, who waits and what it costs.

demand.py     people: how many begin when and where, and go on
measured.py   what one of each part takes, as `benchmarks.capacity` found it
parts.py      what a request passes that only counts and queues: event loop, store, gateway, limits
writing.py    replicas with continuous batching, the router before them, the autoscaler
fleet.py      the life of a request through all of it, and failures
report.py, plots.py, __main__.py
"""
