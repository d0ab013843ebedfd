"""The parts of the formats that read and write pictures."""
