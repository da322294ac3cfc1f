"""Arguments of resources that differ from the code for one plan."""

import json

import pytest

from include.errors import PreconditionError
from include.terraform.overrides import FILE, split_address, write_overrides


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("aws_lb.front", ("", "aws_lb", "front")),
        ("aws_lb.front[0]", ("", "aws_lb", "front")),
        ("module.a.aws_lb.front", ("a", "aws_lb", "front")),
        ('module.a["x.y[0]"].module.b[3].aws_lb.front["\\"q\\".z"]', ("a.b", "aws_lb", "front")),
    ],
)
def test_an_address_has_a_module_a_type_and_a_name(address, parts):
    assert split_address(address) == parts


def test_overrides_stand_in_the_folder_of_the_module_and_instances_share_theirs(tmp_path):
    (tmp_path / "shared").mkdir()
    code = tmp_path / "code"
    (code / ".terraform" / "modules").mkdir(parents=True)
    known = [{"Key": "", "Dir": "."}, {"Key": "one", "Dir": "../shared"}, {"Key": "two", "Dir": "../shared"}]
    (code / ".terraform" / "modules" / "modules.json").write_text(json.dumps({"Modules": known}))
    files = write_overrides(
        code,
        {
            "aws_lb.front[0]": {"enable_deletion_protection": False},
            "module.one.aws_db_instance.this": {"skip_final_snapshot": True},
            "module.two.aws_db_instance.this": {"lifecycle": {"prevent_destroy": False}},
        },
    )
    assert sorted(files) == sorted([code / FILE, tmp_path / "shared" / FILE])
    assert json.loads((code / FILE).read_text()) == {
        "resource": {"aws_lb": {"front": {"enable_deletion_protection": False}}}
    }
    both = {"skip_final_snapshot": True, "lifecycle": {"prevent_destroy": False}}
    assert json.loads((tmp_path / "shared" / FILE).read_text()) == {"resource": {"aws_db_instance": {"this": both}}}


def test_a_module_that_the_code_does_not_have_is_named(tmp_path):
    with pytest.raises(PreconditionError, match=r"The code has no module gone for module\.gone\.aws_lb\.front"):
        write_overrides(tmp_path, {"module.gone.aws_lb.front": {}})
