"""What the measurements share: programs, load, memory, figures, the report."""
