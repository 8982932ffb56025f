"""``course viva``: three questions for a short talk, from a student's own code and outputs.

`questions` reads a submission and chooses; `probes` asks why a line is so, `changes` what would be
different if it were otherwise, `outputs` about what was printed and written. They find their
subjects with `constructs`, in the `lines` that are the student's own, and derive `shapes` without
running anything. `show` prints.
"""
