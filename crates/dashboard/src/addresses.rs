//! Where the dashboard is shown: addresses that it draws itself, in the browser, so that a reload or a link leads back to
//! the same view.

/// The basic page.
pub(crate) const BASIC: &str = "/basic";

/// Views; `*` stands for one segment of the path.
const VIEWS: [&str; 11] = [
    "/",
    "/items",
    "/items/*",
    "/overview",
    "/monitors",
    "/monitors/*",
    "/notifications",
    "/import",
    "/account",
    "/account/*",
    "/integrate",
];

/// Whether the dashboard has a view at a path.
pub(crate) fn is_view(path: &str) -> bool {
    VIEWS.iter().any(|view| matches(view, path))
}

fn matches(view: &str, path: &str) -> bool {
    let (mut wanted, mut found) = (view.split('/'), path.split('/'));
    loop {
        match (wanted.next(), found.next()) {
            (None, None) => return true,
            (Some("*"), Some(segment)) if !segment.is_empty() => {}
            (Some(wanted), Some(segment)) if wanted == segment => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_have_addresses_and_nothing_else_does() {
        for path in [
            "/",
            "/items",
            "/items/7",
            "/items/%37",
            "/monitors/new",
            "/monitors/channels",
            "/account/devices",
        ] {
            assert!(is_view(path), "{path}");
        }
        for path in [
            "",
            "//",
            "/items/",
            "/items/7/8",
            "/item",
            "/itemsx",
            "/overview/1",
            "/api/v1/items",
            "/monitors/1/2",
        ] {
            assert!(!is_view(path), "{path}");
        }
    }
}
