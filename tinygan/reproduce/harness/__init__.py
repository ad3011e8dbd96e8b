"""The harness of experiments: running jobs, recording results, printing claims, drawing figures."""
