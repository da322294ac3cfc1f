variable "name" {
  description = "Name of the role, as the inventory has it (`role`)."
  type        = string
}

variable "runbooks" {
  description = "The runbooks that may work with this role; each gets a policy of its own."
  type        = set(string)

  validation {
    condition     = alltrue([for name in var.runbooks : fileexists("${path.module}/policies/${name}.json")])
    error_message = "There is no such runbook; each file in policies/ is named after one."
  }
}

variable "resources" {
  description = "Names of the target's resources, by kind; `python -m tools.role_variables <target>` prints them."
  type = object({
    operations_table      = optional(list(string), [])
    cluster               = optional(list(string), [])
    service               = optional(list(string), []) # <cluster>/<service>
    family                = optional(list(string), []) # of task definitions
    task_role             = optional(list(string), []) # ARNs of the task and execution roles of those
    scaling_group         = optional(list(string), [])
    log_group             = optional(list(string), [])
    database              = optional(list(string), []) # RDS instances
    application           = optional(list(string), []) # of CodeDeploy
    deployment_group      = optional(list(string), []) # <application>/<group>
    build_project         = optional(list(string), []) # of CodeBuild
    repository            = optional(list(string), []) # ARNs, ECR
    registry              = optional(list(string), []) # arn:aws:ecr:<region>:<account>:repository
    data_bucket           = optional(list(string), [])
    state_bucket          = optional(list(string), [])
    state_object          = optional(list(string), []) # <bucket>/<key>
    settings_object       = optional(list(string), []) # <bucket>/<key>
    lock_table            = optional(list(string), [])
    parameter             = optional(list(string), []) # of SSM, without the first slash
    output_parameter      = optional(list(string), [])
    function              = optional(list(string), []) # of Lambda, each with a stack of its name
    function_role         = optional(list(string), []) # ARNs of the execution roles of those
    artefact_bucket       = optional(list(string), []) # of their packages
    short_lived_log_group = optional(list(string), []) # patterns of those whose retention is set
  })
}

variable "trusted_principals" {
  description = "ARNs of the roles or users that may assume this role: those of Airflow's workers and triggerer."
  type        = list(string)

  validation {
    condition     = length(var.trusted_principals) > 0 && !contains(var.trusted_principals, "*")
    error_message = "Name the principals that run Airflow; a role that everybody may assume is none."
  }
}

variable "external_id" {
  description = "The external id that a caller has to give (`external_id` in the Airflow connection's extra), or null."
  type        = string
  default     = null
}

variable "more_policies" {
  description = "ARNs of further policies: what your own Terraform code manages, which nobody else can know."
  type        = set(string)
  default     = []
}

variable "permissions_boundary" {
  description = "ARN of a policy that limits the role, or null."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of the role and its policies."
  type        = map(string)
  default     = {}
}
