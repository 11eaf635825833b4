//! What this machine's clock means for signatures: they are good for five minutes.

use super::report::Finding;
use crate::clock::Deviation;

/// From how many seconds on it is worth looking at.
const WARNING_SECONDS: u64 = 30;

/// The larger of two.
pub(super) fn larger(one: Option<Deviation>, other: Option<Deviation>) -> Option<Deviation> {
    [one, other].into_iter().flatten().max_by_key(|deviation| deviation.size())
}

/// What the deviation means.
pub(super) fn finding(deviation: Option<Deviation>) -> Finding {
    let Some(deviation) = deviation else { return Finding::skipped("because no answer told the time") };
    let Deviation { whose, seconds } = deviation;
    let size = deviation.size();
    let direction = if seconds > 0 { "ahead of" } else { "behind" };
    let seen = format!("this machine's clock is {size} s {direction} {whose}");
    let advice = "set this machine's clock, by NTP for example: signatures are good for five minutes";
    match size {
        _ if deviation.spoils_signatures() => Finding::fault(seen, advice),
        WARNING_SECONDS.. => Finding::warning(seen, advice),
        _ => Finding::ok(format!("within {WARNING_SECONDS} s of {whose}")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::Verdict;
    use super::*;

    #[test]
    fn thirty_seconds_are_worth_a_look_and_five_minutes_are_a_fault() {
        let verdict = |seconds| finding(Some(Deviation { whose: "AWS's", seconds })).verdict;
        for (seconds, expected) in [
            (0, Verdict::Ok),
            (29, Verdict::Ok),
            (-30, Verdict::Warning),
            (299, Verdict::Warning),
            (300, Verdict::Fault),
            (-300, Verdict::Fault),
        ] {
            assert_eq!(expected, verdict(seconds), "{seconds}");
        }
        assert_eq!(Verdict::Skipped, finding(None).verdict);
    }
}
