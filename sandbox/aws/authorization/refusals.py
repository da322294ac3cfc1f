"""A call that its role's policies do not allow, in AWS's words."""

from __future__ import annotations

from sandbox.aws.authorization.policy import Decision, Policies
from sandbox.aws.authorization.requests import requests_of
from sandbox.aws.faults.api_faults import Refusal
from sandbox.aws.sim.world import World
from sandbox.aws.state.call_log import Call

ALWAYS = (("sts", "GetCallerIdentity"),)  # needs no right, and cannot be denied
FORBIDDEN = "403 Forbidden"
XML = (
    "autoscaling",
    "cloudformation",
    "elasticloadbalancing",
    "iam",
    "rds",
    "s3",
    "sns",
    "sts",
)  # speak of AccessDenied


def refusal_of(call: Call, policies: Policies | None, caller: str, world: World) -> Refusal | None:
    """Return the refusal of a call, or None. A role without any policies of ours is somebody else's, who may do everything."""
    if policies is None or (call.service, call.action) in ALWAYS:
        return None
    for request in requests_of(call, world):
        decision = policies.decide(request)
        if decision is Decision.ALLOWED:
            continue
        because = (
            "with an explicit deny in an identity-based policy"
            if decision is Decision.DENIED
            else f"because no identity-based policy allows the {request.action} action"
        )
        said = (
            f"User: {caller} is not authorized to perform: {request.action} on resource: {request.resource} {because}"
        )
        if call.service == "ec2":
            return Refusal(
                "UnauthorizedOperation", f"You are not authorized to perform this operation. {said}", FORBIDDEN
            )
        if call.service in XML:
            return Refusal("AccessDenied", said, FORBIDDEN)
        return Refusal("AccessDeniedException", said)
    return None
