"""Plug-ins: files and installed packages from outside that register kinds of their own.

What workers and identities know of one is its name, its version and the digest of its code.
"""

from bimt_bench.plugins.blame import blaming
from bimt_bench.plugins.installed import enter_installed, used_by
from bimt_bench.plugins.loading import enter, load, load_all, read
from bimt_bench.plugins.plugin import Plugin

__all__ = [
    "Plugin",
    "blaming",
    "enter",
    "enter_installed",
    "load",
    "load_all",
    "read",
    "used_by",
]
