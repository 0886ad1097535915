"""Marking: the answers of a submission run in a process of their own; what they give to hidden inputs is judged here.

:mod:`~kdviz.marking.assignment` reads what an assignment asks, :mod:`~kdviz.marking.child` runs a submission's answers
inside :mod:`~kdviz.marking.walls`, :mod:`~kdviz.marking.remote` talks to it by :mod:`~kdviz.marking.wire`, and
:mod:`~kdviz.marking.judging` gives the points. :mod:`~kdviz.marking.reports` writes what a course keeps.
"""
