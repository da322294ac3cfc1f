resource "aws_s3_bucket" "maps" {
  bucket = "${local.prefix}-maps-by-region"
}

resource "aws_s3_bucket_versioning" "maps" {
  bucket = aws_s3_bucket.maps.id

  versioning_configuration {
    status = "Enabled"
  }
}
