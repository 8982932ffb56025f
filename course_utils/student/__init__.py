"""What students run on their own machine: ``course check`` and ``course pack``.

Needs the extra ``student`` alone: nothing here imports nbgrader.
"""
