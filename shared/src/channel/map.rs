//! A place as a link, for platforms that know no locations.

/// A link that opens the place on a map; `None` if it is not on Earth.
///
/// Source: <https://developers.google.com/maps/documentation/urls/get-started#search-action>.
pub(super) fn map_link(latitude: f64, longitude: f64) -> Option<String> {
    let on_earth = (-90.0..=90.0).contains(&latitude) && (-180.0..=180.0).contains(&longitude);
    on_earth.then(|| format!("https://www.google.com/maps/search/?api=1&query={latitude}%2C{longitude}"))
}
