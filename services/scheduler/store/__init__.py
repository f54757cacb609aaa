"""Every SQL statement of the scheduler, by what it is about; nothing here commits."""
