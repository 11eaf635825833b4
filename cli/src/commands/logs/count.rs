//! Counts lines by the values of fields.

use super::filter::is_field;
use super::record::LogRecord;
use crate::ui::output::seconds;
use crate::ui::table::Column::{self, Optional, Required};
use crate::ui::table::table_of;
use jiff::Timestamp;
use serde_json::{Map, Value};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::str::FromStr;

#[derive(Debug, Clone)]
pub(super) struct Field(String);

impl FromStr for Field {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let field = is_field(text).then(|| Self(text.to_owned()));
        field.ok_or("must be fields, such as outcome or integration,reason")
    }
}

/// How many lines have the same values.
pub(super) struct Counts<'f> {
    fields: &'f [Field],
    /// By the values as JSON, because JSON has no order.
    counts: BTreeMap<Vec<String>, Count>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Count {
    lines: u64,
    /// The time of the last line.
    last: Timestamp,
}

impl<'f> Counts<'f> {
    pub(super) fn new(fields: &'f [Field]) -> Self {
        Self { fields, counts: BTreeMap::new() }
    }

    pub(super) fn add(&mut self, record: &LogRecord) {
        let value = |Field(path): &Field| match path.as_str() {
            "function" => Value::from(record.function()),
            path => record.get(path).cloned().unwrap_or_default(),
        };
        let values = self.fields.iter().map(|field| value(field).to_string()).collect();
        let count = self.counts.entry(values).or_default();
        count.lines += 1;
        count.last = count.last.max(record.time);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// The values and the number of lines that have them, most frequent first.
    fn sorted(&self) -> Vec<(Vec<Value>, Count)> {
        let values =
            |json: &Vec<String>| json.iter().map(|json| serde_json::from_str(json).unwrap_or_default()).collect();
        let mut sorted: Vec<_> = self.counts.iter().map(|(json, count)| (values(json), *count)).collect();
        sorted.sort_by_key(|(_, count)| Reverse(count.lines));
        sorted
    }

    /// For programs: an object for each, with the fields, `count` and the time of the `last` line.
    pub(super) fn to_json(&self) -> Vec<Map<String, Value>> {
        let names = || self.fields.iter().map(|Field(name)| name.clone());
        let object = |(values, count): (Vec<Value>, Count)| {
            let counted = [("count", count.lines.into()), ("last", count.last.to_string().into())];
            names().zip(values).chain(counted.map(|(name, value)| (name.to_owned(), value))).collect()
        };
        self.sorted().into_iter().map(object).collect()
    }

    /// For people.
    pub(super) fn to_table(&self) -> String {
        let fields = self.fields.iter().map(|Field(name)| Required(name.as_str()));
        let columns: Vec<Column<'_>> =
            [Required("lines")].into_iter().chain(fields).chain([Optional("last")]).collect();
        let row = |(values, count): (Vec<Value>, Count)| {
            let counted = [count.lines.to_string()].into_iter().chain(values.iter().map(shown));
            counted.chain([seconds(count.last)]).collect::<Vec<_>>()
        };
        table_of(&columns, self.sorted().into_iter().map(row))
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn counted(fields: &[Field]) -> Counts<'_> {
        let mut counts = Counts::new(fields);
        let lines = [
            json!({"outcome": "retry", "status": 503}),
            json!({"outcome": "failed", "status": 422}),
            json!({"outcome": "retry", "status": 503, "reason": "other fields do not count"}),
            json!({"outcome": "retry", "status": "503"}),
            json!({"message": "without an outcome"}),
        ];
        for (second, line) in (0..).zip(lines) {
            counts.add(&LogRecord::read("f", Timestamp::from_second(second).unwrap(), line.to_string()));
        }
        counts
    }

    fn fields(names: &[&str]) -> Vec<Field> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    #[test]
    fn lines_are_counted_by_the_values_of_the_fields_most_frequent_first() {
        let fields = fields(&["outcome", "status"]);
        let table = counted(&fields).to_table();
        let text = anstream::adapter::strip_str(&table).to_string();
        let expected = "LINES  OUTCOME  STATUS  LAST\n2      retry    503     1970-01-01T00:00:02Z\n1      failed   422     1970-01-01T00:00:01Z\n\
             1      retry    503     1970-01-01T00:00:03Z\n1      -        -       1970-01-01T00:00:04Z";
        let lines = |text: &str| text.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>();
        assert_eq!(lines(expected), lines(&text));
        let expected = json!([
            {"outcome": "retry", "status": 503, "count": 2, "last": "1970-01-01T00:00:02Z"},
            {"outcome": "failed", "status": 422, "count": 1, "last": "1970-01-01T00:00:01Z"},
            {"outcome": "retry", "status": "503", "count": 1, "last": "1970-01-01T00:00:03Z"},
            {"outcome": null, "status": null, "count": 1, "last": "1970-01-01T00:00:04Z"},
        ]);
        assert_eq!(expected, serde_json::to_value(counted(&fields).to_json()).unwrap());
    }

    #[test]
    fn the_function_counts_as_a_field() {
        let expected = json!([{"function": "f", "count": 5, "last": "1970-01-01T00:00:04Z"}]);
        assert_eq!(expected, json!(counted(&fields(&["function"])).to_json()));
    }

    #[test]
    fn a_field_is_a_name_or_a_path() {
        for wrong in ["", "a b", "a=b", "$.a", "\u{1b}"] {
            assert!(wrong.parse::<Field>().is_err(), "{wrong:?}");
        }
        assert!("record.status".parse::<Field>().is_ok());
    }
}
