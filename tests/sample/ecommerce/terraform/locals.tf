data "aws_availability_zones" "available" {
  state = "available"
}

locals {
  name = "${var.project}-${var.environment}"
  azs  = slice(data.aws_availability_zones.available.names, 0, 3)

  # What a service is. Nothing here may refer to the database: it takes minutes to make, and load balancer,
  # log groups and registries should not wait for it.
  services = {
    product  = { container = "product-service", port = 8000, cpu = 512, memory = 1024, paths = ["/products/*"], priority = 10 }
    order    = { container = "order-service", port = 8001, cpu = 512, memory = 1024, paths = ["/orders/*"], priority = 20 }
    frontend = { container = "frontend", port = 3000, cpu = 256, memory = 512, paths = [], priority = null }
  }
  routed_services = { for key, service in local.services : key => service if length(service.paths) > 0 }

  database_environment = {
    DB_HOST = aws_db_instance.main.address
    DB_PORT = tostring(aws_db_instance.main.port)
    DB_NAME = aws_db_instance.main.db_name
    DB_USER = var.db_username
  }
  database_secrets = { DB_PASSWORD = "${aws_secretsmanager_secret.database.arn}:password::" }
  internal_url     = "http://${aws_lb.main.dns_name}"

  environment = {
    product = local.database_environment
    order   = merge(local.database_environment, { PRODUCT_SERVICE_URL = local.internal_url })
    frontend = {
      PRODUCT_SERVICE_URL = local.internal_url
      ORDER_SERVICE_URL   = local.internal_url
    }
  }
  secrets = {
    product  = local.database_secrets
    order    = local.database_secrets
    frontend = {}
  }
}
