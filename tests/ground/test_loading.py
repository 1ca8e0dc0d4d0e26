"""Loading many modules: the collector of garbage waits, and what is not wanted stays out."""

import gc
import subprocess
import sys

import pytest

from bimt_bench.ground import absent, undisturbed


@pytest.mark.parametrize("was_on", [True, False])
def test_the_collector_of_garbage_waits_and_is_as_before(was_on):
    (gc.enable if was_on else gc.disable)()
    try:
        with pytest.raises(ZeroDivisionError), undisturbed():
            _ = 1 / gc.isenabled()  # it is off, so this is an error
        assert gc.isenabled() == was_on
    finally:
        gc.enable()


def test_a_module_that_is_left_out_can_be_loaded_afterwards():
    code = """
import sys
from bimt_bench.ground import absent
with absent("colorsys", "sys"):
    try:
        import colorsys
    except ImportError:
        print("absent")
    import sys as here
    assert here is sys, "what is loaded stays"
import colorsys
print(colorsys.__name__)
"""
    asked = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert asked.stdout.split() == ["absent", "colorsys"], asked.stderr


def test_what_is_loaded_meanwhile_stays():
    name = "a module that somebody makes"
    with absent(name):
        sys.modules[name] = sys
    assert sys.modules.pop(name) is sys
