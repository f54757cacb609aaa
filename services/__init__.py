"""The three services of Homeward and the programs that compose them.

* :mod:`services.events` owns the event log.
* :mod:`services.scheduler` owns what is due, and telling integrators about it.
* :mod:`services.reporting` owns milestones and measures.
* :mod:`services.embedded` runs all three in one process.
* :mod:`services.demonstration` makes a council to look at, through the public API.

The services never import each other: they meet over HTTP, in the shapes of
:mod:`shared.wire`.
"""
