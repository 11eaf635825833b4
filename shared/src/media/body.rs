//! Streams the content of a file and checks its length.

use super::error::MediaError;
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt, TryStreamExt};
use tokio::time::{Instant, timeout_at};

/// The size of a part in memory.
const PART_BYTES: usize = 256 * 1024;

/// The content of a file. The stream ends with an error unless it has the announced length and arrives by the deadline.
pub type MediaBody = BoxStream<'static, Result<Bytes, MediaError>>;

/// Forwards `chunks`, which must have exactly `length` bytes and arrive by `deadline`.
pub(super) fn stream<E: 'static>(
    chunks: impl Stream<Item = Result<Bytes, E>> + Send + 'static,
    length: u64,
    deadline: Instant,
) -> MediaBody {
    futures::stream::try_unfold((chunks.boxed(), length), move |(mut chunks, left)| async move {
        match next(&mut chunks, deadline).await? {
            Some(chunk) => {
                let left = left.checked_sub(len(&chunk)).ok_or(MediaError::Truncated)?;
                Ok(Some((chunk, (chunks, left))))
            }
            None if left == 0 => Ok(None),
            None => Err(MediaError::Truncated),
        }
    })
    .boxed()
}

/// Reads all of `chunks` by `deadline`, up to `maximum` bytes.
pub(super) async fn buffer<E: 'static>(
    chunks: impl Stream<Item = Result<Bytes, E>> + Send + 'static,
    maximum: u64,
    deadline: Instant,
) -> Result<Vec<Bytes>, MediaError> {
    let mut chunks = chunks.boxed();
    let mut room = maximum;
    let mut parts = Parts::default();
    while let Some(chunk) = next(&mut chunks, deadline).await? {
        room = room.checked_sub(len(&chunk)).ok_or(MediaError::TooLarge { maximum })?;
        parts.push(chunk);
    }
    Ok(parts.end())
}

/// Reads all of a body.
pub(super) async fn read(mut body: MediaBody) -> Result<Vec<Bytes>, MediaError> {
    let mut parts = Parts::default();
    while let Some(chunk) = body.try_next().await? {
        parts.push(chunk);
    }
    Ok(parts.end())
}

/// A file that has been read completely.
pub(super) fn from_parts(parts: Vec<Bytes>) -> MediaBody {
    futures::stream::iter(parts).map(Ok).boxed()
}

/// Content in memory. Small chunks are joined, because each has a cost of its own; one growing buffer for all would be
/// copied whenever it grows.
#[derive(Default)]
struct Parts {
    complete: Vec<Bytes>,
    last: Vec<u8>,
}

impl Parts {
    fn push(&mut self, mut chunk: Bytes) {
        if self.last.is_empty() && chunk.len() >= PART_BYTES {
            return self.complete.push(chunk);
        }
        while !chunk.is_empty() {
            if self.last.is_empty() {
                self.last = Vec::with_capacity(PART_BYTES);
            }
            let piece = chunk.split_to(chunk.len().min(PART_BYTES - self.last.len()));
            self.last.extend_from_slice(&piece);
            if self.last.len() == PART_BYTES {
                self.complete.push(std::mem::take(&mut self.last).into());
            }
        }
    }

    fn end(mut self) -> Vec<Bytes> {
        if !self.last.is_empty() {
            self.complete.push(self.last.into());
        }
        self.complete
    }
}

pub(super) fn len(bytes: &Bytes) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

