"""Only the Terraform of the expected digest gets into the image."""

import hashlib
import io
import zipfile

import pytest

from deployment.fetch_terraform import main, unpack


@pytest.fixture
def archive():
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as opened:
        opened.writestr("terraform", "#!/bin/sh\necho Terraform\n")
        opened.writestr("LICENSE.txt", "words")
    return made.getvalue()


def test_program_of_the_right_archive_can_be_run(archive, tmp_path):
    unpack(archive, hashlib.sha256(archive).hexdigest(), tmp_path / "terraform")
    assert (tmp_path / "terraform").read_text().startswith("#!/bin/sh")
    assert (tmp_path / "terraform").stat().st_mode & 0o111 == 0o111
    assert [file.name for file in tmp_path.iterdir()] == ["terraform"]


def test_any_other_archive_is_refused(archive, tmp_path):
    with pytest.raises(SystemExit, match="is expected; nothing was installed"):
        unpack(archive, "0" * 64, tmp_path / "terraform")
    assert list(tmp_path.iterdir()) == []


def test_machine_without_a_known_digest_is_refused(tmp_path):
    with pytest.raises(SystemExit, match="There is no digest of Terraform for riscv64, only for amd64, arm64"):
        main("1.11.4", "riscv64", "amd64=1", "arm64=2", str(tmp_path / "terraform"))
