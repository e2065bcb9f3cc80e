"""Capacity planning: from people per day to machines, waits and costs.

demand.py     how many requests arrive, and when
measured.py   what one core, one bot process and one store take, from `benchmarks.capacity`
plan.py       arithmetic: peak rate, replicas, bot processes, costs, where each part saturates
replicas.py   a queueing simulation of the replicas: how long requests wait and take
"""
