variable "prefix" { type = string }
variable "alerts" { type = string }

locals {
  bucket = "${var.prefix}-exported-files"
  topic  = "${var.prefix}-exports-to-collect"
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
