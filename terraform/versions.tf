terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.40"
    }
  }

  # No backend here: without one the state stays in this folder. `make setup` writes backend.tf beside this file.
}

provider "aws" {
  region = var.region

  default_tags {
    # Never tempus:install or tempus:managed. Those say "a preview's, made by the controller": the sweep deletes what
    # carries them without a record, and the roles below may touch nothing else.
    tags = { "tempus:control-plane" = var.install }
  }
}
