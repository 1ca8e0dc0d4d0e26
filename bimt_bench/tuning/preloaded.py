"""What a worker of this machine's Ray loads as it starts, beside the checks of a sweep.

Ray imports this module there (see `starting.start`). What is wrong with that is told by the first
pack, which loads the same.
"""

import os

from bimt_bench.ground import undisturbed
from bimt_bench.tuning.starting import LIGHT

if not LIGHT.items() <= os.environ.items():
    with undisturbed():
        from bimt_bench.tuning.trainable import load, use_one_thread

        use_one_thread()
        load()
