terraform {
  # 1.11 brought write-only arguments, which keep the database password out of the state.
  required_version = ">= 1.11.0"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }

  # The bucket is made once by hand, versioned and encrypted: it cannot hold the state of itself.
  backend "s3" {
    bucket       = "ecommerce-dev-terraform-state"
    key          = "ecommerce/dev/terraform.tfstate"
    region       = "us-east-1"
    encrypt      = true
    use_lockfile = true
  }
}

provider "aws" {
  region = var.region

  default_tags {
    tags = {
      Project     = var.project
      Environment = var.environment
      ManagedBy   = "terraform"
    }
  }
}
