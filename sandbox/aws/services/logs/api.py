"""FilterLogEvents over what tasks have written until now; everything else of CloudWatch Logs is moto's."""

import json
import re
from typing import Any

from moto.logs.exceptions import InvalidParameterException, ResourceNotFoundException
from moto.logs.models import LogStream
from moto.logs.responses import LogsResponse

from sandbox.aws.sim.world import World

PAGE = 10_000  # events
TERM = re.compile(r'(?P<sign>[?-]?)(?:"(?P<phrase>(?:[^"\\]|\\.)*)"|(?P<word>\w+))(?=\s|$)')


class Pattern:
    """A filter pattern of terms: all of them, one of those marked `?`, none of those marked `-`."""

    def __init__(self, text: str):
        if text.startswith(("{", "[", "%")):
            raise NotImplementedError("filter patterns of JSON, columns and regular expressions")
        self._terms: dict[str, list[str]] = {"": [], "?": [], "-": []}
        rest = text.strip()
        while rest:
            found = TERM.match(rest)
            if found is None:
                raise InvalidParameterException("Invalid filter pattern")
            phrase = found["phrase"]
            self._terms[found["sign"]].append(found["word"] if phrase is None else phrase.replace('\\"', '"'))
            rest = rest[found.end() :].lstrip()

    def matches(self, message: str) -> bool:
        all_of, any_of, none_of = self._terms.values()
        return (
            all(each in message for each in all_of)
            and not any(each in message for each in none_of)
            and (not any_of or any(each in message for each in any_of))
        )


class WorldLogsResponse(LogsResponse):
    """`world` is set once, when the server is made."""

    world: World

    def filter_log_events(self) -> str:
        self.world.catch_up()
        streams, pattern = self._streams(), Pattern(self._get_param("filterPattern") or "")
        since, until = self._get_param("startTime") or 0, self._get_param("endTime") or float("inf")
        found = [
            {**event.to_filter_dict(), "logStreamName": name}
            for name, stream in streams.items()
            for event in stream.events
            if since <= event.timestamp <= until and pattern.matches(event.message)
        ]
        found.sort(key=lambda each: each["timestamp"])
        token, size = str(self._get_param("nextToken") or "0"), int(self._get_param("limit") or PAGE)
        if not token.isdecimal():
            raise InvalidParameterException("The specified nextToken is invalid.")
        if not 1 <= size <= PAGE:
            raise InvalidParameterException(f"limit must be between 1 and {PAGE}.")
        end = int(token) + size
        answer: dict[str, Any] = {"events": found[int(token) : end], "searchedLogStreams": []}
        if end < len(found):
            answer["nextToken"] = str(end)
        return json.dumps(answer)

    def get_log_events(self) -> str:
        self.world.catch_up()
        return super().get_log_events()

    def _streams(self) -> dict[str, LogStream]:
        """Return the streams to search. Raises: ResourceNotFoundException if the group or a named stream is missing."""
        name = str(self._get_param("logGroupName") or self._get_param("logGroupIdentifier"))
        group = self.logs_backend.groups.get(name.rsplit(":", 1)[-1])
        if group is None:
            raise ResourceNotFoundException
        names, prefix = self._get_param("logStreamNames"), self._get_param("logStreamNamePrefix")
        if names and prefix:
            raise InvalidParameterException("logStreamNames and logStreamNamePrefix are mutually exclusive.")
        if names:
            if set(names) - set(group.streams):
                raise ResourceNotFoundException("The specified log stream does not exist.")
            return {each: group.streams[each] for each in names}
        return {each: stream for each, stream in group.streams.items() if each.startswith(prefix or "")}
