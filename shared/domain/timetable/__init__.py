"""Review timetables: rules as data, and the arithmetic from facts to owed reviews."""
