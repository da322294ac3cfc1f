"""A request to start a run is judged by one function, whoever asks: here with each runbook's own params and the shipped inventory."""

import pytest
from airflow.serialization.serialized_objects import DagSerialization

from include.region_data.request import MOST
from include.request_rules import RULES, wrong_request
from opskit.requested import params_of

REASON = "a check of the tests"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
SHOP = "s3://districtbuilder-staging-data/regions"


class DagBag:
    """Like the API server's: a DAG as it came out of Airflow's database."""

    def __init__(self, dags):
        self.dags = dags

    def get_latest_version_of_dag(self, dag_id, session):
        return DagSerialization.from_dict(DagSerialization.to_dict(self.dags[dag_id]))


@pytest.fixture(scope="module")
def judge(dags):
    declared = {}

    def judge(dag_id, **conf):
        if dag_id not in declared:
            declared[dag_id] = params_of(DagBag(dags), dag_id)
        return wrong_request(dag_id, declared[dag_id], {"reason": REASON, **conf})

    return judge


def test_every_rule_is_one_of_a_runbook(dags):
    assert set(RULES) <= set(dags)


def test_form_takes_as_many_regions_as_the_plan(dags):
    assert dags["region_data_update"].params.get_param("regions").schema["maxItems"] == MOST == 60


TAKEN = {
    "a restart": ("service_restart", {"target": "core/staging", "plan_only": True}),
    "a migration": ("database_migration", {"target": "core/staging"}),
    "a migration of another size": ("database_migration", {"target": "core/staging", "cpu": 2048, "memory": 8192}),
    "a command in full": (
        "database_migration",
        {"target": "core/staging", "command": "in full", "words": ["bundle", "exec", "rake", "db:seed"]},
    ),
    "a deployment": ("staging_deployment", {"target": "core/staging", "commit": COMMIT}),
    "a deployment by CI": (
        "staging_deployment",
        {"target": "core/staging", "commit": COMMIT, "repository": "example-housing/core"},
    ),
    "a release": ("production_release", {"target": "core/production", "commit": "", "version": None, "bump": "minor"}),
    "a release with a version": ("production_release", {"target": "core/production", "version": "v1.20.3"}),
    "a release without a v": ("production_release", {"target": "districtbuilder/production", "version": "1.20.3"}),
    "a rollback": ("release_rollback", {"target": "core/production", "to": "production-v1.2.3-20261121140000"}),
    "an image": ("image_publication", {"target": "core/staging", "commit": COMMIT}),
    "region data": (
        "region_data_update",
        {
            "target": "districtbuilder/staging",
            "regions": [
                {"region": "US/PA", "data": f"{SHOP}/US/PA/2026-11-20/"},
                {"region": "US/VT", "data": f"{SHOP}/US/VT/2026-11-20", "name": "Vermont"},
            ],
        },
    ),
}


@pytest.mark.parametrize("case", TAKEN)
def test_right_request_is_taken(judge, case):
    dag_id, conf = TAKEN[case]
    assert judge(dag_id, **conf) is None


def regions(*entries, **rest):
    return "region_data_update", {"target": "districtbuilder/staging", "regions": list(entries), **rest}


def region(data, **rest):
    return regions({"region": "US/PA", "data": data, **rest})


def migration(**conf):
    return "database_migration", {"target": "core/staging", **conf}


