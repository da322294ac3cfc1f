variable "email_alerts" {
  description = "Subscribe the address in the secret MONITORING_EMAIL to alerts. Only once somebody has entered it."
  type        = bool
  default     = false
}

variable "data_stores" {
  description = "Have the database and the load balancer, too. They take minutes."
  type        = bool
  default     = false
}

variable "database_password" {
  description = "The database's first password."
  type        = string
  default     = null
  sensitive   = true
}
