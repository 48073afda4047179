"""Random writes compared with a real API server, and mutated requests that must all be answered."""