async fn next<E>(
    chunks: &mut BoxStream<'static, Result<Bytes, E>>,
    deadline: Instant,
) -> Result<Option<Bytes>, MediaError> {
    // `timeout_at` alone would never stop a source that always has a chunk ready.
    if Instant::now() >= deadline {
        return Err(MediaError::Timeout);
    }
    match timeout_at(deadline, chunks.next()).await {
        Ok(chunk) => chunk.transpose().map_err(|_| MediaError::Truncated),
        Err(_) => Err(MediaError::Timeout),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::stream as streams;
    use std::time::Duration;

    type Chunks = Vec<Result<Bytes, ()>>;

    fn chunks(texts: &[&'static str]) -> Chunks {
        texts.iter().map(|text| Ok(Bytes::from_static(text.as_bytes()))).collect()
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(10)
    }

    /// The content that is forwarded, and the error at the end.
    async fn forwarded(chunks: Chunks, length: u64) -> (String, Option<MediaError>) {
        let mut text = String::new();
        let mut body = stream(streams::iter(chunks), length, soon());
        while let Some(chunk) = body.next().await {
            match chunk {
                Ok(chunk) => text.push_str(str::from_utf8(&chunk).unwrap()),
                Err(error) => {
                    assert!(body.next().await.is_none(), "the stream continues after the error");
                    return (text, Some(error));
                }
            }
        }
        (text, None)
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_of_the_announced_length_is_forwarded() {
        assert_eq!(("abcdef".to_owned(), None), forwarded(chunks(&["abc", "", "def"]), 6).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_is_too_long_ends_with_an_error_before_the_first_excess_byte() {
        let error = Some(MediaError::Truncated);
        assert_eq!(("abc".to_owned(), error), forwarded(chunks(&["abc", "def"]), 5).await);
        assert_eq!(("abcdef".to_owned(), error), forwarded(chunks(&["abc", "def", "g"]), 6).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_is_too_short_or_broken_ends_with_an_error() {
        let error = Some(MediaError::Truncated);
        assert_eq!(("abc".to_owned(), error), forwarded(chunks(&["abc"]), 4).await);
        assert_eq!((String::new(), error), forwarded(chunks(&[]), 1).await);
        assert_eq!(("abc".to_owned(), error), forwarded([chunks(&["abc"]), vec![Err(())]].concat(), 3).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_stalls_ends_at_the_deadline() {
        let stalling = || streams::iter(chunks(&["abc"])).chain(streams::pending());
        let deadline = soon();
        let error = stream(stalling(), 6, deadline).try_collect::<Vec<_>>().await.unwrap_err();
        assert_eq!((MediaError::Timeout, deadline), (error, Instant::now()));
        let deadline = soon();
        let error = buffer(stalling(), 6, deadline).await.unwrap_err();
        assert_eq!((MediaError::Timeout, deadline), (error, Instant::now()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_never_pauses_ends_at_the_deadline_too() {
        let mut body = stream(streams::iter(chunks(&["abc", "def"])), 6, soon());
        assert!(body.next().await.unwrap().is_ok());
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!(Some(Err(MediaError::Timeout)), body.next().await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_is_buffered_up_to_the_maximum() {
        let bytes = buffer(streams::iter(chunks(&["abc", "def"])), 6, soon()).await;
        assert_eq!(Ok(vec![Bytes::from_static(b"abcdef")]), bytes);
        let bytes = buffer(streams::iter(chunks(&["abc", "def"])), 5, soon()).await;
        assert_eq!(Err(MediaError::TooLarge { maximum: 5 }), bytes);
        let bytes = buffer(streams::iter([chunks(&["abc"]), vec![Err(())]].concat()), 6, soon()).await;
        assert_eq!(Err(MediaError::Truncated), bytes);
    }

    #[tokio::test(start_paused = true)]
    async fn chunks_of_any_size_are_buffered_in_order_and_in_few_parts() {
        let content: Vec<u8> = (0..PART_BYTES + 7).map(|index| (index % 251) as u8).collect();
        for (size, count) in [(1, 2), (1_000, 2), (PART_BYTES - 1, 2), (PART_BYTES, 2), (content.len(), 1)] {
            let chunks: Chunks = content.chunks(size).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
            let parts = buffer(streams::iter(chunks), len(&content.clone().into()), soon()).await.unwrap();
            assert_eq!((count, &content), (parts.len(), &parts.concat()), "{size}");
            assert_eq!(Ok(&parts), read(from_parts(parts.clone())).await.as_ref(), "{size}");
        }
    }
}
