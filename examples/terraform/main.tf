# Patchbay's stack of a release beside your own resources: your KMS key and alarm topic go in, and your DNS zone gets a record
# of the API. docs/deploy.md describes the parameters, the outputs and the files of a release.

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.0"
    }
  }
}

variable "code_bucket" {
  description = "A bucket in the stack's region with the release's zip files and its template.yaml"
  type        = string
}

variable "code_prefix" {
  description = "What their keys start with; another one for each version"
  type        = string
  default     = "patchbay/0.1.0/"
}

variable "domain_name" {
  description = "The API's address, such as patchbay.example.com"
  type        = string
}

variable "certificate_arn" {
  description = "Its certificate, in ACM and in the stack's region"
  type        = string
}

variable "zone_id" {
  description = "The Route 53 zone for its record"
  type        = string
}

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

data "aws_s3_bucket" "code" {
  bucket = var.code_bucket
}

data "aws_iam_policy_document" "key" {
  statement {
    sid       = "Account"
    actions   = ["kms:*"]
    resources = ["*"]
    principals {
      type        = "AWS"
      identifiers = ["arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:root"]
    }
  }
  statement {
    sid       = "Logs"
    actions   = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
    resources = ["*"]
    principals {
      type        = "Service"
      identifiers = ["logs.${data.aws_region.current.region}.${data.aws_partition.current.dns_suffix}"]
    }
  }
  statement {
    sid       = "AlarmsToEncryptedTopic"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey*"]
    resources = ["*"]
    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com"]
    }
  }
}

resource "aws_kms_key" "messages" {
  description         = "Messages of customers and agents"
  enable_key_rotation = true
  policy              = data.aws_iam_policy_document.key.json
}

resource "aws_sns_topic" "on_call" {
  name              = "on-call"
  kms_master_key_id = aws_kms_key.messages.arn
}

resource "aws_cloudformation_stack" "patchbay" {
  name         = "patchbay"
  template_url = "https://${data.aws_s3_bucket.code.bucket_regional_domain_name}/${var.code_prefix}template.yaml"
  # AUTO_EXPAND: the template is a SAM template.
  capabilities = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
  parameters = {
    CodeBucket     = var.code_bucket
    CodePrefix     = var.code_prefix
    KmsKeyArn      = aws_kms_key.messages.arn
    AlarmTopicArn  = aws_sns_topic.on_call.arn
    DomainName     = var.domain_name
    CertificateArn = var.certificate_arn
  }
}

resource "aws_route53_record" "api" {
  zone_id = var.zone_id
  name    = var.domain_name
  type    = "CNAME"
  ttl     = 300
  records = [aws_cloudformation_stack.patchbay.outputs["DomainTarget"]]
}

output "api_url" {
  value = aws_cloudformation_stack.patchbay.outputs["ApiUrl"]
}
