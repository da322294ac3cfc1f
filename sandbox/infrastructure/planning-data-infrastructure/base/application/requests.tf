resource "aws_sqs_queue" "requests" {
  name = "${local.prefix}-collection-requests"
}

resource "aws_cloudwatch_metric_alarm" "waiting" {
  alarm_name          = "${local.prefix}-collection-requests-waiting"
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateAgeOfOldestMessage"
  dimensions          = { QueueName = aws_sqs_queue.requests.name }
  comparison_operator = "GreaterThanThreshold"
  threshold           = 3600
  evaluation_periods  = 1
  period              = 300
  statistic           = "Maximum"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alerts.arn]
}
