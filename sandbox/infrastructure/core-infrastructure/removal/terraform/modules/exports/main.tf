variable "prefix" { type = string }
variable "alerts" { type = string }

locals {
  bucket = "${var.prefix}-exports-by-month"
  topic  = "${var.prefix}-exports-ready"
}

resource "aws_s3_bucket" "this" {
  bucket = local.bucket
}

resource "aws_s3_bucket_versioning" "this" {
  bucket = aws_s3_bucket.this.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_sns_topic" "ready" {
  name = local.topic
}

resource "aws_cloudwatch_metric_alarm" "undelivered" {
  alarm_name          = "${var.prefix}-exports-undelivered"
  alarm_description   = "Somebody was not told that an export is ready."
  namespace           = "AWS/SNS"
  metric_name         = "NumberOfNotificationsFailed"
  dimensions          = { TopicName = aws_sns_topic.ready.name }
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 1
  period              = 300
  statistic           = "Sum"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.alerts]
}
