//! What is being worked on, so that lines that are written on the way name it without being told; and what the platform
//! called its part of the work, for the line that tells the end.

use std::cell::RefCell;

tokio::task_local! {
    static SCOPE: Scope;
}

struct Scope {
    ids: Ids,
    correlation_id: RefCell<Option<String>>,
}

/// By what lines that belong together are found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ids {
    /// Lambda's id of the invocation.
    pub request_id: Option<String>,
    /// The integration's name.
    pub integration: Option<String>,
}

/// Does `work` as that which `ids` name. With its result comes what to ask the platform's support for: its name for the
/// last call that it answered, if it was called.
pub async fn within<F: Future>(ids: Ids, work: F) -> (F::Output, Option<String>) {
    let scope = Scope { ids, correlation_id: RefCell::default() };
    let noted = async {
        let result = work.await;
        (result, SCOPE.with(|scope| scope.correlation_id.take()))
    };
    SCOPE.scope(scope, noted).await
}

/// What is being worked on; nothing where nobody said.
pub(crate) fn ids() -> Ids {
    SCOPE.try_with(|scope| scope.ids.clone()).unwrap_or_default()
}

/// Notes what the platform called a call.
pub(crate) fn note(correlation_id: &str) {
    // Where nobody asks, nobody is told.
    let _ = SCOPE.try_with(|scope| scope.correlation_id.replace(Some(correlation_id.to_owned())));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_knows_what_it_belongs_to_and_tells_what_the_platform_called_it() {
        let acme = Ids { request_id: Some("r".to_owned()), integration: Some("acme".to_owned()) };
        let work = async {
            note("c-1");
            note("c-2");
            ids()
        };
        assert_eq!((acme.clone(), Some("c-2".to_owned())), within(acme.clone(), work).await);
        assert_eq!((acme.clone(), None), within(acme, async { ids() }).await);
    }

    #[tokio::test]
    async fn outside_of_all_work_nothing_is_known_and_nothing_kept() {
        note("c");
        assert_eq!(Ids::default(), ids());
    }
}
