"""The names of a target's resources to which the IAM policies of its runbooks are narrowed, from the inventory."""

from __future__ import annotations

from include.inventory.infrastructure import Terraform
from include.inventory.models import Environment
from include.inventory.promotion import Promotion
from include.inventory.target import Target

PLANS = "runbook-plans"  # the folder of a state bucket with the plans that wait for their approval


LARGEST = 999_999_999  # of an environment that comes and goes: in its place stands what IAM matches with any


def policy_resources(target: Target) -> dict[str, list[str]]:
    """Return the variable `resources` of the Terraform module terraform/roles, by the names that its policies have for each kind.

    Those of a template are for all of its environments.
    """
    if target.template is None:
        return _resources(target)
    template = target.system.templates[target.template]
    name = template.name_of(LARGEST)
    environments = {**target.system.environments, name: template.fill(name)}
    filled = Target(target.system.model_copy(update={"environments": environments}), name, target.template)
    return {
        kind: list(dict.fromkeys(each.replace(str(LARGEST), "*") for each in names))
        for kind, names in _resources(filled).items()
    }


def _resources(target: Target) -> dict[str, list[str]]:
    place = target.environment
    services, one_off = place.services, place.one_off
    found = {
        "operations_table": [place.operations_table],
        "cluster": [place.cluster] if place.cluster else [],
        "service": [f"{place.cluster}/{service.name}" for service in services],
        "family": [service.family for service in services] + ([one_off.family] if one_off else []),
        "scaling_group": [service.scaling_group.name for service in services if service.scaling_group],
        "log_group": [service.log_group for service in services] + ([one_off.log_group] if one_off else []),
        "database": [
            *([place.database.instance] if place.database else []),
            *([place.review_app.database.server] if place.review_app else []),
        ],
        "application": [service.code_deploy.application for service in services if service.code_deploy],
        "deployment_group": [
            f"{service.code_deploy.application}/{service.code_deploy.group}"
            for service in services
            if service.code_deploy
        ],
        "build_project": [place.builder.name] if place.builder and place.builder.kind == "codebuild" else [],
        **_of_images(target),
        "data_bucket": list(place.region_data.buckets) if place.region_data else [],
        **(_of_terraform(place.terraform) if place.terraform else {}),
        **(_of_promotion(place.promotion) if place.promotion else {}),
    }
    if place.terraform:
        found["parameter"] = _parameters(place)
    return {name: list(dict.fromkeys(names)) for name, names in found.items() if names}


def _of_images(target: Target) -> dict[str, list[str]]:
    """Return the ARN of the repository of the target's images, and the registries that images may come from, its account's included."""
    place = target.environment
    own = f"arn:aws:ecr:{place.region}:{place.account}:repository"
    if not (place.registry or target.system.image_repository):
        return {"repository": [], "registry": [own]}
    found = target.registry
    registry = f"arn:aws:ecr:{found.region}:{found.account}:repository"
    return {"repository": [f"{registry}/{found.repository}"], "registry": [registry, own]}


def _of_terraform(terraform: Terraform) -> dict[str, list[str]]:
    key, workspace, bucket = terraform.state_key, terraform.workspace, terraform.state_bucket
    state = key if workspace == "default" else f"env:/{workspace}/{key}"
    keys = [key, state, f"{state}.tflock", f"{PLANS}/{key}/*"]
    return {
        "state_bucket": [bucket],
        "state_object": [f"{bucket}/{each}" for each in keys],
        "settings_object": [f"{terraform.settings.bucket}/{terraform.settings.key}"] if terraform.settings else [],
        "lock_table": [terraform.lock_table] if terraform.lock_table else [],
        "output_parameter": [terraform.outputs.removeprefix("/")] if terraform.outputs else [],
    }


def _of_promotion(promotion: Promotion) -> dict[str, list[str]]:
    artefact, retention = promotion.artefact, promotion.log_retention
    return {
        "function": list(artefact.functions) if artefact else [],
        "artefact_bucket": [artefact.bucket] if artefact else [],
        "short_lived_log_group": list(retention.groups) if retention else [],
    }


def _parameters(place: Environment) -> list[str]:
    """Return the names of the parameters that Terraform and the tool of an artefact read, without their first slash."""
    artefact = place.promotion.artefact if place.promotion else None
    found = [*place.terraform.parameters.values()] if place.terraform else []
    found += [*artefact.parameters.values(), *artefact.files.values()] if artefact else []
    return [name.removeprefix("/") for name in found]
