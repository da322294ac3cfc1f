"""A server with as many services as asked for that keeps ECS's documented request rates: `python -m benchmarks.ecs_server`.

It prints its port. POST /change {"services": [names]} gives these their last task; GET /counts says what was asked so far.
"""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

PAGE = 100  # tasks that one answer of ListTasks holds
COUNT = 2  # tasks of each service; until it is changed, it runs one
# calls at once after a quiet time, and a second for ever, of one account in one region (ECS API reference, request
# throttling); Elastic Load Balancing publishes no such figures, so its calls are counted only
BUCKETS = {
    frozenset({"DescribeServices", "ListServices"}): (100.0, 20.0),
    frozenset({"DescribeTasks", "ListTasks", "DescribeContainerInstances", "ListContainerInstances"}): (100.0, 20.0),
}
HEALTH = (
    '<DescribeTargetHealthResponse xmlns="http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/">'
    "<DescribeTargetHealthResult><TargetHealthDescriptions>{members}</TargetHealthDescriptions>"
    "</DescribeTargetHealthResult></DescribeTargetHealthResponse>"
)
MEMBER = (
    "<member><Target><Id>{address}</Id><Port>8080</Port></Target>"
    "<TargetHealth><State>healthy</State></TargetHealth></member>"
)


class Bucket:
    """Tokens that refill at a steady rate. A refused call costs none."""

    def __init__(self, burst: float, rate: float, clock: Callable[[], float] = time.monotonic):
        self._burst, self._rate, self._clock = burst, rate, clock
        self._tokens, self._at = burst, clock()

    def take(self) -> bool:
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class Ecs:
    """What the server knows: which services have changed, and how often each action was called or refused."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.changed: set[str] = set()
        self.known: set[str] = set()  # services that were asked for: those of the cluster
        self.calls: Counter[str] = Counter()
        self.throttled: Counter[str] = Counter()
        self._buckets = {actions: Bucket(*sizes) for actions, sizes in BUCKETS.items()}

    def admit(self, action: str) -> bool:
        """Count a call; False if its bucket is empty."""
        with self.lock:
            self.calls[action] += 1
            admitted = all(bucket.take() for actions, bucket in self._buckets.items() if action in actions)
            self.throttled[action] += not admitted
            return admitted

    def running(self, service: str) -> int:
        return COUNT if service in self.changed else COUNT - 1

    def answer(self, action: str, asked: dict[str, Any]) -> dict[str, Any]:
        if action == "DescribeServices":
            self.known.update(asked["services"])
            return {"services": [self._service(service) for service in asked["services"]], "failures": []}
        if action == "ListTasks":
            services = [asked["serviceName"]] if "serviceName" in asked else sorted(self.known)
            running = {name: self.running(name) if asked["desiredStatus"] == "RUNNING" else 0 for name in services}
            arns = [_task_arn(name, number) for name, count in running.items() for number in range(count)]
            begin = int(asked.get("nextToken", 0))
            more = {"nextToken": str(begin + PAGE)} if begin + PAGE < len(arns) else {}
            return {"taskArns": arns[begin : begin + PAGE], **more}
        if action == "DescribeTaskDefinition":
            definition = {"taskDefinitionArn": asked["taskDefinition"], "family": "benchmark", "revision": 1}
            return {"taskDefinition": {**definition, "containerDefinitions": [{"name": "app", "image": "app:1"}]}}
        assert action == "DescribeTasks", f"{action} is not a call a wait makes"
        return {"tasks": [_task(arn) for arn in asked["tasks"]], "failures": []}

    def health(self, target_group: str) -> str:
        """Return the answer of DescribeTargetHealth: whatever runs is healthy."""
        service = target_group.rsplit("/", 1)[-1]
        addresses = [_address(_task_arn(service, number)) for number in range(self.running(service))]
        return HEALTH.format(members="".join(MEMBER.format(address=address) for address in addresses))

    def _service(self, name: str) -> dict[str, Any]:
        running = self.running(name)
        counts = {"desiredCount": COUNT, "runningCount": running, "pendingCount": COUNT - running}
        deployment = {"id": f"ecs-svc/{name}", "status": "PRIMARY", "rolloutState": "COMPLETED", "createdAt": 1.7e9}
        return {
            "serviceName": name,
            "status": "ACTIVE",
            "taskDefinition": f"{name}:1",
            "deployments": [deployment | counts | {"taskDefinition": f"{name}:1"}],
            "loadBalancers": [{"targetGroupArn": f"arn:aws:elasticloadbalancing:::targetgroup/{name}"}],
            "events": [{"id": f"{name}-{running}", "createdAt": 1.7e9, "message": f"{running} tasks run"}],
            **counts,
        }


def _task_arn(service: str, number: int) -> str:
    return f"arn:aws:ecs:::task/{service}/{number}"


def _address(arn: str) -> str:
    return arn.split("task/")[1].replace("/", "-")


def _task(arn: str) -> dict[str, Any]:
    return {
        "taskArn": arn,
        "lastStatus": "RUNNING",
        "desiredStatus": "RUNNING",
        "createdAt": 1.7e9,
        "startedAt": 1.7e9,
        "taskDefinitionArn": arn.split("/")[1] + ":1",
        "group": "service:" + arn.split("/")[1],
        "attachments": [{"details": [{"name": "privateIPv4Address", "value": _address(arn)}]}],
    }


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    ecs: Ecs

    def do_GET(self) -> None:
        assert self.path == "/counts", f"there is no page {self.path}"
        with self.ecs.lock:
            self._send(200, json.dumps({"calls": self.ecs.calls, "throttled": self.ecs.throttled}))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if self.path == "/change":
            self.ecs.changed.update(json.loads(body)["services"])
            self._send(200, "{}")
        elif target := self.headers.get("X-Amz-Target"):
            action = target.rsplit(".", 1)[-1]
            if self.ecs.admit(action):
                self._send(200, json.dumps(self.ecs.answer(action, json.loads(body))))
            else:
                self._send(400, json.dumps({"__type": "ThrottlingException", "message": "Rate exceeded"}))
        else:
            asked = parse_qs(body)
            self.ecs.admit(asked["Action"][0])
            self._send(200, self.ecs.health(asked["TargetGroupArn"][0]))

    def _send(self, status: int, body: str) -> None:
        content = body.encode()
        self.send_response(status)  # with the Date that waits take AWS's clock from
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing of each request."""


class Server(ThreadingHTTPServer):
    """On a free port, with services of its own."""

    request_queue_size = 1024  # a thousand may begin at once
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), type("OwnHandler", (Handler,), {"ecs": Ecs()}))


if __name__ == "__main__":
    server = Server()
    print(server.server_address[1], flush=True)  # noqa: T201  # who started it reads it
    server.serve_forever()
