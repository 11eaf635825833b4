//! Untrusted JSON: limits, repair, and field-by-field reading.

pub mod fields;
pub mod i_json;
pub(crate) mod lenient;
pub mod limits;
pub(crate) mod open_enum;

#[cfg(test)]
mod tests {
    use serde_json::json;

    /// Features of dependencies are unified in a workspace build, and one of them changes the order.
    #[test]
    fn a_workspace_build_orders_objects_like_a_build_of_one_function() {
        assert_eq!(r#"{"a":1,"b":2}"#, json!({"b": 2, "a": 1}).to_string());
    }
}
