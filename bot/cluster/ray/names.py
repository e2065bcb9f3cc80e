"""What our things are called in a Ray cluster."""

APPLICATION = "litteragpt"
REGISTRY, REPLICA = "Registry", "Replica"
