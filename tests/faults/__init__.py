"""Bad surroundings: signals at random moments, full disks, vanishing files, two writers, clocks that jump."""
