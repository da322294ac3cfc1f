"""The error that stops the sandbox, in one sentence for the person at the terminal."""


class SandboxError(Exception):
    """The message is shown as it is, without a traceback."""
