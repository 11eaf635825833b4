//! The bytes of a file, counted while they pass.

use super::error::MediaError;
use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt};
use tokio::time::{Instant, timeout_at};

/// The bytes of a file. The stream ends in an error unless they are as many as announced and there by the deadline.
pub type MediaBody = BoxStream<'static, Result<Bytes, MediaError>>;

/// Passes `chunks` on: `length` bytes of them by `deadline`, no more and no fewer.
pub(super) fn passing<E: 'static>(
    chunks: impl Stream<Item = Result<Bytes, E>> + Send + 'static,
    length: u64,
    deadline: Instant,
) -> MediaBody {
    stream::try_unfold((chunks.boxed(), length), move |(mut chunks, left)| async move {
        match next(&mut chunks, deadline).await? {
            Some(chunk) => {
                let left = left.checked_sub(size(&chunk)).ok_or(MediaError::BrokenOff)?;
                Ok(Some((chunk, (chunks, left))))
            }
            None if left == 0 => Ok(None),
            None => Err(MediaError::BrokenOff),
        }
    })
    .boxed()
}

/// All of `chunks` by `deadline`, if they are not more than `maximum` bytes.
pub(super) async fn collected<E: 'static>(
    chunks: impl Stream<Item = Result<Bytes, E>> + Send + 'static,
    maximum: u64,
    deadline: Instant,
) -> Result<Bytes, MediaError> {
    let mut chunks = chunks.boxed();
    let mut room = maximum;
    let mut whole = Vec::new();
    while let Some(chunk) = next(&mut chunks, deadline).await? {
        room = room.checked_sub(size(&chunk)).ok_or(MediaError::TooLarge { maximum })?;
        whole.extend_from_slice(&chunk);
    }
    Ok(whole.into())
}

/// A file that is here as a whole.
pub(super) fn whole(bytes: Bytes) -> MediaBody {
    stream::iter([Ok(bytes)]).boxed()
}

/// How many bytes there are.
pub(super) fn size(bytes: &Bytes) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

async fn next<E>(
    chunks: &mut BoxStream<'static, Result<Bytes, E>>,
    deadline: Instant,
) -> Result<Option<Bytes>, MediaError> {
    // `timeout_at` alone would let a source pass that always has something ready.
    if Instant::now() >= deadline {
        return Err(MediaError::TooLate);
    }
    match timeout_at(deadline, chunks.next()).await {
        Ok(chunk) => chunk.transpose().map_err(|_| MediaError::BrokenOff),
        Err(_) => Err(MediaError::TooLate),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::TryStreamExt;
    use std::time::Duration;

    type Chunks = Vec<Result<Bytes, ()>>;

    fn chunks(texts: &[&'static str]) -> Chunks {
        texts.iter().map(|text| Ok(Bytes::from_static(text.as_bytes()))).collect()
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(10)
    }

    /// What passes, and how it ends.
    async fn passed(chunks: Chunks, length: u64) -> (String, Option<MediaError>) {
        let mut text = String::new();
        let mut body = passing(stream::iter(chunks), length, soon());
        while let Some(chunk) = body.next().await {
            match chunk {
                Ok(chunk) => text.push_str(str::from_utf8(&chunk).unwrap()),
                Err(error) => {
                    assert!(body.next().await.is_none(), "something follows the error");
                    return (text, Some(error));
                }
            }
        }
        (text, None)
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_of_the_announced_length_passes() {
        assert_eq!(("abcdef".to_owned(), None), passed(chunks(&["abc", "", "def"]), 6).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_is_longer_ends_in_an_error_before_the_byte_too_many() {
        let error = Some(MediaError::BrokenOff);
        assert_eq!(("abc".to_owned(), error), passed(chunks(&["abc", "def"]), 5).await);
        assert_eq!(("abcdef".to_owned(), error), passed(chunks(&["abc", "def", "g"]), 6).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_is_shorter_or_broken_ends_in_an_error() {
        let error = Some(MediaError::BrokenOff);
        assert_eq!(("abc".to_owned(), error), passed(chunks(&["abc"]), 4).await);
        assert_eq!((String::new(), error), passed(chunks(&[]), 1).await);
        assert_eq!(("abc".to_owned(), error), passed([chunks(&["abc"]), vec![Err(())]].concat(), 3).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_stalls_ends_at_the_deadline() {
        let stalling = || stream::iter(chunks(&["abc"])).chain(stream::pending());
        let deadline = soon();
        let error = passing(stalling(), 6, deadline).try_collect::<Vec<_>>().await.unwrap_err();
        assert_eq!((MediaError::TooLate, deadline), (error, Instant::now()));
        let deadline = soon();
        let error = collected(stalling(), 6, deadline).await.unwrap_err();
        assert_eq!((MediaError::TooLate, deadline), (error, Instant::now()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_never_pauses_ends_at_the_deadline_too() {
        let mut body = passing(stream::iter(chunks(&["abc", "def"])), 6, soon());
        assert!(body.next().await.unwrap().is_ok());
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!(Some(Err(MediaError::TooLate)), body.next().await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_is_collected_up_to_the_maximum() {
        let bytes = collected(stream::iter(chunks(&["abc", "def"])), 6, soon()).await;
        assert_eq!(Ok(Bytes::from_static(b"abcdef")), bytes);
        let bytes = collected(stream::iter(chunks(&["abc", "def"])), 5, soon()).await;
        assert_eq!(Err(MediaError::TooLarge { maximum: 5 }), bytes);
        let bytes = collected(stream::iter([chunks(&["abc"]), vec![Err(())]].concat()), 6, soon()).await;
        assert_eq!(Err(MediaError::BrokenOff), bytes);
    }
}
