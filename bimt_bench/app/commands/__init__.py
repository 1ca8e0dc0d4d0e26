"""The commands of the command line that train nothing, a file a purpose."""

from bimt_bench.app.commands.leaderboard import add_leaderboard
from bimt_bench.app.commands.listing import add_listings
from bimt_bench.app.commands.looking import add_looking
from bimt_bench.app.commands.verifying import verify

__all__ = ["add_leaderboard", "add_listings", "add_looking", "verify"]
