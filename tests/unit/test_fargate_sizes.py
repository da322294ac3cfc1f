"""The sizes AWS Fargate takes."""

import pytest

from include.errors import PreconditionError
from include.fargate_sizes import MEMORY, complaint, ensure_size


@pytest.mark.parametrize(
    ("cpu", "memory"),
    [(256, 512), (256, 2048), (512, 4096), (1024, 2048), (2048, 16384), (4096, 30720), (8192, 20480), (16384, 122880)],
)
def test_pair_that_aws_lists_is_taken(cpu: int, memory: int):
    ensure_size(cpu, memory)


@pytest.mark.parametrize(
    ("cpu", "memory", "sentence"),
    [
        (1024, 1024, "Fargate does not offer 1024 MiB with 1024 CPU units; use 2048 MiB, or 256 or 512 CPU units"),
        (
            256,
            4096,
            "Fargate does not offer 4096 MiB with 256 CPU units; use 2048 MiB, or 512 or 1024 or 2048 CPU units",
        ),
        (1024, 2500, "Fargate does not offer 2500 MiB with 1024 CPU units; use 3072 MiB"),
        (8192, 17408, "Fargate does not offer 17408 MiB with 8192 CPU units; use 20480 MiB, or 4096 CPU units"),
        (1000, 2048, "Fargate has no size of 1000 CPU units; use one of 256, 512, 1024, 2048, 4096, 8192, 16384"),
        (0, 0, "Fargate has no size of 0 CPU units"),
        (-256, 512, "Fargate has no size of -256 CPU units"),
    ],
)
def test_other_pair_is_refused_with_one_that_fits(cpu: int, memory: int, sentence: str):
    with pytest.raises(PreconditionError, match=rf"^{sentence}"):
        ensure_size(cpu, memory)


def test_table_has_as_many_pairs_as_aws_lists():
    assert {cpu: len(sizes) for cpu, sizes in MEMORY.items()} == {
        256: 3, 512: 4, 1024: 7, 2048: 13, 4096: 23, 8192: 12, 16384: 12,
    }  # fmt: skip
    assert all(complaint(cpu, memory) is None for cpu, sizes in MEMORY.items() for memory in sizes)
