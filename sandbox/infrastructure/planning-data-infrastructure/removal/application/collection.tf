resource "aws_s3_bucket" "collection" {
  bucket = "${local.prefix}-files-by-organisation"
}

resource "aws_s3_bucket_versioning" "collection" {
  bucket = aws_s3_bucket.collection.id

  versioning_configuration {
    status = "Enabled"
  }
}
