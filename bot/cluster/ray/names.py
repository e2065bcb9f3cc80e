"""Names of our application and deployments in a Ray cluster."""

APPLICATION = "litteragpt"
REGISTRY, REPLICA = "Registry", "Replica"
