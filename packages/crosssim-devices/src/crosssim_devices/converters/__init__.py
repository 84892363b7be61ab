"""ADCs and DACs: one file for each principle."""
