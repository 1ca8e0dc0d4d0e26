"""What verifying an entry loads and looks up first: once, before processes are copied.

Importing this module does it. It starts no thread and opens no file that stays open.
"""

import torch._dynamo  # noqa: F401 - what torch loads when operations are first counted

from bimt_bench.leaderboard import verifying

verifying.machine()
