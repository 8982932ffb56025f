"""nbgrader's settings for the sample class: the course's own, with a short time limit.

One student's loop never ends, so each of its cells runs into the limit.
"""

c = get_config()  # noqa: F821 (nbgrader defines it)

c.CourseDirectory.course_id = "sample-class"
c.Execute.timeout = 20
c.Execute.interrupt_on_timeout = True
c.LimitOutput.max_lines = 1000
c.LimitOutput.max_traceback = 100
