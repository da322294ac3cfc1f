"""The CloudWatch operations on alarms, in simulated time; everything else is moto's."""

from typing import Any

from moto.cloudwatch.exceptions import InvalidParameterValue
from moto.cloudwatch.models import Alarm
from moto.cloudwatch.responses import CloudWatchResponse
from moto.core.responses import ActionResult

from sandbox.aws.services.cloudwatch.model import stamp
from sandbox.aws.sim.world import World

PAGE, LONGEST_PAGE = 50, 100  # alarms, unless MaxRecords says otherwise
KINDS = ("MetricAlarm", "CompositeAlarm")


class WorldCloudWatchResponse(CloudWatchResponse):
    """`world` is set once, when the server is made."""

    world: World

    def describe_alarms(self) -> ActionResult:
        kinds = self._get_param("AlarmTypes") or KINDS[:1]  # AWS shows composite alarms only to those who ask for them
        token, size = str(self._get_param("NextToken") or "0"), int(self._get_param("MaxRecords") or PAGE)
        if len(self._get_param("AlarmNames") or []) > LONGEST_PAGE or not 1 <= size <= LONGEST_PAGE:
            raise InvalidParameterValue("AlarmNames and MaxRecords are 100 at most.")
        if not token.isdecimal():
            raise InvalidParameterValue("The specified nextToken is invalid.")
        every: Any = super().describe_alarms().result
        found = [
            (kind, each) for kind in KINDS if kind in kinds for each in every[f"{kind}s"] if self._is_asked_for(each)
        ]
        start, end = int(token), int(token) + size
        answer: dict[str, Any] = {f"{kind}s": [each for k, each in found[start:end] if k == kind] for kind in KINDS}
        if end < len(found):
            answer["NextToken"] = str(end)
        return ActionResult(answer)

    def _is_asked_for(self, alarm: Any) -> bool:
        """Tell whether an alarm satisfies every condition; moto looks at the first one that is given."""
        names, state = self._get_param("AlarmNames") or [], self._get_param("StateValue")
        prefix = self._get_param("AlarmNamePrefix") or ""
        if names and prefix:
            raise InvalidParameterValue("AlarmNames and AlarmNamePrefix are mutually exclusive.")
        return (
            (not names or alarm.name in names) and alarm.name.startswith(prefix) and state in (None, alarm.state_value)
        )

    def put_metric_alarm(self) -> Any:
        answer = super().put_metric_alarm()
        stamp(self._alarm(), self.world.clock.now(), changed=True)
        return answer

    def put_composite_alarm(self) -> Any:
        return self.put_metric_alarm()  # moto tells them apart by their rule, but has no such operation

    def set_alarm_state(self) -> ActionResult:
        before = self._alarm().state_value
        answer = super().set_alarm_state()
        stamp(self._alarm(), self.world.clock.now(), changed=self._alarm().state_value != before)
        return answer

    def _alarm(self) -> Alarm:
        name = str(self._get_param("AlarmName"))
        return self.cloudwatch_backend.alarms[name]
