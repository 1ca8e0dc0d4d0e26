"""What a call of `train` asks for: a configuration given whole, or setting by setting."""

from collections.abc import Mapping

from bimt_bench.ground import InputError
from bimt_bench.spec.member import Configuration, configured


def asked_for(
    whole: object, settings: Mapping[str, object], beside: Mapping[str, object]
) -> Configuration:
    """The configuration that is given whole (or as a mapping), or by its settings; not as both.

    `beside` are settings that may stand beside either, where they are not None. InputError as
    `configured`, and for what is no configuration.
    """
    if whole is not None and settings:
        raise InputError(f"{', '.join(settings)}: give a configuration or settings, not both")
    if isinstance(whole, Mapping):
        odd = [name for name in whole if not isinstance(name, str)]
        if odd:
            raise InputError(f"configuration: {odd[0]!r} given as a name; names are text")
        whole = configured(whole)
    if not isinstance(whole, Configuration | None):
        raise InputError(
            f"configuration: {whole!r} given; should be a Configuration or settings by name, as in "
            "{'recipe': 'l1', 'strength': 3.0}"
        )
    shared = {name: value for name, value in beside.items() if value is not None}
    return configured({**settings, **shared}, beside=whole)
