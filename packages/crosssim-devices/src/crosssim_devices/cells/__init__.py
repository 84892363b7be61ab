"""Memory cells: one file for each technology or family."""
