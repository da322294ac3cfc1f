"""The allow-list: attributes whose values may be shown to everybody who sees a run, by resource type of the AWS provider 5.x.

On it: names, sizes, counts, retention, versions, classes, flags of protection, ports, addresses of networks, schedules. Not on it:
free text, tags other than Name, commands, environments, headers, policies' conditions, the values of DNS records, and whatever holds a
secret by its purpose. `[]` stands for each element of a list. An entry covers everything below it.
"""


def _listed(text: str) -> frozenset[str]:
    return frozenset(text.split())


IN_EVERY_TYPE = _listed(
    """
    name name_prefix identifier identifier_prefix cluster_identifier bucket bucket_prefix tags.Name type enabled
    engine engine_version instance_class instance_type node_type availability_zone availability_zones
    cidr_block port protocol publicly_accessible multi_az storage_encrypted encrypted storage_type allocated_storage
    kms_key_id subnet_ids subnet_id security_group_ids security_groups vpc_security_group_ids vpc_id
    deletion_protection deletion_protection_enabled enable_deletion_protection termination_protection deletion_window_in_days
    skip_final_snapshot final_snapshot_identifier delete_automated_backups skip_destroy retain_on_delete
    force_destroy force_delete force_new_deployment apply_immediately allow_major_version_upgrade auto_minor_version_upgrade
    recovery_window_in_days retention_in_days schedule_expression schedule_expression_timezone
    """
)

