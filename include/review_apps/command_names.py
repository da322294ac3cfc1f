"""The commands that people give in comments on a pull request, each with what may stand after it, as an example."""

COMMANDS = {"deploy": "", "extend": "7d", "reset-db": "", "sleep": "", "wake": "", "status": "", "teardown": ""}
