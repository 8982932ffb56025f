"""All classes of attacks, and the controls that are graded among them."""

from __future__ import annotations

from course_utils.grading.selftest import (
    controls,
    escaping,
    files,
    hogging,
    interpreter,
    leaking,
    notebooks,
    scores,
    spying,
    stopping,
    tampering,
)
from course_utils.grading.selftest.attack import Attack

CLASSES: dict[str, list[Attack]] = {
    module.TITLE: module.ATTACKS
    for module in (
        controls,
        stopping,
        hogging,
        tampering,
        interpreter,
        spying,
        escaping,
        notebooks,
        files,
        scores,
        leaking,
    )
}
ATTACKS = [attack for attacks in CLASSES.values() for attack in attacks]