IN_TYPE = {
    "aws_acm_certificate": _listed("domain_name subject_alternative_names validation_method key_algorithm"),
    "aws_api_gateway_domain_name": _listed("domain_name certificate_arn regional_certificate_arn security_policy"),
    "aws_apigatewayv2_domain_name": _listed("domain_name"),
    "aws_appautoscaling_scheduled_action": _listed(
        "resource_id schedule timezone start_time end_time scalable_target_action[].min_capacity scalable_target_action[].max_capacity"
    ),
    "aws_appautoscaling_target": _listed("resource_id scalable_dimension service_namespace min_capacity max_capacity"),
    "aws_autoscaling_group": _listed(
        "min_size max_size desired_capacity health_check_type health_check_grace_period protect_from_scale_in suspended_processes "
        "termination_policies vpc_zone_identifier target_group_arns force_delete_warm_pool launch_configuration launch_template[].id "
        "launch_template[].name launch_template[].version"
    ),
    "aws_autoscaling_schedule": _listed(
        "scheduled_action_name autoscaling_group_name min_size max_size desired_capacity recurrence time_zone start_time end_time"
    ),
    "aws_cloudfront_distribution": _listed(
        "aliases price_class default_root_object http_version is_ipv6_enabled web_acl_id staging wait_for_deployment "
        "origin[].domain_name origin[].origin_id origin[].origin_path viewer_certificate[].acm_certificate_arn "
        "viewer_certificate[].cloudfront_default_certificate viewer_certificate[].minimum_protocol_version "
        "viewer_certificate[].ssl_support_method default_cache_behavior[].target_origin_id "
        "default_cache_behavior[].viewer_protocol_policy default_cache_behavior[].cache_policy_id "
        "ordered_cache_behavior[].path_pattern ordered_cache_behavior[].target_origin_id "
        "ordered_cache_behavior[].viewer_protocol_policy ordered_cache_behavior[].cache_policy_id"
    ),
    "aws_cloudwatch_event_rule": _listed("event_bus_name is_enabled state"),
    "aws_cloudwatch_event_target": _listed(
        "rule target_id arn event_bus_name ecs_target[].task_count ecs_target[].launch_type ecs_target[].task_definition_arn"
    ),
    "aws_cloudwatch_log_group": _listed("log_group_class"),
    "aws_cloudwatch_metric_alarm": _listed(
        "alarm_name comparison_operator evaluation_periods datapoints_to_alarm metric_name namespace period statistic extended_statistic "
        "threshold treat_missing_data unit actions_enabled alarm_actions ok_actions insufficient_data_actions"
    ),
    "aws_cognito_user_pool": _listed(
        "mfa_configuration username_attributes alias_attributes auto_verified_attributes user_pool_tier"
    ),
    "aws_db_instance": _listed(
        "db_name iops storage_throughput max_allocated_storage backup_retention_period backup_window maintenance_window "
        "db_subnet_group_name parameter_group_name option_group_name ca_cert_identifier license_model monitoring_interval "
        "performance_insights_enabled performance_insights_retention_period iam_database_authentication_enabled "
        "manage_master_user_password replicate_source_db snapshot_identifier enabled_cloudwatch_logs_exports copy_tags_to_snapshot "
        "restore_to_point_in_time[].restore_time restore_to_point_in_time[].source_db_instance_identifier"
    ),
    "aws_dynamodb_table": _listed(
        "billing_mode hash_key range_key read_capacity write_capacity table_class stream_enabled stream_view_type attribute[].name "
        "attribute[].type global_secondary_index[].name global_secondary_index[].hash_key global_secondary_index[].range_key "
        "point_in_time_recovery[].enabled point_in_time_recovery[].recovery_period_in_days replica[].region_name ttl[].enabled "
        "ttl[].attribute_name"
    ),
    "aws_ecr_lifecycle_policy": _listed("repository"),
    "aws_ecr_repository": _listed("image_tag_mutability image_scanning_configuration[].scan_on_push"),
    "aws_ecs_cluster": _listed("setting[].name setting[].value"),
    "aws_ecs_service": _listed(
        "cluster desired_count launch_type platform_version scheduling_strategy task_definition availability_zone_rebalancing "
        "deployment_maximum_percent deployment_minimum_healthy_percent health_check_grace_period_seconds enable_execute_command "
        "wait_for_steady_state deployment_circuit_breaker[].enable deployment_circuit_breaker[].rollback deployment_controller[].type "
        "load_balancer[].container_name load_balancer[].container_port load_balancer[].target_group_arn alarms[].alarm_names "
        "alarms[].enable alarms[].rollback network_configuration[].assign_public_ip network_configuration[].security_groups "
        "network_configuration[].subnets capacity_provider_strategy[].capacity_provider capacity_provider_strategy[].base "
        "capacity_provider_strategy[].weight"
    ),
    "aws_ecs_task_definition": _listed(
        "family cpu memory network_mode requires_compatibilities execution_role_arn task_role_arn revision "
        "ephemeral_storage[].size_in_gib runtime_platform[].cpu_architecture runtime_platform[].operating_system_family volume[].name "
        "volume[].efs_volume_configuration[].file_system_id container_definitions[].name container_definitions[].image "
        "container_definitions[].cpu container_definitions[].memory container_definitions[].memoryReservation "
        "container_definitions[].essential container_definitions[].portMappings container_definitions[].readonlyRootFilesystem "
        "container_definitions[].user"
    ),
    "aws_efs_file_system": _listed(
        "creation_token performance_mode throughput_mode provisioned_throughput_in_mibps lifecycle_policy[].transition_to_ia "
        "lifecycle_policy[].transition_to_archive availability_zone_name"
    ),
    "aws_efs_mount_target": _listed("file_system_id ip_address"),
    "aws_eip": _listed("instance network_interface public_ip domain"),
    "aws_elasticache_cluster": _listed(
        "cluster_id num_cache_nodes parameter_group_name subnet_group_name maintenance_window snapshot_retention_limit snapshot_window "
        "replication_group_id"
    ),
    "aws_elasticache_replication_group": _listed(
        "replication_group_id num_cache_clusters num_node_groups replicas_per_node_group parameter_group_name subnet_group_name "
        "automatic_failover_enabled multi_az_enabled at_rest_encryption_enabled transit_encryption_enabled transit_encryption_mode "
        "maintenance_window snapshot_retention_limit snapshot_window snapshot_name"
    ),
    "aws_iam_instance_profile": _listed("role path"),
    "aws_iam_policy": _listed(
        "path policy.Statement[].Sid policy.Statement[].Effect policy.Statement[].Action policy.Statement[].NotAction "
        "policy.Statement[].Resource policy.Statement[].NotResource"
    ),
    "aws_iam_role": _listed(
        "path max_session_duration permissions_boundary managed_policy_arns assume_role_policy.Statement[].Sid "
        "assume_role_policy.Statement[].Effect assume_role_policy.Statement[].Action assume_role_policy.Statement[].Principal"
    ),
    "aws_iam_role_policy": _listed(
        "role policy.Statement[].Sid policy.Statement[].Effect policy.Statement[].Action policy.Statement[].NotAction "
        "policy.Statement[].Resource policy.Statement[].NotResource"
    ),
    "aws_iam_role_policy_attachment": _listed("role policy_arn"),
    "aws_instance": _listed(
        "ami disable_api_termination disable_api_stop associate_public_ip_address ebs_optimized iam_instance_profile monitoring tenancy "
        "root_block_device[].volume_size root_block_device[].volume_type root_block_device[].encrypted root_block_device[].iops "
        "root_block_device[].delete_on_termination metadata_options[].http_tokens"
    ),
    "aws_kms_alias": _listed("target_key_id"),
    "aws_kms_key": _listed(
        "customer_master_key_spec enable_key_rotation is_enabled key_usage multi_region rotation_period_in_days"
    ),
    "aws_lambda_function": _listed(
        "function_name architectures handler image_uri layers memory_size package_type publish reserved_concurrent_executions role "
        "runtime timeout s3_bucket s3_key s3_object_version ephemeral_storage[].size tracing_config[].mode vpc_config[].subnet_ids "
        "vpc_config[].security_group_ids logging_config[].log_group logging_config[].log_format"
    ),
    "aws_launch_template": _listed(
        "image_id disable_api_termination default_version update_default_version iam_instance_profile[].name "
        "block_device_mappings[].device_name block_device_mappings[].ebs[].volume_size block_device_mappings[].ebs[].volume_type "
        "block_device_mappings[].ebs[].encrypted metadata_options[].http_tokens"
    ),
    "aws_lb": _listed(
        "internal load_balancer_type ip_address_type idle_timeout subnets drop_invalid_header_fields enable_http2 "
        "enable_cross_zone_load_balancing access_logs[].bucket access_logs[].enabled access_logs[].prefix"
    ),
    "aws_lb_listener": _listed(
        "certificate_arn ssl_policy load_balancer_arn default_action[].type default_action[].order default_action[].target_group_arn "
        "default_action[].forward[].target_group[].arn default_action[].forward[].target_group[].weight "
        "default_action[].redirect[].host default_action[].redirect[].path default_action[].redirect[].port "
        "default_action[].redirect[].protocol default_action[].redirect[].status_code default_action[].fixed_response[].status_code "
        "default_action[].fixed_response[].content_type"
    ),
    "aws_lb_listener_rule": _listed(
        "listener_arn priority action[].type action[].order action[].target_group_arn action[].forward[].target_group[].arn "
        "action[].forward[].target_group[].weight action[].redirect[].host action[].redirect[].path action[].redirect[].port "
        "action[].redirect[].protocol action[].redirect[].status_code action[].fixed_response[].status_code "
        "condition[].host_header[].values condition[].path_pattern[].values"
    ),
    "aws_lb_target_group": _listed(
        "target_type protocol_version deregistration_delay slow_start load_balancing_algorithm_type health_check[].enabled "
        "health_check[].path health_check[].port health_check[].protocol health_check[].matcher health_check[].interval "
        "health_check[].timeout health_check[].healthy_threshold health_check[].unhealthy_threshold stickiness[].enabled "
        "stickiness[].type stickiness[].cookie_duration"
    ),
    "aws_nat_gateway": _listed("allocation_id connectivity_type"),
    "aws_rds_cluster": _listed(
        "database_name engine_mode iops backup_retention_period preferred_backup_window preferred_maintenance_window "
        "db_cluster_parameter_group_name db_subnet_group_name db_cluster_instance_class snapshot_identifier "
        "replication_source_identifier manage_master_user_password enable_http_endpoint iam_database_authentication_enabled "
        "enabled_cloudwatch_logs_exports copy_tags_to_snapshot scaling_configuration[].min_capacity "
        "scaling_configuration[].max_capacity serverlessv2_scaling_configuration[].min_capacity "
        "serverlessv2_scaling_configuration[].max_capacity"
    ),
    "aws_rds_cluster_instance": _listed(
        "promotion_tier db_parameter_group_name db_subnet_group_name monitoring_interval"
    ),
    "aws_route": _listed(
        "route_table_id destination_cidr_block destination_ipv6_cidr_block gateway_id nat_gateway_id transit_gateway_id "
        "vpc_peering_connection_id vpc_endpoint_id"
    ),
    "aws_route53_record": _listed(
        "zone_id ttl set_identifier alias[].name alias[].zone_id alias[].evaluate_target_health weighted_routing_policy[].weight "
        "failover_routing_policy[].type latency_routing_policy[].region"
    ),
    "aws_route53_zone": _listed("delegation_set_id"),
    "aws_route_table": _listed(
        "route[].cidr_block route[].ipv6_cidr_block route[].gateway_id route[].nat_gateway_id route[].transit_gateway_id "
        "route[].vpc_endpoint_id route[].vpc_peering_connection_id"
    ),
    "aws_route_table_association": _listed("route_table_id"),
    "aws_s3_bucket": _listed("acl object_lock_enabled versioning[].enabled"),
    "aws_s3_bucket_lifecycle_configuration": _listed(
        "rule[].id rule[].status rule[].prefix rule[].expiration[].days rule[].expiration[].date "
        "rule[].noncurrent_version_expiration[].noncurrent_days rule[].transition[].days rule[].transition[].storage_class "
        "rule[].abort_incomplete_multipart_upload[].days_after_initiation"
    ),
    "aws_s3_bucket_policy": _listed(
        "policy.Statement[].Sid policy.Statement[].Effect policy.Statement[].Action policy.Statement[].NotAction "
        "policy.Statement[].Resource policy.Statement[].Principal"
    ),
    "aws_s3_bucket_public_access_block": _listed(
        "block_public_acls block_public_policy ignore_public_acls restrict_public_buckets"
    ),
    "aws_s3_bucket_versioning": _listed("versioning_configuration[].status versioning_configuration[].mfa_delete"),
    "aws_scheduler_schedule": _listed(
        "group_name state start_date end_date flexible_time_window[].mode flexible_time_window[].maximum_window_in_minutes target[].arn "
        "target[].ecs_parameters[].task_count target[].ecs_parameters[].task_definition_arn"
    ),
    "aws_secretsmanager_secret": _listed("replica[].region"),
    "aws_security_group": _listed(
        "revoke_rules_on_delete ingress[].from_port ingress[].to_port ingress[].protocol ingress[].cidr_blocks "
        "ingress[].ipv6_cidr_blocks ingress[].security_groups ingress[].prefix_list_ids ingress[].self egress[].from_port "
        "egress[].to_port egress[].protocol egress[].cidr_blocks egress[].ipv6_cidr_blocks egress[].security_groups "
        "egress[].prefix_list_ids egress[].self"
    ),
    "aws_security_group_rule": _listed(
        "security_group_id from_port to_port cidr_blocks ipv6_cidr_blocks prefix_list_ids self source_security_group_id"
    ),
    "aws_sns_topic": _listed("fifo_topic content_based_deduplication"),
    "aws_sns_topic_subscription": _listed("topic_arn raw_message_delivery filter_policy_scope"),
    "aws_sqs_queue": _listed(
        "fifo_queue delay_seconds max_message_size message_retention_seconds receive_wait_time_seconds visibility_timeout_seconds "
        "sqs_managed_sse_enabled"
    ),
    "aws_ssm_parameter": _listed("tier data_type"),
    "aws_subnet": _listed("map_public_ip_on_launch ipv6_cidr_block"),
    "aws_vpc": _listed("enable_dns_hostnames enable_dns_support instance_tenancy ipv6_cidr_block"),
    "aws_vpc_endpoint": _listed("service_name vpc_endpoint_type private_dns_enabled route_table_ids"),
    "aws_vpc_security_group_egress_rule": _listed(
        "security_group_id cidr_ipv4 cidr_ipv6 from_port to_port ip_protocol prefix_list_id referenced_security_group_id"
    ),
    "aws_vpc_security_group_ingress_rule": _listed(
        "security_group_id cidr_ipv4 cidr_ipv6 from_port to_port ip_protocol prefix_list_id referenced_security_group_id"
    ),
}

# attributes that hold JSON as text; what is listed of them is looked up in it
IN_JSON = {
    "aws_ecs_task_definition": _listed("container_definitions"),
    "aws_iam_policy": _listed("policy"),
    "aws_iam_role": _listed("assume_role_policy"),
    "aws_iam_role_policy": _listed("policy"),
    "aws_s3_bucket_policy": _listed("policy"),
}
