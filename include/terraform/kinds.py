"""What the types of AWS resources mean to an operator: which hold data, answer to a name, resist a destroy, or take long.

A type that is not in the table is not known to hold nothing. The attributes are those of AWS provider 5.100; the arguments of a
destroy are read from the state, not from the configuration, so they have to be applied before it. Sources, unless a row says otherwise:
the provider's schema and documentation of each resource, and AWS's API reference of its deletion.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """What is known of one resource type."""

    data: str = ""  # what is lost with it, such as "the database"
    dns: bool = False  # names lead to it, or it is such a name: a new one has another address
    protected: bool = False  # destroying it takes a second approver, though it may hold no data
    protection: str = ""  # the attribute that makes AWS refuse its deletion
    protecting: str = "true"  # the value of that attribute which protects
    before_destroy: tuple[str, ...] = ()  # attributes that decide what its deletion does: apply them before
    left_behind: tuple[str, ...] = ()  # attributes that leave it, or parts of it, in AWS on purpose
    minutes: int = 0  # that a creation or a destruction usually takes, if that is long


UNKNOWN = Kind()

FINAL_SNAPSHOT = ("skip_final_snapshot", "final_snapshot_identifier")

KINDS = {
    # databases: deletion protection is refused with InvalidParameterCombination. A final snapshot is made unless it is skipped, and a
    # name that is taken is refused with DBSnapshotAlreadyExists. Minutes: the provider waits up to 40 and 60, people report 5 to 15
    "aws_db_instance": Kind(
        "the database",
        dns=True,
        protected=True,
        protection="deletion_protection",
        before_destroy=(*FINAL_SNAPSHOT, "delete_automated_backups"),
        minutes=10,
    ),
    "aws_rds_cluster": Kind(
        "the database",
        dns=True,
        protected=True,
        protection="deletion_protection",
        before_destroy=(*FINAL_SNAPSHOT, "delete_automated_backups"),
        minutes=10,
    ),
    "aws_rds_cluster_instance": Kind(dns=True, minutes=10),  # the volume belongs to the cluster
    "aws_rds_global_cluster": Kind(
        "the database",
        dns=True,
        protected=True,
        protection="deletion_protection",
        before_destroy=("force_destroy",),
        minutes=10,
    ),
    "aws_db_snapshot": Kind("the snapshot", protected=True),
    "aws_db_cluster_snapshot": Kind("the snapshot", protected=True),
    "aws_docdb_cluster": Kind(
        "the database",
        dns=True,
        protected=True,
        protection="deletion_protection",
        before_destroy=FINAL_SNAPSHOT,
        minutes=10,
    ),
    "aws_neptune_cluster": Kind(
        "the database",
        dns=True,
        protected=True,
        protection="deletion_protection",
        before_destroy=FINAL_SNAPSHOT,
        minutes=10,
    ),
    "aws_docdb_global_cluster": Kind(
        "the database", dns=True, protected=True, protection="deletion_protection", minutes=10
    ),
    "aws_neptune_global_cluster": Kind(
        "the database", dns=True, protected=True, protection="deletion_protection", minutes=10
    ),
    "aws_neptune_cluster_instance": Kind(dns=True, before_destroy=FINAL_SNAPSHOT[:1], minutes=10),
    "aws_neptunegraph_graph": Kind("the graph", dns=True, protected=True, protection="deletion_protection", minutes=10),
    "aws_dsql_cluster": Kind(
        "the database", dns=True, protected=True, protection="deletion_protection_enabled", minutes=5
    ),
    "aws_qldb_ledger": Kind("the ledger", protected=True, protection="deletion_protection"),
    "aws_db_parameter_group": Kind(left_behind=("skip_destroy",)),
    "aws_db_option_group": Kind(left_behind=("skip_destroy",)),
    "aws_redshift_cluster": Kind("the database", dns=True, protected=True, before_destroy=FINAL_SNAPSHOT, minutes=10),
    "aws_opensearch_domain": Kind("the search indexes", dns=True, protected=True, minutes=30),
    "aws_elasticsearch_domain": Kind("the search indexes", dns=True, protected=True, minutes=30),
    "aws_dynamodb_table": Kind("the table's items", protected=True, protection="deletion_protection_enabled"),
    "aws_dynamodb_table_replica": Kind("the replica's items", protected=True, protection="deletion_protection_enabled"),
    # caches: what they hold is lost, and they are made with a snapshot only if one is named. Measured with the provider: it polls long
    "aws_elasticache_cluster": Kind("the cache", dns=True, before_destroy=("final_snapshot_identifier",), minutes=10),
    "aws_elasticache_replication_group": Kind(
        "the cache", dns=True, before_destroy=("final_snapshot_identifier",), minutes=15
    ),
    "aws_elasticache_serverless_cache": Kind("the cache", dns=True, minutes=5),
    "aws_memorydb_cluster": Kind(
        "the database", dns=True, protected=True, before_destroy=("final_snapshot_name",), minutes=15
    ),
    # storage: a bucket with an object, an old version or a delete marker is refused with BucketNotEmpty
    "aws_s3_bucket": Kind("the bucket's objects", dns=True, protected=True, before_destroy=("force_destroy",)),
    "aws_efs_file_system": Kind("the files", dns=True, protected=True),
    "aws_fsx_lustre_file_system": Kind("the files", dns=True, protected=True, minutes=10),
    "aws_fsx_windows_file_system": Kind(
        "the files", dns=True, protected=True, before_destroy=("skip_final_backup",), minutes=30
    ),
    "aws_ebs_volume": Kind("the volume", protected=True, before_destroy=("final_snapshot",)),
    "aws_ebs_snapshot": Kind("the snapshot", protected=True),
    "aws_instance": Kind("what is on its root volume", dns=True, protection="disable_api_termination"),
    "aws_backup_vault": Kind("the backups", protected=True, before_destroy=("force_destroy",)),
    "aws_ecr_repository": Kind("the images", before_destroy=("force_delete",)),
    "aws_ecrpublic_repository": Kind("the images", before_destroy=("force_destroy",)),
    # secrets: deletion waits recovery_window_in_days (30 unless it is set), and the name stays taken meanwhile; 0 deletes at once.
    # A key that is gone makes whatever it encrypted unreadable
    "aws_secretsmanager_secret": Kind("the secret", protected=True, before_destroy=("recovery_window_in_days",)),
    "aws_ssm_parameter": Kind("the parameter's value"),
    "aws_kms_key": Kind("all that the key encrypted", protected=True, before_destroy=("deletion_window_in_days",)),
    "aws_kms_replica_key": Kind(
        "all that the key encrypted", protected=True, before_destroy=("deletion_window_in_days",)
    ),
    "aws_acm_certificate": Kind(
        dns=True, minutes=5
    ),  # names validate it, and a load balancer that uses it keeps it from deletion
    # logs and queues
    "aws_cloudwatch_log_group": Kind("the logs", left_behind=("skip_destroy",)),
    "aws_sqs_queue": Kind("the queue's messages"),
    "aws_kinesis_stream": Kind("the stream's records", before_destroy=("enforce_consumer_deletion",)),
    "aws_msk_cluster": Kind("the topics' records", dns=True, protected=True, minutes=30),
    "aws_mq_broker": Kind("the broker's messages", dns=True, protected=True, minutes=15),
    "aws_cloudtrail_event_data_store": Kind("the events", protected=True, protection="termination_protection_enabled"),
    # users; deletion_protection of Cognito is ACTIVE or INACTIVE
    "aws_cognito_user_pool": Kind(
        "the users", dns=True, protected=True, protection="deletion_protection", protecting="ACTIVE"
    ),
    "aws_cognito_identity_pool": Kind("the identities", protected=True),
    "aws_cognito_user_pool_domain": Kind(dns=True, minutes=5),
    # what names lead to
    "aws_lb": Kind(dns=True, protected=True, protection="enable_deletion_protection", minutes=3),
    "aws_alb": Kind(dns=True, protected=True, protection="enable_deletion_protection", minutes=3),
    "aws_elb": Kind(dns=True, protected=True),
    "aws_eip": Kind(dns=True, protected=True),  # its address is lost for good
    "aws_globalaccelerator_accelerator": Kind(dns=True, protected=True, minutes=5),
    "aws_cloudfront_distribution": Kind(dns=True, protected=True, left_behind=("retain_on_delete",), minutes=15),
    "aws_cloudfront_vpc_origin": Kind(dns=True, minutes=15),
    "aws_route53_zone": Kind("the zone's records", dns=True, protected=True, before_destroy=("force_destroy",)),
    "aws_route53_record": Kind(dns=True, protected=True),
    "aws_api_gateway_domain_name": Kind(dns=True, protected=True, minutes=5),
    "aws_apigatewayv2_domain_name": Kind(dns=True, protected=True, minutes=5),
    "aws_api_gateway_rest_api": Kind(dns=True, protected=True),
    "aws_apigatewayv2_api": Kind(dns=True, protected=True),
    # what leaves parts behind, or takes long: network interfaces of a function that has been in a VPC stay up to 45 minutes
    "aws_ecs_task_definition": Kind(left_behind=("skip_destroy",)),
    "aws_ecs_service": Kind(before_destroy=("force_delete",), minutes=5),
    "aws_lambda_function": Kind(left_behind=("skip_destroy",), minutes=5),
    "aws_ecs_task_set": Kind(before_destroy=("force_delete",)),
    "aws_emr_cluster": Kind("what is in its HDFS", protected=True, protection="termination_protection", minutes=10),
    "aws_networkfirewall_firewall": Kind(protected=True, protection="delete_protection", minutes=10),
    "aws_volume_attachment": Kind(left_behind=("skip_destroy",)),
    "aws_lambda_layer_version": Kind(left_behind=("skip_destroy",)),
    "aws_autoscaling_group": Kind(before_destroy=("force_delete",), minutes=5),
    "aws_nat_gateway": Kind(dns=True, minutes=3),
    "aws_vpc_endpoint": Kind(minutes=3),
    "aws_eks_cluster": Kind(dns=True, protected=True, minutes=15),
    "aws_vpc": Kind(protected=True),
    "aws_iam_role": Kind(before_destroy=("force_detach_policies",)),
}

# types of which nothing is lost that the configuration does not make again; an older version of a secret stays as AWSPREVIOUS
WITHOUT_DATA = frozenset(
    each
    for line in """
    aws_appautoscaling_policy aws_appautoscaling_scheduled_action aws_appautoscaling_target aws_autoscaling_attachment
    aws_autoscaling_lifecycle_hook aws_autoscaling_policy aws_autoscaling_schedule aws_acm_certificate_validation
    aws_api_gateway_base_path_mapping aws_api_gateway_deployment aws_api_gateway_integration aws_api_gateway_method
    aws_api_gateway_resource aws_api_gateway_stage aws_apigatewayv2_integration aws_apigatewayv2_route aws_apigatewayv2_stage
    aws_cloudfront_cache_policy aws_cloudfront_function aws_cloudfront_origin_access_control aws_cloudfront_origin_access_identity
    aws_cloudfront_origin_request_policy aws_cloudfront_response_headers_policy aws_cloudwatch_composite_alarm
    aws_cloudwatch_dashboard aws_cloudwatch_event_rule aws_cloudwatch_event_target aws_cloudwatch_log_metric_filter
    aws_cloudwatch_log_subscription_filter aws_cloudwatch_metric_alarm aws_db_subnet_group aws_default_security_group
    aws_ecr_lifecycle_policy aws_ecr_repository_policy aws_ecs_capacity_provider aws_ecs_cluster
    aws_ecs_cluster_capacity_providers aws_efs_access_point aws_efs_mount_target aws_eip_association
    aws_elasticache_parameter_group aws_elasticache_subnet_group aws_flow_log aws_iam_group aws_iam_instance_profile aws_iam_policy
    aws_iam_policy_attachment aws_iam_role_policy aws_iam_role_policy_attachment aws_iam_service_linked_role
    aws_iam_user_policy aws_iam_user_policy_attachment aws_internet_gateway aws_kms_alias aws_lambda_alias
    aws_lambda_event_source_mapping aws_lambda_permission aws_launch_configuration aws_launch_template aws_lb_listener
    aws_lb_listener_certificate aws_lb_listener_rule aws_lb_target_group aws_lb_target_group_attachment aws_network_acl
    aws_network_acl_rule aws_network_interface aws_rds_cluster_parameter_group aws_route aws_route53_health_check aws_route_table
    aws_route_table_association aws_s3_bucket_acl aws_s3_bucket_cors_configuration aws_s3_bucket_lifecycle_configuration
    aws_s3_bucket_logging aws_s3_bucket_notification aws_s3_bucket_ownership_controls aws_s3_bucket_policy
    aws_s3_bucket_public_access_block aws_s3_bucket_server_side_encryption_configuration aws_s3_bucket_versioning
    aws_s3_bucket_website_configuration aws_scheduler_schedule aws_secretsmanager_secret_policy
    aws_secretsmanager_secret_rotation aws_secretsmanager_secret_version aws_security_group aws_security_group_rule aws_sns_topic
    aws_sns_topic_policy
    aws_sns_topic_subscription aws_sqs_queue_policy aws_sqs_queue_redrive_policy aws_subnet aws_vpc_dhcp_options
    aws_vpc_peering_connection aws_vpc_security_group_egress_rule aws_vpc_security_group_ingress_rule aws_wafv2_ip_set
    aws_wafv2_rule_group aws_wafv2_web_acl aws_wafv2_web_acl_association aws_wafv2_web_acl_logging_configuration
    null_resource random_id random_integer random_pet random_shuffle random_uuid terraform_data time_sleep time_static
    """.splitlines()
    for each in line.split()
)


def is_known(resource_type: str) -> bool:
    """Tell whether it is known what a destruction of this type loses."""
    return resource_type in KINDS or resource_type in WITHOUT_DATA


def kind_of(resource_type: str) -> Kind:
    """Return what is known of a type, nothing if it is not in the table."""
    return KINDS.get(resource_type, UNKNOWN)


def has_plain_id(resource_type: str) -> bool:
    """Tell whether the id of a resource is a name that may be shown: that of a random string is its value."""
    return resource_type.startswith("aws_") or resource_type in ("terraform_data", "null_resource")
