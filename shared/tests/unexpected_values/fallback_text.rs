//! The requirements for `fallbackText`, which depends on all parts of a message.

use crate::samples::Sample;
use crate::scalars;
use serde_json::Value;

/// Whether a message has no plain text although it has text or a file.
pub(crate) fn is_missing(message: &Value) -> bool {
    let is_not_blank = |value: &Value| value.as_str().is_some_and(|text| !text.trim().is_empty());
    let own = ["text", "subject", "html"].iter().any(|name| is_not_blank(&message[*name]));
    let parts = ["content", "attachments"].iter().filter_map(|name| message[*name].as_array()).flatten();
    let pointers = ["/text", "/text/body", "/url", "/attachment/url", "/template/text", "/template/body/text"];
    let in_a_part = |part: &Value| pointers.iter().any(|pointer| part.pointer(pointer).is_some_and(is_not_blank));
    let has_words_or_files = own || parts.into_iter().any(in_a_part);
    let is_message = message["kind"] != "Receipt" && message["kind"] != "Typing";
    is_message && has_words_or_files && of(message).is_empty()
}

/// What is wrong with the plain text of `after`. Lines of `before` without a part of the replaced member must be unchanged,
/// except for the numbers of options. In all other lines, the other words must remain, in order. No line may be repeated
/// more often than before, and an email must not show HTML.
pub(crate) fn failures(sample: &Sample, at: &str, odd: &Value, before: &Value, after: &Value) -> Vec<String> {
    let (before, after) = (of(before).to_lowercase(), of(after).to_lowercase());
    let (old_lines, new_lines) = (lines(&before), lines(&after));
    let shown = shown_with(&sample.body, at);
    let is_touched = |text: &str| shown.iter().any(|shown| text.contains(shown.as_str()) || shown.contains(text));
    let mut failures = Vec::new();
    for line in old_lines.iter().filter(|line| !new_lines.contains(line)) {
        let rest: Vec<_> = words(line).filter(|word| !is_touched(word)).collect();
        let is_kept =
            rest.is_empty() || is_made_of_data(line) || new_lines.iter().any(|line| has_in_order(line, &rest));
        if !is_touched(line) || !is_kept {
            failures.push(format!("fallbackText lacks {line:?}"));
        }
    }
    let count = |lines: &[&str], line: &str| lines.iter().filter(|other| **other == line).count();
    let repeated = new_lines.iter().filter(|line| count(&new_lines, line) > count(&old_lines, line).max(1));
    failures.extend(repeated.map(|line| format!("fallbackText repeats {line:?}")));
    // With another type, the part is not the HTML of the email.
    if sample.body["type"] == "Email" && after.contains("<p>") && *odd != "5" {
        failures.push("fallbackText has HTML".to_owned());
    }
    failures
}

fn of(message: &Value) -> &str {
    message["fallbackText"].as_str().unwrap_or_default()
}

/// The lines without the numbers of options.
fn lines(text: &str) -> Vec<&str> {
    let unnumbered = |line| match str::split_once(line, ". ") {
        Some((number, label)) if number.parse::<u32>().is_ok() => label,
        _ => line,
    };
    text.lines().map(unnumbered).filter(|line| !line.is_empty()).collect()
}

fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split_whitespace().map(|word| word.trim_end_matches(':'))
}

fn has_in_order(line: &str, rest: &[&str]) -> bool {
    let mut words = words(line);
    rest.iter().all(|word| words.any(|other| other == *word))
}

/// Whether a line is a sentence or a time, which is composed of several members.
fn is_made_of_data(line: &str) -> bool {
    ["phone call", "voicemail", "not delivered", "20"].iter().any(|start| line.starts_with(start))
}

/// The texts that are shown together with the replaced member: its own, those of the parameter or the time that it is part
/// of, those of the parameters of a text with placeholders, and the day of a time.
fn shown_with(body: &Value, at: &str) -> Vec<String> {
    let mut steps: Vec<_> = at.split('/').collect();
    if let Some(list) = steps.iter().rposition(|step| ["parameters", "availableTimes"].contains(step)) {
        steps.truncate(list + 2);
    } else if body.pointer(at).unwrap().as_str().is_some_and(|text| text.contains("{{")) {
        steps.pop();
    }
    let mut values = Vec::new();
    scalars(body.pointer(&steps.join("/")).unwrap(), &mut values);
    let mut shown = Vec::new();
    for value in values {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_lowercase);
        shown.extend(text.split('t').next().filter(|_| is_made_of_data(&text)).map(str::to_owned));
        shown.extend(text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned));
    }
    shown
}
