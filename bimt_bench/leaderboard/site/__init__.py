"""The page of the leaderboard: static files made of a ranking, for any host and for file://."""

from bimt_bench.leaderboard.site.building import Built, build

__all__ = ["Built", "build"]
