//! This machine's clock: signatures are valid for five minutes.

use super::report::Finding;
use crate::aws::clock::ClockSkew;

const WARNING_SECONDS: u64 = 30;

pub(super) fn larger(one: Option<ClockSkew>, other: Option<ClockSkew>) -> Option<ClockSkew> {
    [one, other].into_iter().flatten().max_by_key(|skew| skew.magnitude())
}

pub(super) fn finding(skew: Option<ClockSkew>) -> Finding {
    let Some(skew) = skew else { return Finding::skipped("because no response had a date") };
    let ClockSkew { reference, seconds } = skew;
    let magnitude = skew.magnitude();
    let direction = if seconds > 0 { "ahead of" } else { "behind" };
    let observed = format!("this machine's clock is {magnitude} s {direction} {reference}");
    let advice = "signatures are valid for five minutes; set this machine's clock: `sudo timedatectl set-ntp true` on \
                  Linux, `sudo sntp -sS time.apple.com` on macOS";
    match magnitude {
        _ if skew.breaks_signatures() => Finding::fault(observed, advice),
        WARNING_SECONDS.. => Finding::warning(observed, advice),
        _ => Finding::ok(format!("within {WARNING_SECONDS} s of {reference}")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::Status;
    use super::*;

    #[test]
    fn thirty_seconds_are_a_warning_and_five_minutes_a_fault() {
        let status = |seconds| finding(Some(ClockSkew { reference: "AWS's", seconds })).status;
        for (seconds, expected) in [
            (0, Status::Ok),
            (29, Status::Ok),
            (-30, Status::Warning),
            (299, Status::Warning),
            (300, Status::Fault),
            (-300, Status::Fault),
        ] {
            assert_eq!(expected, status(seconds), "{seconds}");
        }
        assert_eq!(Status::Skipped, finding(None).status);
    }
}
