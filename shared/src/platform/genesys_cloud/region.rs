//! Genesys Cloud regions.

use crate::http_client::OutboundUrl;
use std::str::FromStr;
use url::Url;

/// A Genesys Cloud region, given as its domain or AWS region; or a simulated one on this machine, given as its URL, such as
/// `http://127.0.0.1:8080`.
///
/// Source: <https://developer.genesys.cloud/platform/api/>.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region {
    api: Url,
    login: Url,
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
    /// `https://api.<domain>/`.
    #[must_use]
    pub fn api_url(&self) -> Url {
        self.api.clone()
    }

    /// `https://login.<domain>/`, for tokens.
    #[must_use]
    pub fn login_url(&self) -> Url {
        self.login.clone()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a domain (such as mypurecloud.com) or an AWS region (such as us-east-1) of Genesys Cloud")]
pub struct UnknownRegion;

impl FromStr for Region {
    type Err = UnknownRegion;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let parse = |url: String| url.parse::<OutboundUrl>().map(|url| url.url().clone()).map_err(|_| UnknownRegion);
        if name.starts_with("http://") {
            // `OutboundUrl` accepts plain http only for loopback addresses.
            let mut simulated = parse(name.to_owned())?;
            simulated.set_path("/");
            simulated.set_query(None);
            return Ok(Self { api: simulated.clone(), login: simulated });
        }
        let (domain, _) = REGIONS.iter().find(|(domain, aws)| *domain == name || *aws == name).ok_or(UnknownRegion)?;
        Ok(Self { api: parse(format!("https://api.{domain}/"))?, login: parse(format!("https://login.{domain}/"))? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_found_by_its_domain_and_by_its_aws_region() {
        for (domain, aws) in REGIONS {
            let region: Region = domain.parse().unwrap();
            assert_eq!(format!("https://api.{domain}/"), region.api_url().as_str());
            assert_eq!(format!("https://login.{domain}/"), region.login_url().as_str());
            assert_eq!(Ok(region), aws.parse());
        }
    }

    #[test]
    fn a_simulated_region_is_on_this_machine() {
        let region: Region = "http://127.0.0.1:8080".parse().unwrap();
        assert_eq!("http://127.0.0.1:8080/", region.api_url().as_str());
        assert_eq!(region.api_url(), region.login_url());
    }

    #[test]
    fn any_other_name_is_rejected() {
        for name in [
            "",
            "mypurecloud.com.evil.example",
            "MYPURECLOUD.COM",
            "us-east-9",
            "http://api.mypurecloud.com",
            "https://api.mypurecloud.com",
        ] {
            assert_eq!(Err(UnknownRegion), name.parse::<Region>(), "{name}");
        }
    }
}
