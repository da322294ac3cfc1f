"""The AWS endpoint: moto's application with the sandbox's own operations, one call at a time, in simulated time."""

import logging
import time
from collections import deque
from collections.abc import Iterable
from functools import cache, lru_cache, partial
from typing import Any

import moto.autoscaling.urls as autoscaling_urls
import moto.backends as moto_backends
import moto.cloudformation.urls as cloudformation_urls
import moto.cloudwatch.urls as cloudwatch_urls
import moto.codebuild.urls as codebuild_urls
import moto.codedeploy.urls as codedeploy_urls
import moto.core.responses as moto_responses
import moto.core.serialize as moto_serialize
import moto.ecr.urls as ecr_urls
import moto.ecs.urls as ecs_urls
import moto.logs.urls as logs_urls
import moto.rds.urls as rds_urls
import moto.secretsmanager.urls as secretsmanager_urls
import moto.sts.urls as sts_urls
from botocore.utils import parse_to_aware_datetime
from moto.applicationautoscaling.models import ApplicationAutoscalingBackend
from moto.core.utils import method_names_from_class
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from sandbox.aws.authorization import refusals
from sandbox.aws.faults import terraform_faults
from sandbox.aws.faults.api_faults import TOKENS, ApiFaults, Refusal, expired_token
from sandbox.aws.http import moto_memory
from sandbox.aws.http.error_responses import error_of, is_page, refuse
from sandbox.aws.http.honouring import refusal_of
from sandbox.aws.http.requests import read_call
from sandbox.aws.http.server import Handler, hang_up
from sandbox.aws.services.application_autoscaling.api import make_service_check
from sandbox.aws.services.autoscaling.api import WorldAutoScalingResponse
from sandbox.aws.services.cloudformation.api import WorldCloudFormationResponse
from sandbox.aws.services.cloudwatch.api import WorldCloudWatchResponse
from sandbox.aws.services.codebuild.api import WorldCodeBuildResponse
from sandbox.aws.services.codedeploy.api import WorldCodeDeployResponse
from sandbox.aws.services.ec2 import api as ec2_api
from sandbox.aws.services.ecr.api import WorldEcrResponse
from sandbox.aws.services.ecs.api import WorldEcsResponse
from sandbox.aws.services.elbv2 import api as elb_api
from sandbox.aws.services.logs.api import WorldLogsResponse
from sandbox.aws.services.rds.api import WorldRdsResponse
from sandbox.aws.services.s3 import api as s3_api
from sandbox.aws.services.secretsmanager.api import WorldSecretsManagerResponse
from sandbox.aws.services.sts.api import WorldStsResponse
from sandbox.aws.services.sts.model import BASE, Caller, Identities
from sandbox.aws.sim.world import World
from sandbox.aws.state.call_log import Call
from sandbox.aws.state.clock import as_text

moto_backends.list_of_moto_modules = partial(
    tuple, tuple(moto_backends.list_of_moto_modules())
)  # else a look through its folder at every request
setattr(moto_responses, "method_names_from_class", cache(method_names_from_class))  # noqa: B010  # and one through a class
# and a guess at a date's form for each object of a listing
setattr(moto_serialize, "parse_to_aware_datetime", lru_cache(maxsize=10_000)(parse_to_aware_datetime))  # noqa: B010


KEPT_CALLS = 100_000  # the call log's length: hours of a busy sandbox
log = logging.getLogger(__name__)


