resource "aws_cloudwatch_log_group" "audit" {
  name              = "/core/production/audit"
  retention_in_days = 60
}

resource "aws_ssm_parameter" "log_level" {
  name  = "/core/production/log-level"
  type  = "String"
  value = "info"
}
