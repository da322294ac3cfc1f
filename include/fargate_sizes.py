"""CPU and memory combinations that AWS Fargate takes for Linux."""

from include.errors import PreconditionError

# docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html, read in November 2026: units of 1/1024 vCPU
# to MiB; 8192 and 16384 need platform version 1.4.0 or later
MEMORY: dict[int, tuple[int, ...]] = {
    256: (512, 1024, 2048),
    512: tuple(range(1024, 4096 + 1, 1024)),
    1024: tuple(range(2048, 8192 + 1, 1024)),
    2048: tuple(range(4096, 16384 + 1, 1024)),
    4096: tuple(range(8192, 30720 + 1, 1024)),
    8192: tuple(range(16384, 61440 + 1, 4096)),
    16384: tuple(range(32768, 122880 + 1, 8192)),
}


def complaint(cpu: int, memory: int) -> str | None:
    """Return what is wrong with a size and which sizes would fit, or None if Fargate takes it."""
    if cpu not in MEMORY:
        return f"Fargate has no size of {cpu} CPU units; use one of {', '.join(map(str, MEMORY))}"
    if memory in MEMORY[cpu]:
        return None
    higher = [size for size in MEMORY[cpu] if size >= memory]
    near = higher[0] if higher else MEMORY[cpu][-1]
    others = [str(units) for units, sizes in MEMORY.items() if memory in sizes]
    other = f", or {' or '.join(others)} CPU units" if others else ""
    return f"Fargate does not offer {memory} MiB with {cpu} CPU units; use {near} MiB{other}"


def ensure_size(cpu: int, memory: int) -> None:
    """Refuse a size that Fargate does not offer. Raises: PreconditionError."""
    if wrong := complaint(cpu, memory):
        raise PreconditionError(f"{wrong}; nothing was changed.")
