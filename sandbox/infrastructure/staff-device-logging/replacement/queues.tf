resource "aws_sqs_queue" "dead_letters" {
  name                      = "${local.prefix}-undelivered-logs"
  message_retention_seconds = 604800 # what is in it is personal: no longer than a week
}

resource "aws_sqs_queue" "logs" {
  name                       = "${local.prefix}-logs"
  visibility_timeout_seconds = 60

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letters.arn
    maxReceiveCount     = 3
  })
}

