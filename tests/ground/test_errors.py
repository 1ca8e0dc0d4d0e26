import logging

import pytest

from bimt_bench.ground import quiet


def speak_and_fail(*names):
    for name in names:
        logging.getLogger(name).error(name)
    raise ZeroDivisionError


def test_loggers_are_silent_inside_and_as_before_afterwards(caplog):
    loud, other = logging.getLogger("quiet.loud"), logging.getLogger("quiet.other")
    loud.setLevel(logging.INFO)
    with quiet("quiet.loud"), pytest.raises(ZeroDivisionError):
        speak_and_fail("quiet.loud", "quiet.other")
    with pytest.raises(ZeroDivisionError), quiet("quiet.loud"):
        speak_and_fail()
    loud.info("again")
    assert [record.message for record in caplog.records] == ["quiet.other", "again"]
    assert (loud.level, other.level) == (logging.INFO, logging.NOTSET)
