"""Timetable packs as data, and the calendars on which their working days are counted."""