REFUSED = {
    "commit with a newline": (
        ("image_publication", {"target": "core/staging", "commit": f"{COMMIT}\n"}),
        rf"commit '{COMMIT}\n' is too long: at most 40 characters are taken.",
    ),
    "39 characters and a newline": (
        ("image_publication", {"target": "core/staging", "commit": f"{COMMIT[1:]}\n"}),
        rf"commit '{COMMIT[1:]}\n' does not have its form (All 40 characters of its id, as git rev-parse prints them. "
        "The tab Choices lists the newest ones.).",
    ),
    "version with a newline": (
        ("production_release", {"target": "core/production", "version": "v1.2.3\n"}),
        r"version 'v1.2.3\n' does not have its form (Such as v1.2.3; left out, the one after the last.).",
    ),
    "version with another prefix": (
        ("production_release", {"target": "core/production", "version": "1.2.3"}),
        "'1.2.3' is no version of this repository's form; give one such as v1.2.3, nothing was changed.",
    ),
    "version with a prefix where there is none": (
        ("production_release", {"target": "districtbuilder/production", "version": "v1.2.3"}),
        "'v1.2.3' is no version of this repository's form; give one such as 1.2.3, nothing was changed.",
    ),
    "version with a leading zero": (
        ("production_release", {"target": "core/production", "version": "v1.02.3"}),
        "'v1.02.3' is no version of this repository's form; give one such as v1.2.3, nothing was changed.",
    ),
    "version of a megabyte": (
        ("production_release", {"target": "core/production", "version": "v1.2." + "3" * 1_000_000}),
        f"version 'v1.2.{'3' * 74}... (1,000,005 characters) is too long: at most 40 characters are taken.",
    ),
    "tag of two lines": (
        ("release_rollback", {"target": "core/production", "to": "production-v1\n"}),
        r"to 'production-v1\n' does not have its form (The readable tag of a release, such as "
        "production-v1.2.3-20261121140000; left out, the last release before the one that runs. The tab Choices "
        "lists those that are still in the registry.).",
    ),
    "another repository": (
        (
            "staging_deployment",
            {"target": "core/staging", "commit": COMMIT, "repository": "example-org/planning-data"},
        ),
        "core/staging is built from example-housing/core, not from 'example-org/planning-data'; correct the call or the "
        "inventory, nothing was changed.",
    ),
    "repository with a newline": (
        ("staging_deployment", {"target": "core/staging", "commit": COMMIT, "repository": "example-housing/core\n"}),
        r"repository 'example-housing/core\n' does not have its form (<owner>/<name>, if CI wants to be sure; the inventory knows "
        "it.).",
    ),
    "in full without words": (
        migration(command="in full"),
        "command is 'in full', but words is empty; give the command as a list of words such as ['bundle', 'exec', 'rake', "
        "'db:migrate'].",
    ),
    "words without in full": (
        migration(words=["bundle", "exec", "rake", "db:drop"]),
        "words gives a command in full, but command is 'migrate'; choose 'in full' to run the words, or leave them out to run "
        "migrate.",
    ),
    "words that are numbers": (migration(command="in full", words=[1]), "words[0] must be a text, not 1."),
    "an empty word": (
        migration(command="in full", words=["rake", ""]),
        "words[1] '' is too short: 0 characters, and 1 are needed.",
    ),
    "a word of two lines": (
        migration(command="in full", words=["rake", "a\nb"]),
        r"'a\nb' is no word of a command; give a list of words such as ['bundle', 'exec', 'rake', 'db:migrate'], nothing was "
        "changed.",
    ),
    "20,000 words": (
        migration(command="in full", words=["x"] * 20_000),
        "words has 20,000 entries, and at most 200 are taken.",
    ),
    "words that are too long together": (
        migration(command="in full", words=["x" * 4_000] * 2),
        "The command has 8,008 characters, more than ECS takes; put it into the image as a script.",
    ),
    "a preset that the target has not": (
        migration(command="prepare"),
        "There is no command 'prepare' for core-staging-ad-hoc (there is: migrate, seed, setup); choose one of those, add it to the "
        "inventory, or give the command in full.",
    ),
    "cpu below one": (migration(cpu=-1), "cpu is -1, but its minimum is 1."),
    "memory of nothing": (migration(memory=0), "memory is 0, but its minimum is 1."),
    "a size that Fargate has not": (
        migration(cpu=2048, memory=3072),
        "Fargate does not offer 3072 MiB with 2048 CPU units; use 4096 MiB, or 512 or 1024 CPU units; nothing was changed.",
    ),
    "no regions": (regions(), "regions has 0 entries, and at least 1 is needed."),
    "20,000 regions": (
        regions(*[{"region": "US/PA", "data": f"{SHOP}/US/PA/"}] * 20_000),
        "regions has 20,000 entries, and at most 60 are taken.",
    ),
    "regions that are names": (regions("US/PA"), "regions[0] must be an object, not 'US/PA'."),
    "a region twice": (
        regions(*[{"region": "US/PA", "data": f"{SHOP}/US/PA/{day}/"} for day in "12"]),
        "Region US/PA is listed twice; keep one of the two.",
    ),
    "a region without data": (
        regions({"region": "US/PA"}),
        "Entry 1 of regions is {'region': 'US/PA'}; it needs exactly region and data, such as "
        '{"region": "US/PA", "data": "s3://bucket/folder/"}, and name for a region that does not exist yet.',
    ),
    "a region with an extra key": (
        region(f"{SHOP}/US/PA/", zone=1),
        "Entry 1 of regions has 'zone'; it takes region and data, and name for a region that does not exist yet.",
    ),
    "a region with a newline": (
        regions({"region": "US/PA\n", "data": f"{SHOP}/US/PA/"}),
        r"Entry 1 of regions names 'US/PA\n'; a region is named like US/PA.",
    ),
    "a region of a megabyte": (
        regions({"region": "US/PA", "data": f"{SHOP}/{'x' * 1_000_000}/"}),
        f"regions[0].data '{SHOP}/{'x' * 37}... (1,000,043 characters) is too long: at most 1100 characters are taken.",
    ),
    "data in the folder above": (
        region(f"{SHOP}/../US/PA/"),
        f"The data of US/PA, '{SHOP}/../US/PA/', has the folder '..', and wildcards, empty names, '.' and '..' mean nothing to "
        "S3; give the URI of one folder such as s3://bucket/regions/US/PA/.",
    ),
    "data with a wildcard": (
        region(f"{SHOP}/US/*/"),
        f"The data of US/PA, '{SHOP}/US/*/', has the folder '*', and wildcards, empty names, '.' and '..' mean nothing to S3; "
        "give the URI of one folder such as s3://bucket/regions/US/PA/.",
    ),
    "data with two slashes": (
        region("s3://districtbuilder-staging-data//US/PA/"),
        "The data of US/PA, 's3://districtbuilder-staging-data//US/PA/', has the folder '', and wildcards, empty names, '.' and "
        "'..' mean nothing to S3; give the URI of one folder such as s3://bucket/regions/US/PA/.",
    ),
    "data with a version": (
        region(f"{SHOP}/US/PA/?versionId=1"),
        f"The data of US/PA, '{SHOP}/US/PA/?versionId=1/', has the folder '?versionId=1', and wildcards, empty names, '.' and "
        "'..' mean nothing to S3; give the URI of one folder such as s3://bucket/regions/US/PA/.",
    ),
    "data with user info": (
        region("s3://me:secret@districtbuilder-staging-data/US/PA/"),
        "'s3://me:secret@districtbuilder-staging-data/US/PA/' is no URI of an S3 folder; give one like "
        "s3://bucket/regions/US/PA/.",
    ),
    "data that is a bucket": (
        region("s3://districtbuilder-staging-data"),
        "'s3://districtbuilder-staging-data' means the whole bucket districtbuilder-staging-data; name a folder in it.",
    ),
    "data of production": (
        region("s3://districtbuilder-production-data/regions/US/PA/"),
        "The data of US/PA is in bucket districtbuilder-production-data, which the inventory does not list (it lists "
        "districtbuilder-staging-data); copy it there first, or add the bucket.",
    ),
    "data with a longer key than S3 has": (
        region(f"{SHOP}/{'ä' * 510}/"),
        f"The data of US/PA, {ascii(f'{SHOP}/' + 'ä' * 510)[:80]}... (553 characters), has a longer name than S3 has keys "
        "(1,024 bytes); correct it.",
    ),
    "requests below none": (
        regions({"region": "US/PA", "data": f"{SHOP}/US/PA/"}, requests_per_second=-1),
        "requests_per_second is -1, but its minimum is 0.",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_wrong_request_is_refused_in_one_sentence_before_there_is_a_run(judge, case):
    (dag_id, conf), sentence = REFUSED[case]
    assert judge(dag_id, **conf) == sentence


def parts(name, schema):
    """Yield a param's schema and those of what is in it, each with its path."""
    yield name, schema
    if "items" in schema:
        yield from parts(f"{name}[]", schema["items"])
    for key, value in schema.get("properties", {}).items():
        yield from parts(f"{name}.{key}", value)


def unbounded(schema):
    kinds = schema.get("type", ())
    kinds = {kinds} if isinstance(kinds, str) else set(kinds)
    if "enum" in schema:
        return set()
    needed = {"string": {"maxLength"}, "array": {"maxItems", "items"}, "object": {"properties"}}
    needed |= {"integer": {"minimum", "maximum"}, "number": {"minimum", "maximum"}}
    return {
        each for kind in kinds or {"no type"} for each in needed.get(kind, {} if kind != "no type" else {"type"})
    } - {*schema}


def test_every_text_list_and_number_has_its_bounds(dags):
    found = {
        f"{dag_id}.{path}": unbounded(schema)
        for dag_id, dag in dags.items()
        for name in dag.params
        for path, schema in parts(name, dag.params.get_param(name).schema)
    }
    assert len(found) > 20
    assert {path: missing for path, missing in found.items() if missing} == {}


def test_no_text_of_a_fixed_form_takes_a_newline_at_its_end(dags):
    forms = {
        schema["pattern"]
        for dag in dags.values()
        for name in dag.params
        for _, schema in parts(name, dag.params.get_param(name).schema)
        if schema.get("pattern", "").endswith(("$", "$(?!\n)", r"$(?!\n)"))
    }
    assert len(forms) == 7
    assert [form for form in forms if not form.endswith(r"$(?!\n)")] == []
