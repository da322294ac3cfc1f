resource "aws_cloudwatch_log_group" "syslog" {
  name              = "${local.prefix}-syslog"
  retention_in_days = 30
}
