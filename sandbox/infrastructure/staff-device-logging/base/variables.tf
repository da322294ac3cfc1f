variable "owner_email" {
  description = "Who answers for what is here."
  type        = string
}

variable "syslog_cidr" {
  description = "From where devices send their logs."
  type        = string
}

variable "elastic_username" {
  description = "By which logs are shipped."
  type        = string
}

variable "elastic_password" {
  type      = string
  sensitive = true
}
