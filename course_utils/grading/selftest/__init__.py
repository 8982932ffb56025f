"""The attack corpus: hostile and broken submissions, and what must come of each.

``course selftest`` grades all of it on this machine; `tests/attacks` asserts it. Attacks are data
(`attack.Attack`), a module for each class; they are handed in for a little course that comes with
them (`little_course`), in a temporary course directory (`world`). To add one, write it into its
class's list: what it tries, what the submission holds, and what must come of it.

Whatever could hurt the machine is bounded by itself, so that a hole is seen and not felt.
"""
