"""The stages through which ECS takes a deployment whose traffic shifts, in order, and those at which a hook may stand."""

from typing import Literal, get_args

Shift = Literal["BLUE_GREEN", "CANARY", "LINEAR"]  # strategies that start all new tasks beside the old ones
SHIFTING: tuple[Shift, ...] = get_args(Shift)
Stage = Literal[
    "RECONCILE_SERVICE",
    "PRE_SCALE_UP",
    "SCALE_UP",
    "POST_SCALE_UP",
    "TEST_TRAFFIC_SHIFT",
    "POST_TEST_TRAFFIC_SHIFT",
    "PRE_PRODUCTION_TRAFFIC_SHIFT",
    "PRODUCTION_TRAFFIC_SHIFT",
    "POST_PRODUCTION_TRAFFIC_SHIFT",
    "BAKE_TIME",
    "CLEAN_UP",
]
STAGES: tuple[Stage, ...] = get_args(Stage)
WITHOUT_HOOKS: tuple[Stage, ...] = ("SCALE_UP", "BAKE_TIME", "CLEAN_UP")
WITHOUT_PAUSES: tuple[Stage, ...] = ("TEST_TRAFFIC_SHIFT", "PRODUCTION_TRAFFIC_SHIFT")  # only functions stand there
