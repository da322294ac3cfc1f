output "image_tag" {
  value = var.image_tag
}

output "maps_bucket" {
  value = aws_s3_bucket.maps.bucket
}
