//! A file as an HTTP response: in the encoding that the browser prefers, with an entity tag, and with what the browser may do
//! with it.

use std::fmt::Write as _;

use actix_web::{
    HttpMessage as _, HttpRequest, HttpResponse,
    http::header::{self, AcceptEncoding, Encoding, EntityTag, IfNoneMatch},
    web::Bytes,
};

use crate::site::{Content, File};

/// A browser runs, shows and asks nothing but what this service serves, nobody puts the pages in a frame, and no text ever
/// becomes markup or a script.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
    img-src 'self' data: blob:; font-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";

/// A year: another content would have another name.
const KEPT: &str = "public, max-age=31536000, immutable";
/// Kept, but asked about each time.
const ASKED_ABOUT: &str = "no-cache";

/// Answers with a file, or that the visitor has it.
pub(crate) fn file(file: &File, request: &HttpRequest) -> HttpResponse {
    let (content, encoding) = choose(file, request);
    let tag = tag(content, encoding);
    let is_known = has(request, &tag);
    let mut response = if is_known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response
        .insert_header((header::ETAG, tag))
        .insert_header((header::CACHE_CONTROL, if file.is_immutable { KEPT } else { ASKED_ABOUT }))
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"));
    if file.brotli.is_some() || file.gzip.is_some() {
        response.insert_header((header::VARY, "accept-encoding"));
    }
    if is_known {
        return response.finish();
    }
    if let Some(encoding) = encoding {
        response.insert_header((header::CONTENT_ENCODING, encoding));
    }
    response.insert_header((header::CONTENT_TYPE, file.media_type)).body(Bytes::from_static(content.bytes))
}

/// The content to send, and its encoding if it has one. Whoever takes nothing that is there gets the plain file.
fn choose<'a>(file: &'a File, request: &HttpRequest) -> (&'a Content, Option<&'static str>) {
    let variants = [(Encoding::brotli(), &file.brotli, "br"), (Encoding::gzip(), &file.gzip, "gzip")];
    let mut there = vec![Encoding::identity()];
    there
        .extend(variants.iter().filter(|(_, content, _)| content.is_some()).map(|(known, ..)| known.clone()));
    let accepted = request.get_header::<AcceptEncoding>();
    let wanted = accepted.and_then(|accepted| accepted.negotiate(there.iter()));
    variants
        .iter()
        .find(|(known, ..)| wanted.as_ref() == Some(known))
        .and_then(|(_, content, name)| Some((content.as_ref()?, Some(*name))))
        .unwrap_or((&file.plain, None))
}

/// A strong tag: another encoding is another sequence of bytes, and so has another one.
fn tag(content: &Content, encoding: Option<&str>) -> EntityTag {
    let mut tag = String::with_capacity(40);
    for byte in &content.sha256[..16] {
        // Writing into a string can't fail.
        let _ = write!(tag, "{byte:02x}");
    }
    if let Some(encoding) = encoding {
        tag.push('-');
        tag.push_str(encoding);
    }
    EntityTag::new_strong(tag)
}

fn has(request: &HttpRequest, tag: &EntityTag) -> bool {
    match request.get_header::<IfNoneMatch>() {
        Some(IfNoneMatch::Any) => true,
        Some(IfNoneMatch::Items(tags)) => tags.iter().any(|known| known.weak_eq(tag)),
        None => false,
    }
}
