resource "aws_cloudwatch_log_group" "audit" {
  name              = "/core/staging/audit"
  retention_in_days = 30
}

resource "aws_ssm_parameter" "log_level" {
  name  = "/core/staging/log-level"
  type  = "String"
  value = "info"
}
