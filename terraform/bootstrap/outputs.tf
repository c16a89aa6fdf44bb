output "state_bucket" {
  description = "S3 bucket for Terraform's states; null where they stay in the checkout."
  value       = one(aws_s3_bucket.state[*].bucket)
}

output "control_plane_repository" {
  description = "Where the control plane's image is pushed to."
  value       = aws_ecr_repository.image["control_plane"].repository_url
}

output "hello_repository" {
  description = "Where the sample application's image is pushed to."
  value       = aws_ecr_repository.image["hello"].repository_url
}
