"""What people talk to: each adapter knows its platform and nothing of the model."""
