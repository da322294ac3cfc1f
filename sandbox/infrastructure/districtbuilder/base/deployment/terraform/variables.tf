variable "environment" {
  description = "Of which the resources' names are made: staging or production."
  type        = string
}

variable "aws_account" {
  description = "The account that the environment is in."
  type        = string
}

variable "image_tag" {
  description = "The commit that is deployed, seven characters of it."
  type        = string

  validation {
    condition     = can(regex("^[0-9a-f]{7}$", var.image_tag))
    error_message = "An image tag is seven characters of a commit."
  }
}

variable "database_password" {
  type      = string
  sensitive = true
}

variable "feature_flags" {
  description = "How many flags the application has, each a parameter of its own."
  type        = number
  default     = 40
}
