"""The main job: a network is trained, converted, and tested on simulated chips."""
