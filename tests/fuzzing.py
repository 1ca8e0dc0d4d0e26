"""How tests try many inputs that may be slow, large and mostly no good."""

from hypothesis import HealthCheck, settings


def quiet(examples: int) -> settings:
    """Settings of a test that tries so many inputs, however hard they are to draw."""
    return settings(
        max_examples=examples,
        deadline=None,
        suppress_health_check=[
            HealthCheck.too_slow,
            HealthCheck.data_too_large,
            HealthCheck.filter_too_much,
        ],
        print_blob=True,
    )
