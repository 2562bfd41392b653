"""The parts that every section of a scenario is written with: units, values, sections, merging."""
