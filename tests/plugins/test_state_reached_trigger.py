"""The trigger's arguments, and its event."""

from airflow.sdk.module_loading import import_string

from opskit.waits.state_reached import StateReachedTrigger


def test_trigger_survives_being_stored_and_made_again():
    given = {
        "watch": "settled",
        "target": "core/staging",
        "arguments": {"since": "2026-11-20T14:00:00+00:00"},
        "poll_seconds": 15.0,
    }
    path, kwargs = StateReachedTrigger(**given).serialize()
    assert path == "opskit.waits.state_reached.StateReachedTrigger"
    again = import_string(path)(**kwargs)
    assert again.serialize() == (path, given)
