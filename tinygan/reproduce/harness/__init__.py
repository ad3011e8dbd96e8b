"""How an experiment is run, recorded and shown."""
