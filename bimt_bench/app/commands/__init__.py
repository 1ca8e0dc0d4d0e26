"""The commands of the command line that train nothing, a file a purpose."""

from bimt_bench.app.commands.listing import add_listings

__all__ = ["add_listings"]
