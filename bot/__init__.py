"""The running program: settings, the executor and what people talk to."""
