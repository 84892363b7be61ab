"""Device-error, ADC and DAC models for CrossSim, found through their entry point."""
