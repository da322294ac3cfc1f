resource "aws_cloudwatch_log_group" "syslog" {
  name              = "${local.prefix}-syslog"
  retention_in_days = 90
}

resource "aws_ssm_parameter" "support" {
  name  = "/staff-device/${terraform.workspace}/support-address"
  type  = "String"
  value = var.owner_email
}
