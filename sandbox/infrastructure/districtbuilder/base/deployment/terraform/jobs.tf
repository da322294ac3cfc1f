resource "aws_sqs_queue" "jobs" {
  name = "${local.prefix}-topology-jobs"
}

resource "aws_cloudwatch_metric_alarm" "waiting" {
  alarm_name          = "${local.prefix}-topology-jobs-waiting"
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateAgeOfOldestMessage"
  dimensions          = { QueueName = aws_sqs_queue.jobs.name }
  comparison_operator = "GreaterThanThreshold"
  threshold           = 7200
  evaluation_periods  = 1
  period              = 300
  statistic           = "Maximum"
  treat_missing_data  = "notBreaching"
}
