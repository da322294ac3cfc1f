locals {
  prefix = "core-staging"
}

module "networking" {
  source = "../modules/networking"
  prefix = local.prefix
  cidr   = "10.41.0.0/16"
}

module "application_secrets" {
  source = "../modules/application_secrets"
}

module "monitoring_secrets" {
  source = "../modules/monitoring_secrets"
}

module "monitoring" {
  source       = "../modules/monitoring"
  prefix       = local.prefix
  email_secret = var.email_alerts ? module.monitoring_secrets.email_secret : null
}

module "front_door" {
  source        = "../modules/front_door"
  prefix        = local.prefix
  vpc           = module.networking.vpc
  subnets       = module.networking.public_subnets
  load_balancer = var.data_stores
}

module "uploads" {
  source = "../modules/uploads"
  prefix = local.prefix
}

module "exports" {
  source = "../modules/exports"
  prefix = local.prefix
  alerts = module.monitoring.topic
}

module "report" {
  source          = "../modules/report"
  prefix          = local.prefix
  log_group       = aws_cloudwatch_log_group.audit.name
  notify_secret   = module.application_secrets.notify_secret
  uploads_bucket  = module.uploads.bucket
  security_groups = [module.networking.tasks_security_group]
  subnets         = module.networking.private_subnets
}

module "database" {
  source   = "../modules/database"
  count    = var.data_stores ? 1 : 0
  prefix   = local.prefix
  subnets  = module.networking.private_subnets
  clients  = module.networking.tasks_security_group
  vpc      = module.networking.vpc
  password = var.database_password
}
