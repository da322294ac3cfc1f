output "collection_bucket" {
  value = aws_s3_bucket.collection.bucket
}
