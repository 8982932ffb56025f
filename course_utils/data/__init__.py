"""Data sets by name. Each has a file of its own, which says where the data comes from.

A full data set is looked for in ``$COURSE_DATA``, then in the cache, then downloaded; offline, an
embedded default of its kind stands in, with one line that says so. No pickle is loaded from a
download, but for one format that has no other form, through a reader that admits arrays only.
"""

from __future__ import annotations

from course_utils.data.catalog import load
from course_utils.data.dataset import Dataset, Graph, Pairs, Strings, Text, Weights

__all__ = ["Dataset", "Graph", "Pairs", "Strings", "Text", "Weights", "load"]
