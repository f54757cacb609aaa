"""The demonstration council: a made-up authority whose events look like a real one's.

Everything is drawn by chance from the figures in ``calibration``; no record of any child
was used, and no child, home or family here exists.  The same seed and day of loading give
the same bytes, and the truth behind the data is kept beside it (``truth``), so that
statistics can be checked against it.  The council knows nothing of the timetable engine:
it plans its reviews by a simple model of its own and is therefore an independent witness.
"""
