"""From a scenario to all its runs, to more epochs, and to a comparison."""