class Application:
    """The WSGI application: identifies the caller, applies API faults, and passes the call to moto."""

    def __init__(self, world: World):
        self.world = world
        self.identities = Identities()
        self.api_faults = ApiFaults()
        self.calls: deque[Call] = deque(maxlen=KEPT_CALLS)
        self._count = 0
        world.log_call, world.endpoint = self._log, self
        self.take_over()
        cloudformation_urls.url_paths["{0}/$"] = WorldCloudFormationResponse.dispatch
        cloudwatch_urls.url_paths["{0}/$"] = WorldCloudWatchResponse.dispatch
        codedeploy_urls.url_paths["{0}/$"] = WorldCodeDeployResponse.dispatch
        codebuild_urls.url_paths["{0}/$"] = WorldCodeBuildResponse.dispatch
        ecr_urls.url_paths["{0}/$"] = WorldEcrResponse.dispatch
        ecs_urls.url_paths["{0}/$"] = WorldEcsResponse.dispatch
        autoscaling_urls.url_paths["{0}/$"] = WorldAutoScalingResponse.dispatch
        logs_urls.url_paths["{0}/$"] = WorldLogsResponse.dispatch
        rds_urls.url_paths["{0}/$"] = WorldRdsResponse.dispatch
        secretsmanager_urls.url_paths["{0}/$"] = WorldSecretsManagerResponse.dispatch
        sts_urls.url_paths["{0}/$"] = WorldStsResponse.dispatch
        moto_memory.save()
        self._moto = DomainDispatcherApplication(create_backend_app)

    def take_over(self) -> None:
        """Make moto, which has one backend per process, serve this world from now on."""
        for part in (
            WorldCloudFormationResponse,
            WorldCloudWatchResponse,
            WorldCodeBuildResponse,
            WorldCodeDeployResponse,
            WorldEcrResponse,
            WorldEcsResponse,
            WorldAutoScalingResponse,
            WorldLogsResponse,
            WorldRdsResponse,
            WorldSecretsManagerResponse,
            WorldStsResponse,
            Handler,
        ):
            part.world = self.world
        WorldStsResponse.identities = self.identities
        elb_api.install(self.world)
        s3_api.install()
        ec2_api.install()
        setattr(ApplicationAutoscalingBackend, "_ecs_service_exists_for_target", make_service_check(self.world))  # noqa: B010  # moto's own, replaced

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        call, key = read_call(environ)
        if key == self.identities.builder_key:  # its own thread holds the lock, and it is no caller to be logged
            return self._serve(environ, start_response, call, self._ask_moto)
        caller = self.identities.find(key)
        environ["HTTP_X_MOTO_ACCOUNT_ID"] = (caller or BASE).account
        call.account, call.role = (caller.account, caller.role) if caller else ("", "unknown")
        begun = self.api_faults.forgotten
        held = self.api_faults.hold(list(self.world.faults), call)
        with self.world.lock:
            if begun == self.api_faults.forgotten:
                self._log(call)
            self.api_faults.apply(self.world, call)
            refusal = held or self.api_faults.refusal(self.world.faults, call, key)
            refusal = refusal or _of_expired(caller, call)
            if caller and not refusal:
                policies = self.identities.policies_of(caller)
                refusal = refusals.refusal_of(call, policies, caller.arn, self.world)
            ask = self._refuse_stranger if caller is None else self._ask_world
            if refusal:
                ask = partial(self._refuse_by_fault, refusal)
            body = self._serve(environ, start_response, call, ask)
            terraform_faults.refill(self.world, call)
            lost = self.api_faults.loses(self.world.faults, call) or terraform_faults.loses_lock(self.world, call)
        if lost:
            hang_up(environ)
        return body

    def _log(self, call: Call) -> None:
        self._count += 1
        call.n, call.at = self._count, str(as_text(self.world.clock.now()))
        self.calls.append(call)

    def _serve(self, environ: dict[str, Any], start_response: Any, call: Call, ask: Any) -> Iterable[bytes]:
        answer: list[Any] = []

        def start(line: str, headers: list[tuple[str, str]], *_: Any) -> None:
            answer[:] = [line, headers]

        body = ask(environ, start, call)
        line, headers = answer
        call.status = int(str(line).split(" ", 1)[0])
        if is_page(call.status, headers, body):
            body = refuse(
                environ, start, call.service, "NotImplementedException", f"The sandbox does not know {call.action}."
            )
            line, headers = answer
            call.status = 400
        if call.status >= 400:
            call.error = error_of(body)
        own = {"date"} if environ["REQUEST_METHOD"] == "HEAD" else {"date", "content-length"}
        kept = [(name, value) for name, value in headers if name.lower() not in own]
        if environ["REQUEST_METHOD"] == "HEAD":  # there the length is that of a body which is not sent
            body = b""
        else:
            kept.append(("Content-Length", str(len(body))))
        start_response(line, kept)
        return [body]

    def _ask_world(self, environ: dict[str, Any], start: Any, call: Call) -> bytes:
        """Carry out a call under the API faults of short pages and stale reads."""
        active = self.world.faults
        if ignored := refusal_of(call, environ):
            return refuse(environ, start, call.service, "NotImplementedException", ignored)
        if call.service == "monitoring":  # moto's alone, which knows nothing of the world's time
            self.world.catch_up()
        if remembered := self.api_faults.remembered(active, call):
            (line, headers), body = remembered
            start(line, headers)
            return body
        shortened = self.api_faults.shorten(active, call, environ)
        answer: list[Any] = []

        def note(line: str, headers: list[tuple[str, str]], *_: Any) -> None:
            answer[:] = [line, headers]
            start(line, headers)

        body = self._ask_moto(environ, note, call)
        call.status = int(str(answer[0]).split(" ", 1)[0])
        self.api_faults.remember(active, call, answer, body)
        for fault in shortened:
            if any(token in body for token in TOKENS):
                fault.count()
        return body

    @staticmethod
    def _refuse_by_fault(refusal: Refusal, environ: dict[str, Any], start: Any, call: Call) -> bytes:
        return refuse(environ, start, call.service, refusal.code, refusal.message, refusal.status)

    def _ask_moto(self, environ: dict[str, Any], start: Any, call: Call) -> bytes:
        try:
            with s3_api.time_of(self.world):
                return b"".join(self._moto(environ, start))
        except NotImplementedError as error:
            code, message = "NotImplementedException", f"The sandbox does not know {call.action}: {error}"
        except Exception as error:  # whatever moto stumbles over: a 500 would be retried for minutes and never seen
            log.exception("%s %s failed inside the sandbox", call.service, call.action)
            code, message = "InternalFailure", f"The sandbox failed on {call.action}: {error!r}"
        return refuse(environ, start, call.service, code, message)

    def _refuse_stranger(self, environ: dict[str, Any], start: Any, call: Call) -> bytes:
        if call.service == "unknown":  # nothing is signed
            code, message = "MissingAuthenticationToken", "Request is missing Authentication Token"
        elif environ.get("HTTP_X_AMZ_TARGET"):
            code, message = "UnrecognizedClientException", "The security token included in the request is invalid."
        else:
            code, message = "InvalidClientTokenId", "The security token included in the request is invalid."
        return refuse(environ, start, call.service, code, message, "403 Forbidden")


def _of_expired(caller: Caller | None, call: Call) -> Refusal | None:
    """Return the refusal of credentials whose time is over."""
    return expired_token(call) if caller is not None and time.time() >= caller.expires else None
