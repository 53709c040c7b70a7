//! A request of ours to another service: it carries an id, and goes on with the trace if there is one.

use std::sync::Arc;

use tracing::{Instrument, Span};

use crate::{
    request::{CurrentRequest, RequestId},
    traceparent::TraceParent,
    traces,
};

/// A call of another service. Calls that the current request causes have its id; those that nobody in particular causes
/// have one of their own.
#[derive(Debug)]
pub struct Call {
    id: Arc<str>,
    trace: Option<TraceParent>,
    span: Span,
}

impl Call {
    /// A call, named as its span shall be, such as `GET /internal/v1/snapshot`.
    #[must_use]
    pub fn begin(name: &'static str) -> Self {
        let current = CurrentRequest::get();
        let caller = current.as_ref().and_then(|current| current.trace);
        let id = current.map_or_else(|| RequestId::new().0.into(), |current| current.id);
        let span = traces::call_span(name, &id);
        let trace = traces::place(&span, caller);
        Self { id, trace, span }
    }

    /// Its id, for log lines.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What it says of itself to the other side: header names and values.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, String)> {
        let trace = self.trace.map(|trace| ("traceparent", trace.to_string()));
        [("x-request-id", self.id.to_string())].into_iter().chain(trace)
    }

    /// Runs the call inside its span, which ends with it.
    pub async fn run<T, E>(self, call: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        let ended = call.instrument(self.span.clone()).await;
        if ended.is_err() {
            traces::failed(&self.span);
        }
        ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_call_goes_on_with_the_request_that_causes_it() {
        let trace: TraceParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".parse().unwrap();
        let request = CurrentRequest { id: "r-1".into(), trace: Some(trace) };
        // As a task that the request leaves behind.
        let (send, left_behind) = tokio::sync::oneshot::channel();
        request
            .scope(async {
                let asks = async { Call::begin("GET /x").headers().collect::<Vec<_>>() };
                let carried = CurrentRequest::carry(asks);
                assert!(send.send(tokio::spawn(carried)).is_ok());
            })
            .await;
        let headers = left_behind.await.unwrap().await.unwrap();
        assert_eq!(headers, [("x-request-id", "r-1".to_owned()), ("traceparent", trace.to_string())]);
        let nobody: Vec<_> = Call::begin("GET /x").headers().collect();
        assert!(nobody.len() == 1 && nobody[0].1.len() == 36, "{nobody:?}");
    }
}
