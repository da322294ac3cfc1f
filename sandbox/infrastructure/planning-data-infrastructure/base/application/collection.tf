resource "aws_s3_bucket" "collection" {
  bucket = "${local.prefix}-collected-files"
}

resource "aws_s3_bucket_versioning" "collection" {
  bucket = aws_s3_bucket.collection.id

  versioning_configuration {
    status = "Enabled"
  }
}
