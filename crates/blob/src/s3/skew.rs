//! Requests that were refused because our clock jumped. The client knows by how much the server's differs, from the
//! answers before, and signs by the server's; what it knows is wrong for one request after a jump. It tries again where
//! the body of the refusal gives that reason. Refusals of HEAD have no body.

use aws_sdk_s3::config::{
    interceptors::InterceptorContext,
    retry::{ClassifyRetry, RetryAction},
};

/// Lets requests that were refused without a reason be tried again; the client then knows the server's time.
#[derive(Debug)]
pub(super) struct Unexplained;

impl ClassifyRetry for Unexplained {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let unexplained = context.response().is_some_and(|response| {
            response.status().as_u16() == 403 && response.body().bytes().is_some_and(<[u8]>::is_empty)
        });
        if unexplained { RetryAction::transient_error() } else { RetryAction::NoActionIndicated }
    }

    fn name(&self) -> &'static str {
        "refused without a reason"
    }
}
