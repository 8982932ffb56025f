"""nbgrader's settings for the course's assignments; read when it runs in this folder.

What is not set here is nbgrader's default: no penalty for late work, and "YOUR CODE HERE" with
``raise NotImplementedError()`` in place of each solution.
"""

c = get_config()  # noqa: F821 (nbgrader defines it)

c.CourseDirectory.course_id = "deep-learning"

# A cell that computes for longer than this is interrupted and counts as failed; the rest of the
# notebook is graded all the same. The slowest cell of a right solution takes a few seconds.
c.Execute.timeout = 120
c.Execute.interrupt_on_timeout = True

# Outputs beyond these are cut: one endless print should not fill the gradebook's disk.
c.LimitOutput.max_lines = 1000
c.LimitOutput.max_traceback = 100
