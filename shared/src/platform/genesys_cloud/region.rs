//! Where a Genesys Cloud organisation lives.

use std::str::FromStr;

/// A Genesys Cloud region, named by its domain or by its AWS region.
///
/// Source: <https://developer.genesys.cloud/platform/api/>.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Region {
    domain: &'static str,
}

/// Domain and AWS region of every Genesys Cloud region.
const REGIONS: [(&str, &str); 18] = [
    ("mypurecloud.com", "us-east-1"),
    ("mypurecloud.ie", "eu-west-1"),
    ("mypurecloud.com.au", "ap-southeast-2"),
    ("mypurecloud.jp", "ap-northeast-1"),
    ("mypurecloud.de", "eu-central-1"),
    ("usw2.pure.cloud", "us-west-2"),
    ("cac1.pure.cloud", "ca-central-1"),
    ("apne2.pure.cloud", "ap-northeast-2"),
    ("euw2.pure.cloud", "eu-west-2"),
    ("aps1.pure.cloud", "ap-south-1"),
    ("use2.us-gov-pure.cloud", "us-east-2"),
    ("sae1.pure.cloud", "sa-east-1"),
    ("mec1.pure.cloud", "me-central-1"),
    ("apne3.pure.cloud", "ap-northeast-3"),
    ("euc2.pure.cloud", "eu-central-2"),
    ("mxc1.pure.cloud", "mx-central-1"),
    ("apse1.pure.cloud", "ap-southeast-1"),
    ("edee1.eusc-pure.cloud", "eusc-de-east-1"),
];

impl Region {
    /// The domain, as in `https://api.<domain>`.
    #[must_use]
    pub fn domain(self) -> &'static str {
        self.domain
    }
}

/// The name is neither a domain nor an AWS region of Genesys Cloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a domain (such as mypurecloud.com) or an AWS region (such as us-east-1) of Genesys Cloud")]
pub struct UnknownRegion;

impl FromStr for Region {
    type Err = UnknownRegion;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        REGIONS
            .iter()
            .find(|(domain, aws)| *domain == name || *aws == name)
            .map(|(domain, _)| Self { domain })
            .ok_or(UnknownRegion)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_found_by_its_domain_and_by_its_aws_region() {
        for (domain, aws) in REGIONS {
            assert_eq!(domain, domain.parse::<Region>().unwrap().domain());
            assert_eq!(domain, aws.parse::<Region>().unwrap().domain());
        }
    }

    #[test]
    fn any_other_name_is_refused() {
        for name in ["", "mypurecloud.com.evil.example", "MYPURECLOUD.COM", "us-east-9"] {
            assert_eq!(Err(UnknownRegion), name.parse::<Region>());
        }
    }
}
