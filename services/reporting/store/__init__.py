"""Every SQL statement of reporting, by what it is about; nothing here commits."""
