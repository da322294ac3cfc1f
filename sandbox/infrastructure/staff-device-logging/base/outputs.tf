output "artifacts_bucket" {
  value = aws_s3_bucket.artifacts.bucket
}

output "logs_queue" {
  value = aws_sqs_queue.logs.url
}

output "shipper_role" {
  value = aws_iam_role.shipper.arn
}

output "syslog_log_group" {
  value = aws_cloudwatch_log_group.syslog.name
}
