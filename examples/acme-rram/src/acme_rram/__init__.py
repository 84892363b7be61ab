"""RRAM cells of Acme."""
