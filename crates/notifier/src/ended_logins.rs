//! `GET /feed/ended`: which logins were ended lately, for a hub that starts to follow, behind the internal secret. The
//! answer is [`domain::feed::EndedLogins`].

use actix_web::{HttpRequest, HttpResponse, web};
use domain::feed::EndedLogins;
use service::{ApiError, access::require_secret};

use crate::Notifier;

/// All that was ended and committed by now, from the database itself: what this notifier has of the log may begin later.
pub(crate) async fn answer(
    request: HttpRequest,
    notifier: web::Data<Notifier>,
) -> Result<HttpResponse, ApiError> {
    require_secret(request.headers(), &notifier.secret)?;
    let page = notifier.store.ended_logins(None).await.map_err(ApiError::unavailable)?;
    Ok(HttpResponse::Ok().json(EndedLogins { ended: page.ended }))
}
