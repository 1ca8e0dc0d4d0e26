"""SIGTERM is told as Ctrl-C is, once, and the handler that was there comes back."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from bimt_bench.ground import Terminated, by_sigterm, exit_status, terminable, word_for


def arrive():
    os.kill(os.getpid(), signal.SIGTERM)


@pytest.fixture(autouse=True)
def before():
    """As in a process of its own: a session of Ray that tests share has a handler, too."""
    held = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield signal.SIG_DFL
    signal.signal(signal.SIGTERM, held)


def twice():
    try:
        arrive()
    finally:
        arrive()  # while what is under way ends


def inside():
    with terminable():
        arrive()


def inside_then_again():
    try:
        inside()
    finally:
        arrive()


def remade():
    try:
        arrive()
    except KeyboardInterrupt:
        raise KeyboardInterrupt from None  # as Ray's own waiting does


@pytest.mark.parametrize("work", [arrive, twice, inside, inside_then_again, remade])
def test_sigterm_is_raised_once_and_the_old_handler_comes_back(before, work):
    with pytest.raises(Terminated) as stop, terminable():
        work()
    assert by_sigterm(stop.value) and exit_status(stop.value) == 143
    assert word_for(stop.value) == "stopped by SIGTERM"
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_handler_that_others_put_in_its_place_is_replaced():
    heard = []

    def others(handler):
        signal.signal(signal.SIGTERM, lambda *_: heard.append("others"))
        handler.hold()
        arrive()

    with pytest.raises(Terminated), terminable() as handler:
        others(handler)
    assert not heard


def test_ctrl_c_stays_ctrl_c():
    with pytest.raises(KeyboardInterrupt) as stop, terminable():
        raise KeyboardInterrupt
    assert not by_sigterm(stop.value) and exit_status(stop.value) == 130
    assert word_for(stop.value) == "interrupted"


def test_where_sigterm_is_ignored_or_cannot_be_heard_nothing_changes():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with terminable() as handler:
        assert handler is None and signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
        arrive()
    heard = []

    def elsewhere():
        with terminable() as handler:
            heard.append(handler)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert heard == [None]


DEAF = """
import os, signal
from bimt_bench.ground import ending, terminable

def wait_deaf():
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])  # as code that hears no signals
    # it says so from within other code: Python runs nothing more in this thread
    os.system("echo waiting; exec sleep 5 >&- 2>&-")

with terminable() as handler, ending(handler, seconds=0.0):
    handler.words = lambda: "all is kept"
    wait_deaf()
"""


def test_a_process_that_waits_where_it_hears_nothing_ends_all_the_same():
    process = subprocess.Popen(
        [sys.executable, "-c", DEAF], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stdout.readline() == "waiting\n"
    process.terminate()
    _, told = process.communicate()
    assert process.returncode == 143
    assert told == "all is kept\n"
