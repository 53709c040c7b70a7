//! The files of both pages, and which one a path leads to.

use std::{borrow::Cow, collections::BTreeMap, sync::LazyLock};

use rust_embed::RustEmbed;

use crate::addresses;

// `Dashboard`: what `build.rs` has put into its folder, the built page or nothing.
include!(concat!(env!("OUT_DIR"), "/dashboard.rs"));

#[derive(RustEmbed)]
#[folder = "basic"]
struct Basic;

static EMBEDDED: LazyLock<Site> = LazyLock::new(|| Site::new(&contents::<Dashboard>(), &contents::<Basic>()));

/// Files in here have a hash of their content in their names.
const HASHED: &str = "assets/";

/// A file as the page's build made it.
#[derive(Debug, Clone)]
pub(crate) struct Content {
    pub(crate) bytes: &'static [u8],
    pub(crate) sha256: [u8; 32],
}

/// A file with what is smaller and means the same.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) plain: Content,
    pub(crate) brotli: Option<Content>,
    pub(crate) gzip: Option<Content>,
    pub(crate) media_type: &'static str,
    /// What stands at this path never changes.
    pub(crate) is_immutable: bool,
}

/// What a path leads to.
#[derive(Debug)]
pub(crate) enum Place<'a> {
    File(&'a File),
    /// A view of a dashboard that isn't here.
    Basic,
}

/// All files, by their paths.
#[derive(Debug)]
pub(crate) struct Site {
    files: BTreeMap<String, File>,
    index: Option<File>,
    basic: Option<File>,
}

impl Site {
    /// What is part of this program.
    pub(crate) fn embedded() -> &'static Self {
        &EMBEDDED
    }

    /// Of the contents of both pages, by their names.
    pub(crate) fn new(dashboard: &BTreeMap<String, Content>, basic: &BTreeMap<String, Content>) -> Self {
        let mut files = read(dashboard, "/");
        files.extend(read(basic, "/basic/"));
        let (index, basic) = (files.remove("/index.html"), files.remove("/basic/index.html"));
        Self { files, index, basic }
    }

    /// What is at a path as it stands in a request: only paths that were known beforehand lead anywhere.
    pub(crate) fn place(&self, path: &str) -> Option<Place<'_>> {
        if addresses::is_view(path) {
            return match (&self.index, &self.basic) {
                (Some(index), _) => Some(Place::File(index)),
                (None, Some(basic)) if path == "/" => Some(Place::File(basic)),
                (None, _) => Some(Place::Basic),
            };
        }
        let file = if path == addresses::BASIC { self.basic.as_ref() } else { self.files.get(path) };
        file.map(Place::File)
    }
}

/// The files of a page below a path. Hidden ones, in hidden folders too, are none.
fn read(contents: &BTreeMap<String, Content>, below: &str) -> BTreeMap<String, File> {
    let is_variant = |name: &str| {
        let plain = name.strip_suffix(".br").or_else(|| name.strip_suffix(".gz"));
        plain.is_some_and(|plain| contents.contains_key(plain))
    };
    let is_hidden = |name: &str| name.split('/').any(|part| part.starts_with('.'));
    let file = |name: &str, plain: &Content| File {
        plain: plain.clone(),
        brotli: contents.get(&format!("{name}.br")).cloned(),
        gzip: contents.get(&format!("{name}.gz")).cloned(),
        media_type: media_type(name),
        is_immutable: name.starts_with(HASHED),
    };
    contents
        .iter()
        .filter(|(name, _)| !is_variant(name) && !is_hidden(name))
        .map(|(name, plain)| (format!("{below}{name}"), file(name, plain)))
        .collect()
}

fn contents<Page: RustEmbed>() -> BTreeMap<String, Content> {
    let content = |name: &str| {
        let file = Page::get(name)?;
        let sha256 = file.metadata.sha256_hash();
        let bytes = match file.data {
            Cow::Borrowed(bytes) => bytes,
            // Only if the files were not embedded.
            Cow::Owned(bytes) => bytes.leak(),
        };
        Some(Content { bytes, sha256 })
    };
    Page::iter().filter_map(|name| Some((name.to_string(), content(&name)?))).collect()
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "txt" => "text/plain; charset=utf-8",
        "csv" => "text/csv; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_pages_have_media_types_that_are_known() {
        let site = Site::embedded();
        assert!(site.basic.is_some());
        for (path, file) in &site.files {
            assert_ne!(file.media_type, "application/octet-stream", "{path}");
        }
    }

    #[test]
    fn index_is_a_name_for_files_not_for_visitors() {
        let site = Site::embedded();
        for path in ["/index.html", "/basic/index.html"] {
            assert!(site.place(path).is_none(), "{path}");
        }
    }
}
