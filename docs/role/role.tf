# The role that the gate and the nightly run assume from GitHub Actions, without a stored key.
#
#   pytest --iam-policy --target prod > policy.json     # what the checks read, and nothing else
#   terraform apply -var repository=OWNER/NAME -var 'subjects=["environment:production"]'

terraform {
  required_version = ">= 1.7"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

variable "repository" {
  description = "OWNER/NAME of the repository whose workflows may assume the role."
  type        = string
  validation {
    condition     = can(regex("^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$", var.repository))
    error_message = "OWNER/NAME, without wildcards."
  }
}

variable "subjects" {
  description = "Which of its runs: ref:refs/heads/BRANCH or environment:NAME."
  type        = list(string)
  default     = ["ref:refs/heads/main"]
  validation {
    condition = length(var.subjects) > 0 && alltrue([
      for s in var.subjects : can(regex("^(ref:refs/(heads|tags)/|environment:)[^*?]+$", s))
    ])
    error_message = "ref:refs/heads/BRANCH or environment:NAME, without wildcards: a pull request from a fork must not fit."
  }
}

variable "policy_file" {
  description = "Output of pytest --iam-policy; default policy.json beside this file."
  type        = string
  default     = ""
}

variable "oidc_provider_arn" {
  description = "The account's identity provider for GitHub, if it has one already; it can have only one."
  type        = string
  default     = ""
}

variable "permissions_boundary" {
  description = "ARN of a policy that caps the role, where the organisation wants one."
  type        = string
  default     = null
}

resource "aws_iam_openid_connect_provider" "github" {
  count = var.oidc_provider_arn == "" ? 1 : 0

  url            = "https://token.actions.githubusercontent.com"
  client_id_list = ["sts.amazonaws.com"]
}

locals {
  provider_arn = var.oidc_provider_arn == "" ? aws_iam_openid_connect_provider.github[0].arn : var.oidc_provider_arn
  trust = {
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = { Federated = local.provider_arn }
      Condition = {
        StringEquals = {
          "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"
          "token.actions.githubusercontent.com:sub" = [for s in var.subjects : "repo:${var.repository}:${s}"]
        }
      }
    }]
  }
}

resource "aws_iam_role" "runbook_checks" {
  name                 = "runbook-checks"
  description          = "Read-only: judges environments after deploys and at night"
  assume_role_policy   = jsonencode(local.trust)
  max_session_duration = 3600
  permissions_boundary = var.permissions_boundary
}

resource "aws_iam_role_policy" "reads" {
  name   = "reads"
  role   = aws_iam_role.runbook_checks.id
  policy = file(var.policy_file == "" ? "${path.module}/policy.json" : var.policy_file)
}

output "role_arn" {
  description = "For aws-actions/configure-aws-credentials."
  value       = aws_iam_role.runbook_checks.arn
}
