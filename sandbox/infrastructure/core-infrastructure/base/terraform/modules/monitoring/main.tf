variable "prefix" { type = string }

variable "email_secret" {
  description = "The secret with the address that gets alerts, null before it has a value."
  type        = string
}

resource "aws_sns_topic" "alerts" {
  name = "${var.prefix}-alerts"
}

data "aws_secretsmanager_secret_version" "email" {
  count     = var.email_secret == null ? 0 : 1
  secret_id = var.email_secret
}

resource "aws_sns_topic_subscription" "email" {
  count     = var.email_secret == null ? 0 : 1
  topic_arn = aws_sns_topic.alerts.arn
  protocol  = "email"
  endpoint  = data.aws_secretsmanager_secret_version.email[0].secret_string
}

resource "aws_cloudwatch_metric_alarm" "report_failures" {
  alarm_name          = "${var.prefix}-report-failures"
  alarm_description   = "The nightly report ended with an error."
  namespace           = "Core/Report"
  metric_name         = "Failures"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 1
  period              = 300
  statistic           = "Sum"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alerts.arn]
}

output "topic" { value = aws_sns_topic.alerts.arn }
