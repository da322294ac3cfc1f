variable "prefix" { type = string }
variable "alerts" { type = string }

locals {
  bucket = "${var.prefix}-exports-by-month"
  queue  = "${var.prefix}-exports"
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

resource "aws_sqs_queue" "requests" {
  name                      = local.queue
  message_retention_seconds = 345600
}

resource "aws_cloudwatch_metric_alarm" "waiting" {
  alarm_name          = "${var.prefix}-exports-waiting"
  alarm_description   = "Somebody has waited for an export for longer than an hour."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateAgeOfOldestMessage"
  dimensions          = { QueueName = aws_sqs_queue.requests.name }
  comparison_operator = "GreaterThanThreshold"
  threshold           = 3600
  evaluation_periods  = 1
  period              = 300
  statistic           = "Maximum"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.alerts]
}
