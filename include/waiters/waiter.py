"""What a waiter is: one look at AWS, made over and over until it says done or raises."""

from collections.abc import Callable
from typing import Any

from include.aws.clients import Clients
from include.aws.ecs import Service
from include.waiters.progress import Progress

# `arguments` is JSON; a caller that has just described the service passes it
Waiter = Callable[[Clients, dict[str, Any], Service | None], Progress]
