variable "prefix" { type = string }
variable "alerts" { type = string }

locals {
  bucket = "${var.prefix}-exported-files"
  queue  = "${var.prefix}-export-requests"
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
