resource "aws_s3_bucket" "archive" {
  bucket = "${local.prefix}-log-archive"
}

resource "aws_s3_bucket_versioning" "archive" {
  bucket = aws_s3_bucket.archive.id

  versioning_configuration {
    status = "Enabled"
  }
}
