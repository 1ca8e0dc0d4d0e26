"""Loaded by the server from which the trainers of test_checkpoints.py are forked."""

from tests.engine.test_checkpoints import warm

warm()
