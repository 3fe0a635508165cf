variable "project" {
  description = "First part of every name."
  type        = string
  default     = "ecommerce"
}

variable "environment" {
  description = "Second part of every name."
  type        = string
  default     = "dev"
}

variable "region" {
  description = "Region of everything but the billing alarm, which exists in us-east-1 only."
  type        = string
  default     = "us-east-1"
}

variable "image_tag" {
  description = "Image tag of the first deployment; the deploy workflow registers later revisions."
  type        = string
  default     = "1.0.0"
}

variable "db_username" {
  description = "Master user of the database."
  type        = string
  default     = "ecommerce"
}

variable "db_password" {
  description = "Password of the master user, as TF_VAR_db_password; never in the state. Sent only when its version changes, so a plan may be given any value."
  type        = string
  sensitive   = true
  ephemeral   = true

  validation {
    condition     = length(var.db_password) >= 16
    error_message = "The database password needs at least 16 characters."
  }
}

variable "db_password_version" {
  description = "Raise by one to send a new db_password to the database and to the secret."
  type        = number
  default     = 1
}

variable "alert_email" {
  description = "Address that alarms are mailed to; empty for none."
  type        = string
  default     = ""
}

variable "estimated_charges_limit_usd" {
  description = "Month-to-date charges, in US dollars, above which the billing alarm goes off."
  type        = number
  default     = 150
}

variable "monthly_budget_usd" {
  description = "Monthly budget in US dollars; 0 for none."
  type        = number
  default     = 0
}
