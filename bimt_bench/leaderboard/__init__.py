"""The leaderboard: entries that anybody can verify, ranked by figures that hold."""
