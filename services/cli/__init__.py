"""``homeward``: the operator's program.

::

    homeward run                                       everything in one process
    homeward migrate                                   bring the database to the present schema
    homeward authority add ID --name NAME              make an authority (a council)
    homeward authority list                            which there are, with their keys and events
    homeward keys add AUTHORITY --scope SCOPE ...      make an API key and print it, once
    homeward keys list AUTHORITY                       list an authority's keys, without their secrets
    homeward keys revoke AUTHORITY KEY_ID              revoke a key
    homeward verify [AUTHORITY ...]                    is each log as it was recorded?
    homeward heads [AUTHORITY ...]                     signed heads, to keep elsewhere
    homeward proof AUTHORITY                           a proof of the log, to be checked without Homeward
    homeward consumers                                 how far each service has followed each log
    homeward consumers resume SERVICE AUTHORITY        let one that stands still try again
    homeward rebuild [SERVICE ...] [--check]           make projections anew beside the live ones
    homeward timetable check FILE ...                  is each a timetable pack, and where is it wrong?
    homeward timetable show PACK                       its rules in plain words
    homeward timetable dates --pack PACK ...           every review that would follow from a date in hand

All but ``run`` and ``timetable`` work on the database of HOMEWARD_DATABASE_URL, or, where that is not set,
on the embedded server of a ``homeward run`` with the same data folder.

What is asked for goes to standard output.  What stands in its way goes to standard error, as
one sentence that says what to do; so does a bar, on a terminal, while a log is worked
through.  The exit status is that of :class:`services.cli.command.Status`.  Whatever stands in a
database or was typed is shown without anything that a terminal would obey, and in any locale.
"""
