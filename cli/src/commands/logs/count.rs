//! Counts lines by the values of fields.

use super::filter::is_field;
use super::record::LogRecord;
use crate::ui::table::Column::{self, Required};
use crate::ui::table::table_of;
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
    counts: BTreeMap<Vec<String>, u64>,
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
        *self.counts.entry(values).or_default() += 1;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// The values and the number of lines that have them, most frequent first.
    fn sorted(&self) -> Vec<(Vec<Value>, u64)> {
        let values =
            |json: &Vec<String>| json.iter().map(|json| serde_json::from_str(json).unwrap_or_default()).collect();
        let mut sorted: Vec<_> = self.counts.iter().map(|(json, count)| (values(json), *count)).collect();
        sorted.sort_by_key(|(_, count)| Reverse(*count));
        sorted
    }

    /// For programs: an object for each, with the fields and `count`.
    pub(super) fn to_json(&self) -> Vec<Map<String, Value>> {
        let names = || self.fields.iter().map(|Field(name)| name.clone());
        let object = |(values, count): (Vec<Value>, u64)| {
            names().zip(values).chain([("count".to_owned(), count.into())]).collect()
        };
        self.sorted().into_iter().map(object).collect()
    }

    /// For people.
    pub(super) fn to_table(&self) -> String {
        let fields = self.fields.iter().map(|Field(name)| Required(name.as_str()));
        let columns: Vec<Column<'_>> = [Required("lines")].into_iter().chain(fields).collect();
        let row = |(values, count): (Vec<Value>, u64)| {
            [count.to_string()].into_iter().chain(values.iter().map(shown)).collect::<Vec<_>>()
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
    use jiff::Timestamp;
    use serde_json::json;

    fn counted(fields: &[Field]) -> Counts<'_> {
        let mut counts = Counts::new(fields);
        for line in [
            json!({"outcome": "retry", "status": 503}),
            json!({"outcome": "failed", "status": 422}),
            json!({"outcome": "retry", "status": 503, "reason": "other fields do not count"}),
            json!({"outcome": "retry", "status": "503"}),
            json!({"message": "without an outcome"}),
        ] {
            counts.add(&LogRecord::read("f", Timestamp::UNIX_EPOCH, line.to_string()));
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
        let expected =
            "LINES  OUTCOME  STATUS\n2      retry    503\n1      failed   422\n1      retry    503\n1      -        -";
        let lines = |text: &str| text.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>();
        assert_eq!(lines(expected), lines(&text));
        let expected = json!([
            {"outcome": "retry", "status": 503, "count": 2},
            {"outcome": "failed", "status": 422, "count": 1},
            {"outcome": "retry", "status": "503", "count": 1},
            {"outcome": null, "status": null, "count": 1},
        ]);
        assert_eq!(expected, serde_json::to_value(counted(&fields).to_json()).unwrap());
    }

    #[test]
    fn the_function_counts_as_a_field() {
        assert_eq!(json!([{"function": "f", "count": 5}]), json!(counted(&fields(&["function"])).to_json()));
    }

    #[test]
    fn a_field_is_a_name_or_a_path() {
        for wrong in ["", "a b", "a=b", "$.a", "\u{1b}"] {
            assert!(wrong.parse::<Field>().is_err(), "{wrong:?}");
        }
        assert!("record.status".parse::<Field>().is_ok());
    }
}
